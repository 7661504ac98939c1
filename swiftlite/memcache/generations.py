"""A table that tells every worker of a host which cached entries are no longer true.

A worker that clears an entry writes a new number in the entry's slot; an entry remembers the
number it was filled under and is believed only while the slot still holds it. Several names share
a slot, so that a table of fixed size serves any number of them: the price of a collision is one
needless look-up. Nothing is ever read back to be counted up, hence no lock.
"""

from __future__ import annotations

import mmap
import os
from typing import Protocol
from zlib import crc32

SLOTS = 8192
_SLOT_BYTES = 8
_PID_BITS = 22  # Linux's largest pid is 2**22
_COUNT_MASK = (1 << (64 - _PID_BITS)) - 1


class FileOpener(Protocol):
    """The part of host.disk that opening a table takes."""

    def open(self, path: str, flags: int, mode: int = ...) -> int: ...
    def truncate(self, fd: int, length: int) -> None: ...
    def close(self, fd: int) -> None: ...


class Generations:
    """The table over any writable buffer of SLOTS * 8 bytes; private to the process by default."""

    def __init__(self, buffer: bytearray | mmap.mmap | None = None, *, start: int = 0) -> None:
        """start: differs between processes begun with the same pid, say a random number."""
        own = bytearray(SLOTS * _SLOT_BYTES) if buffer is None else buffer
        self.numbers = memoryview(own).cast("Q")
        self._count = start

    @staticmethod
    def slot_of(key: str) -> int:
        """The same in every process, unlike hash()."""
        return crc32(key.encode("utf-8", "surrogateescape")) % SLOTS

    def outdate(self, key: str) -> None:
        """Make every entry of this key, in any process that shares the table, untrue.

        The number is one that no process wrote before: a count of our own, and our pid (asked for
        each time, because a table may be opened before a fork).
        """
        self._count += 1
        number = (self._count & _COUNT_MASK) << _PID_BITS | os.getpid()
        self.numbers[self.slot_of(key)] = number


def open_shared(path: str, disk: FileOpener, *, start: int) -> Generations:
    """The table in a small file, made when missing; shared by whoever opens the same path.

    Best kept on a tmpfs (/dev/shm, /run): its content means nothing to the next boot.
    """
    fd = disk.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        disk.truncate(fd, SLOTS * _SLOT_BYTES)
        return Generations(mmap.mmap(fd, SLOTS * _SLOT_BYTES), start=start)
    finally:
        disk.close(fd)
