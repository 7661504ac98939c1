"""Metadata and block checksums of a file, in its extended attributes.

The layouts are formats'; here are the calls, and the telling apart of what can be wrong with them.
"""

from __future__ import annotations

import errno
from collections.abc import Mapping

from swiftlite.formats.block_checksums import (
    ATTRIBUTE as BLOCKS_ATTRIBUTE,
)
from swiftlite.formats.block_checksums import (
    BlockChecksums,
    BlocksUnreadable,
    decode_blocks,
    encode_blocks,
)
from swiftlite.formats.metadata import (
    ATTRIBUTE,
    MetadataUnreadable,
    attributes_of,
    decode_metadata,
    encode_metadata,
    gather_blob,
    is_whole,
)
from swiftlite.host.disk import Disk, PathOrFd
from swiftlite.objectstore.api import Metadata, XattrsUnsupported

_ABSENT = errno.ENODATA
_NO_ROOM = frozenset((errno.ENOSPC, errno.E2BIG, errno.ERANGE))


def write_metadata(disk: Disk, fd: int, metadata: Mapping[str, str], form: str) -> None:
    """Raises XattrsUnsupported when the file system has none or no room for so many; OSError."""
    blob = encode_metadata(metadata, form)
    for name, value in attributes_of(blob):
        _set(disk, fd, name, value)


def read_metadata(disk: Disk, target: PathOrFd) -> Metadata:
    """Raises MetadataUnreadable when there is none or it is damaged; OSError."""

    first = _read(disk, target, ATTRIBUTE)
    if first is not None and is_whole(first):  # nearly always: 1 µs less than what follows
        return decode_metadata(first)
    blob = gather_blob(lambda name: first if name == ATTRIBUTE else _read(disk, target, name))
    if blob is None:
        raise MetadataUnreadable("the file has no metadata")
    return decode_metadata(blob)


def _read(disk: Disk, target: PathOrFd, name: str) -> bytes | None:
    try:
        return disk.getxattr(target, name)
    except OSError as error:
        if error.errno == _ABSENT:
            return None
        raise


def write_blocks(disk: Disk, fd: int, blocks: BlockChecksums) -> None:
    _set(disk, fd, BLOCKS_ATTRIBUTE, encode_blocks(blocks))


def read_blocks(disk: Disk, fd: int, length: int) -> BlockChecksums | None:
    """None for a body written by Swift. Raises BlocksUnreadable when damaged; OSError."""
    blob = _read(disk, fd, BLOCKS_ATTRIBUTE)
    if blob is None:
        return None
    blocks = decode_blocks(blob)
    if blocks.length != length:
        raise BlocksUnreadable(f"checksums of {blocks.length} bytes beside a body of {length}")
    return blocks


def _set(disk: Disk, fd: int, name: str, value: bytes) -> None:
    try:
        disk.setxattr(fd, name, value)
    except OSError as error:
        if error.errno in _NO_ROOM and not _disk_is_full(disk, fd):
            raise XattrsUnsupported(
                f"{len(value)} bytes of {name} do not fit into this file system's attributes "
                "(ext4 has 4 KiB for all of a file's; XFS has room for more)"
            ) from error
        raise


def _disk_is_full(disk: Disk, fd: int) -> bool:
    return disk.statvfs(fd).f_bavail == 0
