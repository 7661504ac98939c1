"""How the bytes of a stored body are judged, run by run.

A run is what is checked at a time: whole blocks, about 1 MiB of them. A body that Swift wrote has
no block checksums: read in full it is held against its MD5; a range of it cannot be judged.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Protocol

from swiftlite.formats.block_checksums import BlockChecksums
from swiftlite.formats.crc import crc32
from swiftlite.host.disk import Disk
from swiftlite.objectstore.api import BLOCK_BYTES


class Check(Protocol):
    """How the bytes of one body are judged. sound() runs on a disk thread."""

    def runs(self, start: int, stop: int) -> Iterator[tuple[int, int]]:
        """Spans to be checked one after the other, together covering start to stop."""
        ...

    def sound(self, disk: Disk, fd: int, start: int, stop: int, view: memoryview) -> bool:
        """Whether a run is as it was written. view is scratch room. Raises OSError."""
        ...

    def fits(self, content: bytes) -> bool:
        """Whether this is the whole body as it was written."""
        ...


class BlockCheck:
    """By the checksums of its blocks; any run, in any order, any number of times."""

    def __init__(self, blocks: BlockChecksums) -> None:
        self.blocks = blocks

    def runs(self, start: int, stop: int) -> Iterator[tuple[int, int]]:
        run_bytes = max(self.blocks.block_bytes, BLOCK_BYTES)
        at = start - start % self.blocks.block_bytes
        while at < stop:
            # A range ends its last run with its last block, not with a whole run.
            needed = stop + -stop % self.blocks.block_bytes
            end = min(at + run_bytes, needed, self.blocks.length)
            yield at, end
            at = end

    def sound(self, disk: Disk, fd: int, start: int, stop: int, view: memoryview) -> bool:
        blocks = self.blocks
        index = start // blocks.block_bytes
        crc = 0
        for at in range(start, stop, len(view)):
            piece = view[: min(len(view), stop - at)]
            if not filled(disk, fd, piece, at):
                return False
            if blocks.block_bytes > len(view):  # the run is this one block
                crc = crc32(piece, crc)
                continue
            for offset in range(0, len(piece), blocks.block_bytes):
                if not blocks.verify(index, piece[offset : offset + blocks.block_bytes]):
                    return False
                index += 1
        return blocks.block_bytes <= len(view) or blocks.matches(index, crc)

    def fits(self, content: bytes) -> bool:
        blocks = self.blocks
        if len(blocks.sums) == 1:  # as small bodies have it
            return blocks.verify(0, content)
        return all(
            blocks.verify(index, content[start:stop])
            for index, start, stop in blocks.covering(0, blocks.length)
        )


class EtagCheck:
    """By the MD5 of the whole; runs from the first to the last, each once."""

    def __init__(self, etag: str, length: int) -> None:
        self.etag = etag
        self.length = length
        self._digest = hashlib.md5(usedforsecurity=False)
        self._at = 0

    def runs(self, start: int, stop: int) -> Iterator[tuple[int, int]]:
        return plain_runs(start, stop)

    def sound(self, disk: Disk, fd: int, start: int, stop: int, view: memoryview) -> bool:
        assert start == self._at
        piece = view[: stop - start]
        if not filled(disk, fd, piece, start):
            return False
        self._digest.update(piece)
        self._at = stop
        return stop < self.length or self._digest.hexdigest() == self.etag

    def fits(self, content: bytes) -> bool:
        return hashlib.md5(content, usedforsecurity=False).hexdigest() == self.etag


class NoCheck:
    """For what nothing is known of: a range of an object that Swift wrote."""

    def runs(self, start: int, stop: int) -> Iterator[tuple[int, int]]:
        return plain_runs(start, stop)

    def sound(self, disk: Disk, fd: int, start: int, stop: int, view: memoryview) -> bool:
        return True

    def fits(self, content: bytes) -> bool:
        return True


def plain_runs(start: int, stop: int) -> Iterator[tuple[int, int]]:
    for at in range(start, stop, BLOCK_BYTES):
        yield at, min(at + BLOCK_BYTES, stop)


def filled(disk: Disk, fd: int, view: memoryview, offset: int) -> bool:
    """Read exactly as much as fits into view; False when the file ends before. Raises OSError."""
    got = 0
    while got < len(view):
        count = disk.preadv_into(fd, view[got:], offset + got)
        if not count:
            return False
        got += count
    return True
