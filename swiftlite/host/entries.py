"""What is in a directory that is open, with as few system calls as it takes.

Auditors look into hundreds of thousands of directories with one file in each. From a directory
that is open to the size and an attribute of the one file in a directory below it are eight calls
here, where listdir, open and fstat by paths make ten, walk longer paths and take more of Python.
"""

from __future__ import annotations

import ctypes
import os
import re
from collections.abc import Callable
from struct import Struct

from swiftlite.host.attributes import fgetxattr
from swiftlite.host.disk import SoleFile
from swiftlite.host.thread_buffer import ThreadBuffer

_ROOM = 4096
_LARGEST = 280  # bytes of one entry, its name of 255 in it
_LENGTH, _NAME = 16, 19
"""Where an entry has its own length, in two bytes, and its name. Before the length are inode and
offset, before the name is the type."""
_DOTS = 48  # bytes of `.` and `..`, with which most file systems begin
_FIRST = _DOTS + _NAME
_HASH_ENTRY = 56
_HASHES = re.compile(rb".{19}([0-9a-f]{32})\0.{4}", re.DOTALL)
"""Entries of hash dirs, which is what a suffix directory has. The last bytes fill them up."""


def _load() -> Callable[[int, int, int], int]:
    try:
        call = ctypes.CDLL(None).getdents64
    except (OSError, AttributeError):  # another libc
        return lambda directory, address, size: -1
    call.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t]
    call.restype = ctypes.c_ssize_t
    return call


_length = Struct("<H").unpack_from
_getdents64 = _load()
_room = ThreadBuffer(_ROOM)


def enter(above: int, name: str, flags: int = 0) -> tuple[int, list[str]]:
    """See host.disk.

    A file system that had room for one more name has no more: so XFS, ext4 and their like do it.
    Where there was none, the directory is read again from its start, and to its end.
    """
    directory = os.open(name, flags | os.O_DIRECTORY, dir_fd=above)
    try:
        room = _room
        size = _getdents64(directory, room.address, _ROOM)
        if 0 <= size <= _ROOM - _LARGEST:
            return directory, _parsed(room.bytes, size)
        return directory, _listed(directory)
    except BaseException:
        os.close(directory)
        raise


def sole_file(above: int, name: str, attribute: str, flags: int = 0) -> SoleFile | None:
    """See host.disk."""
    room = _room
    found, address = room.bytes, room.address
    directory = os.open(name, flags | os.O_DIRECTORY, dir_fd=above)
    try:
        size = _getdents64(directory, address, _ROOM)
        if size == _DOTS + found[_DOTS + _LENGTH] and found[43:46] == b"..\0":
            file = found[_FIRST : found.index(0, _FIRST)].decode("utf-8", "surrogateescape")
        else:
            names = _listed(directory)
            if len(names) != 1:
                return None
            file = names[0]
        fd = os.open(file, flags, dir_fd=directory)
    finally:
        os.close(directory)
    try:
        length = fgetxattr(fd, attribute.encode(), address, _ROOM)
        value = bytes(found[:length]) if length >= 0 else os.getxattr(fd, attribute)
        # A seek gives the size at a third of what fstat costs.
        return file, value, os.lseek(fd, 0, os.SEEK_END)
    finally:
        os.close(fd)


def _listed(directory: int) -> list[str]:
    os.lseek(directory, 0, os.SEEK_SET)
    return os.listdir(directory)


def _parsed(entries: bytearray, size: int) -> list[str]:
    found = _HASHES.findall(entries, _DOTS, size)
    if _DOTS + len(found) * _HASH_ENTRY == size and entries[43:46] == b"..\0":
        return [name.decode() for name in found]  # half the time of what follows
    names = []
    at = 0
    while at < size:
        start = at + _NAME
        names.append(entries[start : entries.index(0, start)].decode("utf-8", "surrogateescape"))
        at += _length(entries, at + _LENGTH)[0]
    return [name for name in names if name not in (".", "..")]
