"""Instructions per request of the hot paths, counted by valgrind; and those that are agreed on.

Counts hardly depend on how busy the machine is: timers that fire in between are all that differs
(ten runs at a load of 40 on two cores: up to 9 % in the cheapest path, 4 % in the others).

    python -m tests.bench.instructions           what they are, beside what they were
    python -m tests.bench.instructions --write   make them what is agreed on (say why in the commit)
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.bench.hot_paths import REQUESTS

HERE = Path(__file__).resolve().parent
AGREED = HERE / "instructions.json"
_COUNT = re.compile(r"^desc: Trigger: Client Request: (.*?)$.*?^totals: (\d+)$", re.M | re.S)


def unusable() -> str:
    """Why nothing can be counted here; empty if it can."""
    if shutil.which("valgrind") is None:
        return "needs valgrind"
    if platform.machine() != "x86_64" or sys.version_info[:2] != (3, 11):
        return "the agreed counts are of CPython 3.11 on x86-64"
    return ""


LOSS = 1.2  # a path may cost so many times what is agreed on


def dearer(found: dict[str, int], before: dict[str, int]) -> dict[str, str]:
    """What has become too dear, and by how much."""
    return {
        name: f"{before[name]:,} -> {count:,} instructions"
        for name, count in found.items()
        if count > before[name] * LOSS
    }


def counted(script: Path = HERE / "hot_paths.py") -> dict[str, int]:
    """Instructions in user space per request, by path."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["valgrind", "--tool=callgrind", "--instr-atstart=no", "--quiet"]
        command += [f"--callgrind-out-file={folder}/count", sys.executable]
        command += [str(script)]
        environment = os.environ | {"PYTHONHASHSEED": "0", "PYTHONPATH": str(HERE.parents[1])}
        subprocess.run(command, check=True, env=environment, capture_output=True, cwd=folder)
        texts = [path.read_text() for path in Path(folder).glob("count*")]
    found = [match for text in texts for match in _COUNT.findall(text)]
    return {name: int(total) // REQUESTS for name, total in found}


def agreed() -> dict[str, int]:
    found: dict[str, int] = json.loads(AGREED.read_text())
    return found


def main() -> int:
    if reason := unusable():
        print(reason, file=sys.stderr)
        return 1
    found = counted()
    before = agreed() if AGREED.exists() else {}
    for name, count in found.items():
        change = f"{count / before[name] - 1:+7.1%}" if name in before else "    new"
        print(f"{count:12,} {change}  {name}")
    if "--write" in sys.argv[1:]:
        AGREED.write_text(json.dumps(found, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
