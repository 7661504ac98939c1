"""The file system as the engines see it.

Errors are OSError with errno, real and simulated alike. Calls block: whoever runs on an event
loop hands the slow ones (fsync above all) to `tasks.offload`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Protocol, TypeAlias

PathOrFd: TypeAlias = str | int
SoleFile: TypeAlias = tuple[str, bytes, int]
"""Its name, an attribute, its size. No class, for there are hundreds of thousands in a minute."""
PAST_CACHE_BYTES = 4096


class Disk(Protocol):
    # Descriptors
    def open(self, path: str, flags: int = os.O_RDONLY, mode: int = 0o666) -> int:
        """Always close-on-exec."""
        ...

    def open_unnamed(self, directory: str, mode: int = 0o666) -> int:
        """A writable file without a name in this directory's file system (O_TMPFILE)."""
        ...

    def link_unnamed(self, fd: int, path: str) -> None:
        """Give it a name. Raises FileExistsError; never replaces."""
        ...

    def close(self, fd: int) -> None: ...

    # Bytes
    def read(self, fd: int, n: int) -> bytes: ...

    def read_into(self, fd: int, view: memoryview) -> int: ...

    def pread(self, fd: int, n: int, offset: int) -> bytes: ...

    def preadv_into(self, fd: int, view: memoryview, offset: int) -> int: ...

    def write(self, fd: int, data: bytes | bytearray | memoryview) -> int:
        """All of it; returns its length."""
        ...

    def pwrite(self, fd: int, data: bytes | bytearray | memoryview, offset: int) -> int:
        """All of it; returns its length."""
        ...

    def truncate(self, fd: int, size: int) -> None: ...

    def preallocate(self, fd: int, size: int) -> None:
        """Reserve blocks for bytes 0..size; the file's size does not change. May do nothing
        where the file system cannot; raises ENOSPC, EDQUOT and EIO."""
        ...

    def fsync(self, fd: int) -> None: ...

    def fsync_dir(self, path: str) -> None: ...

    def keeps_order(self, path: str) -> bool:
        """Whether path is in a file system with one ordered journal.

        There the changes of names, attributes and sizes become stable in the order in which they
        were made, and a sync of a directory takes all earlier ones along, wherever they were.
        """
        ...

    def write_out(self, fd: int, *, wait: bool = True) -> None:
        """Bring the file's bytes to the medium (wait: and return when they are there).

        Not durable by itself. Where keeps_order() holds, what the file and its attributes held
        before this call is stable as soon as any name is that was made after it. Raises EIO.
        """
        ...

    def bypass_cache(self, fd: int, wanted: bool) -> bool:
        """Write past the page cache from now on, or through it again; whether that is so. Past it
        addresses, lengths and offsets must be multiples of PAST_CACHE_BYTES."""
        ...

    def drop_cache(self, fd: int, offset: int, length: int) -> None:
        """These pages will not be needed soon."""
        ...

    # Names
    def rename(self, old: str, new: str) -> None:
        """Replaces new if it is there."""
        ...

    def link(self, existing: str, new: str) -> None: ...

    def unlink(self, path: str) -> None: ...

    def mkdir(self, path: str, mode: int = 0o777) -> None: ...

    def makedirs(self, path: str, mode: int = 0o777) -> None:
        """With its parents; nothing if it is there."""
        ...

    def rmdir(self, path: str) -> None: ...

    def listdir(self, path: str) -> list[str]:
        """In no order."""
        ...

    def enter(self, above: int, name: str, flags: int = 0) -> tuple[int, list[str]]:
        """Open a directory in one that is open, and list it. flags: for opening it."""
        ...

    def sole_file(self, above: int, name: str, attribute: str, flags: int = 0) -> SoleFile | None:
        """Of the file that is alone in a directory in one that is open; None: it is not alone.

        Raises OSError when one of the two is not there, or the attribute. flags: for opening them.
        """
        ...

    def exists(self, path: str) -> bool:
        """False for a missing file or directory on the way; other errors raise."""
        ...

    # Facts
    def stat(self, path: str) -> os.stat_result: ...

    def lstat(self, path: str) -> os.stat_result: ...

    def fstat(self, fd: int) -> os.stat_result: ...

    def size(self, fd: int) -> int:
        """A file's, at a fifth of what fstat costs. The next read() begins there."""
        ...

    def statvfs(self, path: PathOrFd) -> os.statvfs_result: ...

    def utime(self, path: PathOrFd, seconds: float) -> None:
        """Set access and modification time."""
        ...

    def is_mount(self, path: str) -> bool:
        """False if it is not there; other errors (a dead disk's EIO) raise."""
        ...

    # Extended attributes
    def getxattr(self, target: PathOrFd, name: str) -> bytes: ...

    def setxattr(self, target: PathOrFd, name: str, value: bytes) -> None: ...

    def removexattr(self, target: PathOrFd, name: str) -> None: ...

    def listxattr(self, target: PathOrFd) -> Sequence[str]: ...

    # Locks
    def flock(
        self, path: str, timeout: float | None, shared: bool = False
    ) -> AbstractContextManager[int]:
        """Hold an advisory lock on a file (made if missing) or directory; gives its descriptor.

        Raises TimeoutError (ETIMEDOUT) when another holder keeps it; timeout None waits for ever.
        """
        ...
