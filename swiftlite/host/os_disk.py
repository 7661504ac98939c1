"""The operating system's files, with the calls that Python leaves out (fallocate that keeps sizes).

Nothing here knows of tasks or loops; only waiting for a lock needs a pause, and that is handed in.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import stat
from collections.abc import Callable

from swiftlite.host.attributes import get_attribute
from swiftlite.host.disk import PathOrFd
from swiftlite.host.entries import enter, sole_file
from swiftlite.host.os_clock import monotonic as os_monotonic
from swiftlite.host.os_clock import sleep as os_sleep

_FALLOC_FL_KEEP_SIZE = 1
_NO_PREALLOCATION = frozenset((errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL))
_LOCK_PAUSE_S = 0.01
_JOURNALS = "/proc/fs/jbd2"  # one directory per ext4 journal in use: DEVICE-INODE
_START_WRITE_OUT = 2  # sync_file_range: SYNC_FILE_RANGE_WRITE
_FULL_WRITE_OUT = 1 | 2 | 4  # the same, and WAIT_BEFORE and WAIT_AFTER
_LOCK_PAUSE_MAX_S = 0.1


def _load_fallocate() -> Callable[[int, int, int, int], int] | None:
    try:
        call = ctypes.CDLL(None, use_errno=True).fallocate64
    except (OSError, AttributeError):  # another libc: files are then allocated as they are written
        return None
    call.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64]
    call.restype = ctypes.c_int
    return call


def _load_write_out() -> Callable[[int, int, int, int], int] | None:
    try:
        call = ctypes.CDLL(None, use_errno=True).sync_file_range
    except (OSError, AttributeError):  # another libc or kernel: fsync does it, and more
        return None
    call.argtypes = [ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint]
    call.restype = ctypes.c_int
    return call


class OsDisk:
    """host.disk.Disk over the os module."""

    def __init__(
        self,
        pause: Callable[[float], None] = os_sleep,
        monotonic: Callable[[], float] = os_monotonic,
    ) -> None:
        self._pause = pause
        self._monotonic = monotonic
        self._fallocate = _load_fallocate()
        self._write_out = _load_write_out()
        # Methods that are the os function itself cost one call less.
        self.close = os.close
        self.read = os.read
        self.pread = os.pread
        self.truncate = os.ftruncate
        self.fsync = os.fsync
        self.rename = os.rename
        self.link = os.link
        self.unlink = os.unlink
        self.mkdir = os.mkdir
        self.rmdir = os.rmdir
        self.listdir = os.listdir
        self.enter = enter
        self.sole_file = sole_file
        self.stat = os.stat
        self.lstat = os.lstat
        self.fstat = os.fstat
        self.statvfs = os.statvfs

    def open(self, path: str, flags: int = os.O_RDONLY, mode: int = 0o666) -> int:
        return os.open(path, flags | os.O_CLOEXEC, mode)

    def open_unnamed(self, directory: str, mode: int = 0o666) -> int:
        return os.open(directory, os.O_TMPFILE | os.O_WRONLY | os.O_CLOEXEC, mode)

    def link_unnamed(self, fd: int, path: str) -> None:
        # Through /proc, because linkat with AT_EMPTY_PATH needs a capability. The entry there is a
        # symlink to be followed; Python only calls linkat, and follows, when a dir_fd is given
        # (any: the path is absolute), and otherwise calls link(2), which does not follow.
        os.link(f"/proc/self/fd/{fd}", path, src_dir_fd=fd, follow_symlinks=True)

    def read_into(self, fd: int, view: memoryview) -> int:
        return os.readv(fd, [view])

    def preadv_into(self, fd: int, view: memoryview, offset: int) -> int:
        return os.preadv(fd, [view], offset)

    def write(self, fd: int, data: bytes | bytearray | memoryview) -> int:
        length = len(data)
        written = os.write(fd, data)
        while written < length:  # a signal, a quota, a nearly full disk
            written += os.write(fd, memoryview(data)[written:])
        return length

    def pwrite(self, fd: int, data: bytes | bytearray | memoryview, offset: int) -> int:
        length = len(data)
        written = os.pwrite(fd, data, offset)
        while written < length:
            written += os.pwrite(fd, memoryview(data)[written:], offset + written)
        return length

    def preallocate(self, fd: int, size: int) -> None:
        if size <= 0 or self._fallocate is None:
            return
        while self._fallocate(fd, _FALLOC_FL_KEEP_SIZE, 0, size) != 0:
            code = ctypes.get_errno()
            if code == errno.EINTR:
                continue
            if code in _NO_PREALLOCATION:
                return
            raise OSError(code, os.strerror(code))

    def fsync_dir(self, path: str) -> None:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def keeps_order(self, path: str) -> bool:
        """XFS, and ext4 with a journal.

        XFS: a directory's fsync forces the log up to the inode's last change, and the log is
        written in order (Documentation/filesystems/xfs/xfs-delayed-logging-design.rst). ext4: it
        commits the running transaction of the one journal, which holds all changes so far
        (Documentation/filesystems/ext4/journal.rst). Either flushes the device's cache before it
        writes the commit. ext2 and an ext4 without a journal promise nothing of the kind.
        """
        if self._write_out is None:
            return False
        device = os.stat(path).st_dev
        number = f"{os.major(device)}:{os.minor(device)}"
        kind = _file_system_of(number)
        if kind == "xfs":
            return True
        return kind == "ext4" and _has_journal(number)

    def write_out(self, fd: int, *, wait: bool = True) -> None:
        if self._write_out is None:
            os.fsync(fd)
            return
        # What fsync does to the data, without forcing the log: with all three flags the kernel
        # writes as for integrity and reports the errors (fs/sync.c, sync_file_range).
        while self._write_out(fd, 0, 0, _FULL_WRITE_OUT if wait else _START_WRITE_OUT) != 0:
            code = ctypes.get_errno()
            if code != errno.EINTR:
                raise OSError(code, os.strerror(code))

    def bypass_cache(self, fd: int, wanted: bool) -> bool:
        flags = fcntl.fcntl(fd, fcntl.F_GETFL)
        try:
            fcntl.fcntl(fd, fcntl.F_SETFL, flags | os.O_DIRECT if wanted else flags & ~os.O_DIRECT)
        except OSError:  # a file system that keeps everything in memory
            return False
        return wanted

    def drop_cache(self, fd: int, offset: int, length: int) -> None:
        os.posix_fadvise(fd, offset, length, os.POSIX_FADV_DONTNEED)

    def makedirs(self, path: str, mode: int = 0o777) -> None:
        os.makedirs(path, mode, exist_ok=True)

    def size(self, fd: int) -> int:
        return os.lseek(fd, 0, os.SEEK_END)

    def exists(self, path: str) -> bool:
        if os.access(path, os.F_OK):  # says less than stat, in a fifth of the time
            return True
        try:
            os.stat(path)
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True

    def utime(self, path: PathOrFd, seconds: float) -> None:
        os.utime(path, (seconds, seconds))

    def is_mount(self, path: str) -> bool:
        try:
            here = os.lstat(path)
        except (FileNotFoundError, NotADirectoryError):
            return False
        if stat.S_ISLNK(here.st_mode):
            return False
        above = os.lstat(os.path.join(path, ".."))
        return here.st_dev != above.st_dev or here.st_ino == above.st_ino

    def getxattr(self, target: PathOrFd, name: str) -> bytes:
        return get_attribute(target, name) if isinstance(target, int) else os.getxattr(target, name)

    def setxattr(self, target: PathOrFd, name: str, value: bytes) -> None:
        os.setxattr(target, name, value)

    def removexattr(self, target: PathOrFd, name: str) -> None:
        os.removexattr(target, name)

    def listxattr(self, target: PathOrFd) -> list[str]:
        return os.listxattr(target)

    def flock(self, path: str, timeout: float | None, shared: bool = False) -> _Lock:
        return _Lock(self, path, timeout, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)

    def open_lock(self, path: str) -> int:
        try:
            return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except IsADirectoryError:
            return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def take_lock(self, fd: int, path: str, timeout: float | None, kind: int) -> None:
        end = None if timeout is None else self._monotonic() + timeout
        pause = _LOCK_PAUSE_S
        while True:
            try:
                fcntl.flock(fd, kind | fcntl.LOCK_NB)
            except BlockingIOError:
                pass
            else:
                return
            if end is not None:
                left = end - self._monotonic()
                if left <= 0:
                    raise TimeoutError(errno.ETIMEDOUT, "lock is held elsewhere", path)
                pause = min(pause, left)
            self._pause(pause)
            pause = min(pause * 2, _LOCK_PAUSE_MAX_S)


class _Lock:
    """Held from __enter__ on; a class, because a generator costs 2 µs more."""

    __slots__ = ("_disk", "_fd", "_kind", "_path", "_timeout")

    def __init__(self, disk: OsDisk, path: str, timeout: float | None, kind: int) -> None:
        self._disk = disk
        self._path = path
        self._timeout = timeout
        self._kind = kind
        self._fd = -1

    def __enter__(self) -> int:
        fd = self._disk.open_lock(self._path)
        try:
            self._disk.take_lock(fd, self._path, self._timeout, self._kind)
        except BaseException:
            os.close(fd)
            raise
        self._fd = fd
        return fd

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)  # lets go of the lock: the description has no other descriptor


def _file_system_of(number: str) -> str:
    """The type of the file system on a device ("8:1"); empty if it is not known."""
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as lines:
        for line in lines:
            fields = line.split(" ")
            if fields[2] == number:
                return fields[fields.index("-") + 1]
    return ""


def _has_journal(number: str) -> bool:
    name = os.path.basename(os.path.realpath(f"/sys/dev/block/{number}"))
    try:
        return any(entry.startswith(f"{name}-") for entry in os.listdir(_JOURNALS))
    except FileNotFoundError:
        return False
