"""Files of the operating system: what the engines rely on, call by call."""

from __future__ import annotations

import errno
import os
import platform
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from swiftlite.host.os_clock import monotonic
from swiftlite.host.os_disk import OsDisk
from swiftlite.host.os_process import OsProcess


@pytest.fixture
def disk() -> OsDisk:
    return OsDisk()


@pytest.fixture
def root(tmp_path: Path) -> str:
    return str(tmp_path)


def test_bytes_go_in_and_come_out(disk: OsDisk, root: str) -> None:
    fd = disk.open(f"{root}/f", os.O_RDWR | os.O_CREAT)
    assert disk.write(fd, b"hello ") == 6
    assert disk.write(fd, memoryview(b"world")) == 5
    assert disk.pwrite(fd, b"W", 6) == 1
    assert disk.pread(fd, 5, 6) == b"World"
    view = memoryview(bytearray(5))
    assert disk.preadv_into(fd, view, 6) == 5
    assert bytes(view) == b"World"
    os.lseek(fd, 0, os.SEEK_SET)
    assert disk.read(fd, 5) == b"hello"
    assert disk.read_into(fd, view) == 5
    disk.truncate(fd, 3)
    assert disk.fstat(fd).st_size == 3
    disk.fsync(fd)
    disk.drop_cache(fd, 0, 3)
    assert not os.get_inheritable(fd)
    disk.close(fd)


def test_a_file_without_a_name_can_be_given_one_once(disk: OsDisk, root: str) -> None:
    fd = disk.open_unnamed(root)
    disk.write(fd, b"data")
    assert disk.listdir(root) == []
    disk.link_unnamed(fd, f"{root}/named")
    assert disk.listdir(root) == ["named"]
    with pytest.raises(FileExistsError):
        disk.link_unnamed(fd, f"{root}/named")
    disk.close(fd)
    assert Path(root, "named").read_bytes() == b"data"


def test_preallocating_keeps_the_size(disk: OsDisk, root: str) -> None:
    fd = disk.open_unnamed(root)
    disk.preallocate(fd, 1_000_000)
    assert disk.fstat(fd).st_size == 0
    assert disk.fstat(fd).st_blocks * 512 >= 1_000_000
    disk.preallocate(fd, 0)
    disk.close(fd)


def test_preallocating_too_much_says_so(disk: OsDisk, root: str) -> None:
    fd = disk.open_unnamed(root)
    with pytest.raises(OSError, match=r"too large|No space"):
        disk.preallocate(fd, 1 << 50)
    with pytest.raises(OSError, match="Bad file"):
        disk.preallocate(-1, 10)
    disk.close(fd)


def test_names(disk: OsDisk, root: str) -> None:
    disk.makedirs(f"{root}/a/b")
    disk.makedirs(f"{root}/a/b")
    disk.mkdir(f"{root}/c")
    with pytest.raises(FileExistsError):
        disk.mkdir(f"{root}/c")
    os.close(disk.open(f"{root}/a/f", os.O_CREAT | os.O_WRONLY))
    disk.rename(f"{root}/a/f", f"{root}/c/f")
    disk.link(f"{root}/c/f", f"{root}/c/g")
    assert sorted(disk.listdir(f"{root}/c")) == ["f", "g"]
    disk.unlink(f"{root}/c/f")
    disk.unlink(f"{root}/c/g")
    disk.rmdir(f"{root}/c")
    disk.fsync_dir(root)
    assert disk.exists(f"{root}/a/b")
    assert not disk.exists(f"{root}/c")
    assert not disk.exists(f"{root}/c/d")
    with pytest.raises(FileNotFoundError):
        disk.listdir(f"{root}/c")


def test_a_path_through_a_file_does_not_exist(disk: OsDisk, root: str) -> None:
    Path(root, "f").write_bytes(b"")
    assert not disk.exists(f"{root}/f/g")


def test_facts(disk: OsDisk, root: str) -> None:
    Path(root, "f").write_bytes(b"abc")
    os.symlink("f", f"{root}/l")
    assert disk.stat(f"{root}/l").st_size == 3
    assert disk.lstat(f"{root}/l").st_size == 1
    disk.utime(f"{root}/f", 1000.5)
    assert disk.stat(f"{root}/f").st_mtime == 1000.5
    assert disk.statvfs(root).f_bsize > 0


def test_mounts(disk: OsDisk, root: str) -> None:
    assert disk.is_mount("/")
    assert disk.is_mount("/proc")
    assert not disk.is_mount(root)
    assert not disk.is_mount(f"{root}/nothing")
    os.symlink("/proc", f"{root}/link")
    assert not disk.is_mount(f"{root}/link")


@pytest.mark.parametrize("by_fd", [True, False])
def test_extended_attributes(disk: OsDisk, root: str, by_fd: bool) -> None:
    path = f"{root}/f"
    fd = disk.open(path, os.O_CREAT | os.O_RDWR)
    target = fd if by_fd else path
    disk.setxattr(target, "user.swift.metadata", b"\x80value")
    assert disk.getxattr(target, "user.swift.metadata") == b"\x80value"
    assert "user.swift.metadata" in disk.listxattr(target)
    disk.removexattr(target, "user.swift.metadata")
    with pytest.raises(OSError, match="No data") as caught:
        disk.getxattr(target, "user.swift.metadata")
    assert caught.value.errno == errno.ENODATA
    disk.close(fd)


@pytest.mark.parametrize("what", ["file", "directory"])
def test_a_lock_excludes_others(disk: OsDisk, root: str, what: str) -> None:
    path = root if what == "directory" else f"{root}/lock"
    with disk.flock(path, 1):
        with pytest.raises(TimeoutError) as caught, disk.flock(path, 0.03):
            pass
        assert caught.value.errno == errno.ETIMEDOUT
        with pytest.raises(TimeoutError), disk.flock(path, 0):
            pass
    with disk.flock(path, 0) as fd:
        assert disk.fstat(fd)


def test_shared_locks_exclude_only_exclusive_ones(disk: OsDisk, root: str) -> None:
    path = f"{root}/lock"
    one, other = disk.flock(path, 0, shared=True), disk.flock(path, 0, shared=True)
    with one, other, pytest.raises(TimeoutError), disk.flock(path, 0):
        pass


def test_a_lock_is_waited_for(disk: OsDisk, root: str) -> None:
    path = f"{root}/lock"
    held, free = threading.Event(), threading.Event()

    def hold() -> None:
        with disk.flock(path, 1):
            held.set()
            free.wait(20)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(20)
    threading.Timer(0.05, free.set).start()
    with disk.flock(path, None):
        assert free.is_set()
    thread.join()


def test_a_lock_is_dropped_when_its_holder_fails(disk: OsDisk, root: str) -> None:
    with pytest.raises(KeyError), disk.flock(f"{root}/lock", 0):
        raise KeyError
    with disk.flock(f"{root}/lock", 0):
        pass


def test_pauses_are_the_hosts(root: str) -> None:
    now = 0.0
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        nonlocal now
        now += seconds
        pauses.append(seconds)

    disk = OsDisk(pause=pause, monotonic=lambda: now)
    with disk.flock(f"{root}/lock", 0), pytest.raises(TimeoutError), disk.flock(f"{root}/lock", 1):
        pass
    assert sum(pauses) == pytest.approx(1)
    assert monotonic() > 0


# The process


def test_processes_and_who_is_alive() -> None:
    process = OsProcess()
    assert process.pid == os.getpid()
    assert process.parent_pid == os.getppid()
    assert process.alive(process.pid)
    assert process.alive(1)
    assert not process.alive(2**22 + 1)


@pytest.mark.filterwarnings("ignore:Using fork")
def test_what_a_process_does_to_itself() -> None:
    """In a child, because none of it can be undone."""
    pid = os.fork()
    if pid == 0:
        try:
            process = OsProcess()
            process.set_nice(5)
            assert os.getpriority(os.PRIO_PROCESS, 0) == 5
            process.set_ionice("idle")
            process.set_ionice("best-effort", 7)
            process.raise_limits()
            process.tune_allocator()
            if os.geteuid() == 0:
                process.drop_privileges("nobody")
                assert os.geteuid() != 0
                try:
                    process.drop_privileges("root")
                except PermissionError:
                    os._exit(0)
                os._exit(1)
        except BaseException:
            os._exit(1)
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0


_HEAPS = """
import ctypes, os, threading
from swiftlite.host.os_process import OsProcess

def blocks():
    libc = ctypes.CDLL(None)  # its calls let other threads run, as SQLite's do
    libc.malloc.restype = ctypes.c_void_p
    assert all(libc.malloc(5000) for _ in range(100))
    meeting.wait()

OsProcess().tune_allocator()
meeting = threading.Barrier(4)
threads = [threading.Thread(target=blocks) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
libc = ctypes.CDLL(None)
libc.fdopen.restype = ctypes.c_void_p
stream = ctypes.c_void_p(libc.fdopen(1, b"w"))
libc.malloc_info(0, stream)
libc.fflush(stream)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="heaps are another matter elsewhere")
def test_all_threads_have_one_heap() -> None:
    told = subprocess.run([sys.executable, "-c", _HEAPS], stdout=subprocess.PIPE, check=True)
    assert told.stdout.count(b"<heap nr=") == 1
