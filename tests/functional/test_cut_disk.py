"""The disk that tools/faults cuts off: what was synced is there again, whoever else is about."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.root]

ROOT = Path(__file__).parents[2]
PROGRAM = """
import os, sys
from pathlib import Path
from tools.faults.cut_disk import Disk
disk = Disk(Path(sys.argv[1]), 1, "ext4", volatile=False)
path = disk.mount_point / "file"
descriptor = os.open(path, os.O_CREAT | os.O_WRONLY)
os.write(descriptor, b"durable")
os.fsync(descriptor)
os.close(descriptor)
print("ready", flush=True)
sys.stdin.readline()
disk.cut_power(flush_log=False)
disk.unmount()
disk.mount()
print(path.read_text(), flush=True)
disk.unmount()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    if os.geteuid() != 0 or shutil.which("mkfs.ext4") is None:
        pytest.skip("needs root and mkfs.ext4")
    return tmp_path


@pytest.fixture
def user(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that writes to such a disk, waits for a line, and cuts its power."""
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(folder)],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    yield process
    process.kill()
    process.communicate()
    subprocess.run(["umount", str(folder / "disk")], capture_output=True)


def test_a_process_that_takes_all_mounts_along_does_no_harm(
    user: subprocess.Popen[str],
) -> None:
    assert user.stdin is not None
    assert user.stdout is not None
    assert user.stdout.readline() == "ready\n"
    stranger = subprocess.Popen(
        ["unshare", "--mount", "sh", "-c", "echo there; exec sleep 600"],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert stranger.stdout is not None
        assert stranger.stdout.readline() == "there\n"
        user.stdin.write("\n")
        user.stdin.flush()
        assert user.stdout.readline() == "durable\n"
    finally:
        stranger.kill()
        stranger.communicate()
