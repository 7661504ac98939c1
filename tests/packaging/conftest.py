"""A Debian of its own with our package at hand, for tests.

It is an overlay over this machine's own root, in namespaces that end with the test, so nothing is
downloaded but the package's dependencies and nothing is left.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house.source import REPOSITORY

NEEDED = (
    "dpkg-deb",
    "setpriv",
    "unshare",
    "nsenter",
    "systemd-sysusers",
    "systemd-tmpfiles",
    "py3compile",
)
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# The upper layer is memory: it may not lie within the lower one, which is everything.
MAKE = """
set -e
mount -t tmpfs tmpfs {top}
mkdir {top}/upper {top}/work {top}/root
mount -t overlay overlay -o lowerdir=/,upperdir={top}/upper,workdir={top}/work {top}/root
mount -t proc proc {top}/root/proc
mount -t tmpfs tmpfs {top}/root/run
mount --bind /dev {top}/root/dev
ip link set lo up
echo ready
exec sleep infinity
"""


class Debian:
    """A throwaway one."""

    def __init__(self, folder: Path) -> None:
        self._process = subprocess.Popen(
            [
                *("setpriv", "--pdeathsig", "KILL"),  # nothing outlives the tests
                *("unshare", "--mount", "--pid", "--net", "--uts", "--fork", "--kill-child"),
                *("sh", "-c", MAKE.format(top=folder)),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._root = folder / "root"
        assert self._process.stdout is not None
        if self._process.stdout.readline() != "ready\n":
            _, said = self._process.communicate()
            pytest.skip(f"cannot make a Debian of its own here: {said.strip()}")
        pid = self._process.pid
        self._first = int(Path(f"/proc/{pid}/task/{pid}/children").read_text())

    def run(self, script: str, *arguments: str, check: bool = True) -> str:
        done = subprocess.run(
            [
                *("nsenter", "-t", str(self._first), "-m", "-p", "-n", "-u"),
                *("chroot", str(self._root), "env", "-i", f"PATH={PATH}", "LC_ALL=C.UTF-8"),
                *("DEBIAN_FRONTEND=noninteractive", "HOME=/root"),
                *("bash", "-c", script, "bash", *arguments),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if check:
            assert done.returncode == 0, f"{script}\n{done.stdout}"
        return done.stdout

    def put(self, file: Path, path: str) -> None:
        with file.open("rb") as source:
            subprocess.run(
                [
                    *("nsenter", "-t", str(self._first), "-m"),
                    *("chroot", str(self._root), "sh", "-c", f"cat >{path}"),
                ],
                stdin=source,
                check=True,
            )

    def end(self) -> None:
        self._process.send_signal(signal.SIGKILL)  # --kill-child: all of its processes go with it
        self._process.communicate()


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if os.geteuid() != 0:
        pytest.skip("needs root")
    missing = [name for name in NEEDED if shutil.which(name) is None]
    if missing:
        pytest.skip(f"needs {', '.join(missing)}")
    if "3.11" not in subprocess.check_output(["/usr/bin/python3", "--version"], text=True):
        pytest.skip("needs the python3 of Debian 12")
    output = tmp_path_factory.mktemp("package")
    built = subprocess.run(
        [sys.executable, str(REPOSITORY / "tools/build_deb.py"), "--output", str(output)],
        env={**os.environ, "DPKG_DEB_COMPRESSOR_LEVEL": "1"},  # nobody sends it anywhere
        capture_output=True,
        text=True,
        check=False,
    )
    if "No matching distribution found" in built.stderr:
        pytest.skip("needs a package index for the dependencies")
    assert built.returncode == 0, built.stderr
    (found,) = output.glob("*.deb")
    return found


@pytest.fixture
def debian(tmp_path: Path, package: Path) -> Iterator[Debian]:
    made = Debian(tmp_path)
    try:
        made.run("rm -rf /etc/swift /srv/node /var/log/swift")
        made.put(package, "/root/swiftlite.deb")
        yield made
    finally:
        made.end()
