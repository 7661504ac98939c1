"""What is in a directory that is open, with as few system calls as it takes.

Auditors look into hundreds of thousands of directories with one file in each. From a directory
that is open to the size and an attribute of the one file in a directory below it are eight calls
here, where listdir, open and fstat by paths make ten, walk longer paths and take more of Python.
"""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable

from swiftlite.host.attributes import fgetxattr
from swiftlite.host.disk import SoleFile

_ROOM = 4096
_LARGEST = 280  # bytes of one entry, its name of 255 in it
_LENGTH, _NAME = 16, 19
"""Where an entry has its own length, in two bytes, and its name. Before the length are inode and
offset, before the name is the type."""
_DOTS = 48  # bytes of `.` and `..`, with which most file systems begin
_FIRST = _DOTS + _NAME


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


def enter(above: int, name: str, flags: int = 0) -> tuple[int, list[str]]:
    """See host.disk.

    A file system that had room for one more name has no more: so XFS, ext4 and their like do it.
    Where there was none, the directory is read again from its start, and to its end.
    """
    directory = os.open(name, os.O_DIRECTORY | flags, dir_fd=above)
    try:
        if _getdents64 is not None:
            room = _room
            size = _getdents64(directory, room.address, _ROOM)
            if 0 <= size <= _ROOM - _LARGEST:
                return directory, _parsed(bytes(room.bytes[:size]))
            os.lseek(directory, 0, os.SEEK_SET)
        return directory, os.listdir(directory)
    except BaseException:
        os.close(directory)
        raise


def sole_file(above: int, name: str, attribute: str, flags: int = 0) -> SoleFile | None:
    """See host.disk."""
    room = _room
    found = room.bytes
    directory = os.open(name, os.O_DIRECTORY | flags, dir_fd=above)
    try:
        size = _getdents64(directory, room.address, _ROOM) if _getdents64 else -1
        if size == _DOTS + found[_DOTS + _LENGTH] and found[43:46] == b"..\0":
            file = found[_FIRST : found.index(0, _FIRST)].decode("utf-8", "surrogateescape")
        else:
            os.lseek(directory, 0, os.SEEK_SET)
            names = os.listdir(directory)
            if len(names) != 1:
                return None
            file = names[0]
        fd = os.open(file, flags, dir_fd=directory)
    finally:
        os.close(directory)
    try:
        length = fgetxattr(fd, attribute.encode(), room.address, _ROOM) if fgetxattr else -1
        value = bytes(found[:length]) if length >= 0 else os.getxattr(fd, attribute)
        # A seek gives the size at a third of what fstat costs.
        return file, value, os.lseek(fd, 0, os.SEEK_END)
    finally:
        os.close(fd)


def _parsed(entries: bytes) -> list[str]:
    names = []
    at = 0
    while at < len(entries):
        name = entries[at + _NAME : entries.index(0, at + _NAME)]
        if name not in (b".", b".."):
            names.append(name.decode("utf-8", "surrogateescape"))
        at += entries[at + _LENGTH] | entries[at + _LENGTH + 1] << 8
    return names
