#!/usr/bin/env python3
"""Writes what follows from the table of commands in setup.cfg: the launchers in bin/.

tools/render_commands.py          write what has changed
tools/render_commands.py --check  write nothing; exit 1 if something is stale
"""

from __future__ import annotations

import configparser
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
LAUNCHER = """\
#!/usr/bin/env python3
import pathlib, sys; sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from {module} import main; sys.exit(main())  # from a checkout; installs have an entry point
"""


def commands() -> dict[str, str]:
    """Every console script with its module."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(REPOSITORY / "setup.cfg", encoding="utf-8")
    found = {}
    for line in parser["options.entry_points"]["console_scripts"].strip().splitlines():
        name, _, target = (part.strip() for part in line.partition("="))
        module, _, function = target.partition(":")
        assert function == "main", line
        found[name] = module
    return found


def rendered() -> dict[Path, str]:
    """All generated files, by path within the repository."""
    return {
        Path("bin", name): LAUNCHER.format(module=module) for name, module in commands().items()
    }


def write_all(files: dict[Path, str], arguments: list[str]) -> int:
    """Write those that differ from what is there; the exit code."""
    stale = 0
    for path, text in files.items():
        target = REPOSITORY / path
        if target.exists() and target.read_text(encoding="utf-8") == text:
            continue
        stale += 1
        print(path)
        if "--check" not in arguments:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
            if path.parts[0] == "bin":
                target.chmod(0o755)
    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(write_all(rendered(), sys.argv[1:]))
