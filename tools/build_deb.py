#!/usr/bin/env python3
"""Builds the Debian package: every command, unit, manual page and sample, and a private environment
below /usr/lib/swiftlite with the Python packages that Debian 12 has only in older versions.

tools/build_deb.py [--output dist] [--wheels DIR] [--version 0.1.0-1]

Needs Debian 12's python3, dpkg-deb, and a pip in the interpreter that runs this. Dependencies come
from the package index that pip knows, or from the wheels of a folder alone. It is the same, bit
for bit, for the same commit and the same dependencies.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from email.utils import formatdate
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
PARTS = "tools/deb"
PYTHON = "/usr/bin/python3"
HOME = Path("usr/lib/swiftlite")
# What a node needs a conf for; the other samples are for those who want them. There is no
# swift.conf: one that every installation shares would be worse than none.
CONFS = (
    *("account-server", "container-server", "object-server", "proxy-server"),
    *("drive-audit", "internal-client"),
)
MOVED = {
    "lib/systemd/system": "lib/systemd/system",
    "share/man/man1": "usr/share/man/man1",
    "share/swiftlite": "usr/share/swiftlite",
    "share/bash-completion/completions": "usr/share/bash-completion/completions",
    "share/zsh/site-functions": "usr/share/zsh/vendor-completions",
}
CHANGELOG = """\
swiftlite ({version}) unstable; urgency=medium

  * What changed is in /usr/share/doc/swiftlite/changelog.gz.

 -- The swiftlite project <packages@swiftlite.invalid>  {date}
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--output", type=Path, default=REPOSITORY / "dist")
    parser.add_argument("--wheels", type=Path, help="take dependencies from this folder only")
    parser.add_argument("--version", help="the package's own (that of the commands, -1)")
    options = parser.parse_args()
    os.environ["SOURCE_DATE_EPOCH"] = str(_commit_time())
    os.umask(0o022)
    options.output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="swiftlite-deb-") as folder:
        source, root = Path(folder, "source"), Path(folder, "root")
        copy_source(source)
        make_environment(root, source, options.wheels)
        move_data(root)
        add_links(root)
        add_confs(root, source)
        version = options.version or f"{_own_version(source)}-1"
        add_documents(root, source, version)
        set_modes(root)
        package = options.output / f"swiftlite_{version}_{_architecture()}.deb"
        add_control(root, source, version)
        _run("dpkg-deb", "--root-owner-group", "--build", str(root), str(package))
    print(package)
    return 0


def copy_source(target: Path) -> None:
    """The commit that is checked out; changes that were not committed are not in the package."""
    target.mkdir()
    archive = subprocess.check_output(["git", "archive", "--format=tar", "HEAD"], cwd=REPOSITORY)
    subprocess.run(["tar", "--extract", "--directory", str(target)], input=archive, check=True)


def make_environment(root: Path, source: Path, wheels: Path | None) -> None:
    """The commands with all that they import, by pip, made to believe that it is in its place."""
    home = root / HOME
    _run(PYTHON, "-m", "venv", "--without-pip", str(home))
    where = ["--no-index", "--find-links", str(wheels)] if wheels else []
    _run(
        *(sys.executable, "-m", "pip", "--python", str(home / "bin/python3"), "--quiet"),
        *("--disable-pip-version-check", "install", "--no-compile", *where, str(source)),
    )
    (home / "bin/python3").unlink()
    (home / "bin/python3").symlink_to("../../../bin/python3")  # Debian wants it relative
    for script in (home / "bin").iterdir():
        if script.is_symlink():
            continue
        if not script.name.startswith("swiftlite"):
            script.unlink()
            continue
        text = script.read_text(encoding="utf-8")
        script.write_text(text.replace(f"#!{home}/", f"#!/{HOME}/", 1), encoding="utf-8")
    settings = home / "pyvenv.cfg"
    kept = [line for line in settings.read_text().splitlines() if not line.startswith("command")]
    settings.write_text("\n".join(kept) + "\n")
    _remove_what_only_builders_need(home)


def _remove_what_only_builders_need(home: Path) -> None:
    for name in ("include", "lib64"):
        path = home / name
        path.unlink() if path.is_symlink() else shutil.rmtree(path, ignore_errors=True)
    for path in (*home.rglob("direct_url.json"), *home.rglob("REQUESTED")):
        path.unlink()
    for path in home.glob("lib/python*/site-packages/*/tests"):
        shutil.rmtree(path)
    for pattern in ("*.h", "*.c", "*.cpp", "*.hpp", "*.pyx", "*.pxd"):
        for path in home.glob(f"lib/**/{pattern}"):
            path.unlink()


def move_data(root: Path) -> None:
    """Units, pages, samples and completions from the environment to where Debian has them."""
    for inside, place in MOVED.items():
        target = root / place
        target.parent.mkdir(parents=True, exist_ok=True)
        (root / HOME / inside).rename(target)
    shutil.rmtree(root / HOME / "share")
    shutil.rmtree(root / HOME / "lib" / "systemd")
    for page in (root / "usr/share/man/man1").iterdir():
        _compress(page)


def add_links(root: Path) -> None:
    """The commands in /usr/bin; bash looks for a completion under each command's name."""
    bin_ = root / "usr/bin"
    bin_.mkdir()
    completions = root / "usr/share/bash-completion/completions"
    for script in sorted((root / HOME / "bin").glob("swiftlite*")):
        (bin_ / script.name).symlink_to(f"../lib/swiftlite/bin/{script.name}")
        if script.name != "swiftlite":
            (completions / script.name).symlink_to("swiftlite.bash")


def add_confs(root: Path, source: Path) -> None:
    """Confs, the user, directories."""
    swift_dir = root / "etc/swift"
    swift_dir.mkdir(parents=True)
    for name in CONFS:
        shutil.copyfile(source / "etc" / f"{name}.conf-sample", swift_dir / f"{name}.conf")
    for kind in ("sysusers", "tmpfiles"):
        target = root / "usr/lib" / f"{kind}.d" / "swiftlite.conf"
        target.parent.mkdir(parents=True)
        shutil.copyfile(source / PARTS / f"{kind}.conf", target)


def add_documents(root: Path, source: Path, version: str) -> None:
    folder = root / "usr/share/doc/swiftlite"
    shutil.copytree(source / "doc", folder, ignore=shutil.ignore_patterns("man"))
    shutil.copyfile(source / PARTS / "copyright", folder / "copyright")
    shutil.copyfile(source / "CHANGELOG.md", folder / "changelog")
    date = formatdate(int(os.environ["SOURCE_DATE_EPOCH"]))
    (folder / "changelog.Debian").write_text(CHANGELOG.format(version=version, date=date))
    for name in ("changelog", "changelog.Debian"):
        _compress(folder / name)
    shutil.copytree(source / "etc/ansible", root / "usr/share/swiftlite/ansible")
    overrides = root / "usr/share/lintian/overrides/swiftlite"
    overrides.parent.mkdir(parents=True)
    shutil.copyfile(source / PARTS / "lintian-overrides", overrides)


def set_modes(root: Path) -> None:
    for path in root.rglob("*"):
        if not path.is_symlink():
            runs = path.is_dir() or (path.parent.name == "bin")
            path.chmod(0o755 if runs else 0o644)


def add_control(root: Path, source: Path, version: str) -> None:
    files = sorted(path for path in root.rglob("*") if path.is_file() and not path.is_symlink())
    control = root / "DEBIAN"
    control.mkdir()
    told = {
        "version": version,
        "architecture": _architecture(),
        "installed_size": str(sum(path.stat().st_size for path in files) // 1024),
    }
    (control / "control").write_text((source / PARTS / "control").read_text().format(**told))
    sums = "".join(
        f"{hashlib.md5(path.read_bytes()).hexdigest()}  {path.relative_to(root)}\n"
        for path in files
        if not path.is_relative_to(root / "etc")
    )
    (control / "md5sums").write_text(sums)
    confs = sorted(f"/{path.relative_to(root)}\n" for path in (root / "etc").rglob("*.conf"))
    (control / "conffiles").write_text("".join(confs))
    names = " ".join(sorted(_enabled(root)))
    for script in ("postinst", "prerm", "postrm"):
        text = (source / PARTS / script).read_text().replace("@UNITS@", names)
        (control / script).write_text(text)
        (control / script).chmod(0o755)


def _enabled(root: Path) -> list[str]:
    """Units that wait below the target of their kind; templates and chores of choice do not."""
    folder = root / "lib/systemd/system"
    wanted = re.compile(r"^WantedBy=swiftlite-\w+\.target$", re.MULTILINE)
    return [
        unit.name
        for unit in folder.iterdir()
        if "@" not in unit.name and wanted.search(unit.read_text())
    ]


def _compress(path: Path) -> None:
    target = path.with_name(path.name + ".gz")
    target.write_bytes(gzip.compress(path.read_bytes(), 9, mtime=0))
    path.unlink()


def _own_version(source: Path) -> str:
    found = re.search(r'__version__ = "(.+)"', (source / "swiftlite/__init__.py").read_text())
    assert found is not None
    return found[1]


def _architecture() -> str:
    return subprocess.check_output(["dpkg", "--print-architecture"], text=True).strip()


def _commit_time() -> int:
    command = ["git", "log", "-1", "--format=%ct"]
    return int(subprocess.check_output(command, cwd=REPOSITORY, text=True))


def _run(*command: str) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    sys.exit(main())
