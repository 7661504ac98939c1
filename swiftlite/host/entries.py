"""The names in a directory that is open, in one system call where os.listdir of a path makes five.

Most directories of an object store hold one name. Opening, getdents64 and closing are 5 µs where
os.listdir is 6, and the descriptor is there to open what is in it.
"""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable

_ROOM = 4096
_LARGEST = 280  # bytes of one entry, its name of 255 in it
_HEAD = 19  # of an entry: inode, offset, its own length in two bytes, type
_DOTS = 48  # bytes of `.` and `..`, with which most file systems begin


def _load() -> Callable[[int, int, int], int] | None:
    try:
        call = ctypes.CDLL(None).getdents64
    except (OSError, AttributeError):  # another libc
        return None
    call.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t]
    call.restype = ctypes.c_ssize_t
    return call


class _Room(threading.local):
    """A buffer for each thread: the call runs without the interpreter's lock."""

    def __init__(self) -> None:
        self.bytes = bytearray(_ROOM)
        self.address = ctypes.addressof(ctypes.c_char.from_buffer(self.bytes))


_getdents64 = _load()
_room = _Room()


def names_in(directory: int) -> list[str]:
    """Of a directory that has just been opened, without `.` and `..`. Raises OSError.

    A file system that had room for one more name has no more: so XFS, ext4 and their like do it.
    Where there was none, the directory is read again from its start, and to its end.
    """
    if _getdents64 is not None:
        room = _room
        size = _getdents64(directory, room.address, _ROOM)
        if 0 <= size <= _ROOM - _LARGEST:
            return _parsed(bytes(room.bytes[:size]))
        if size > 0:
            os.lseek(directory, 0, os.SEEK_SET)
    return os.listdir(directory)


def _parsed(entries: bytes) -> list[str]:
    names = []
    at = _DOTS if entries[19:21] == b".\0" and entries[43:46] == b"..\0" else 0
    while at < len(entries):
        name = entries[at + _HEAD : entries.index(0, at + _HEAD)]
        if name not in (b".", b".."):
            names.append(name.decode("utf-8", "surrogateescape"))
        at += entries[at + 16] | entries[at + 17] << 8
    return names
