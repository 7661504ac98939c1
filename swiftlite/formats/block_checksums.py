"""Checksums of an object's blocks, in an attribute of the house's own beside Swift's metadata.

A reader checks each block before it lets it go, so that a rotten one is never sent. Blocks are
equal but for the last; their size is a power of two, grown with the object so that the list keeps
to ATTRIBUTE_BYTES and fits the 4 KiB that ext4 has for all attributes of a file. Swift neither
reads nor minds the attribute. Source: doc/formats/block-checksums.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from struct import Struct

from swiftlite.formats.crc import Buffer, crc32, crc32_of_blocks, joined, shift_operator
from swiftlite.vocab.errors import SwiftliteError

ATTRIBUTE = "user.swiftlite.blocks"
ATTRIBUTE_BYTES = 1536
BLOCK_BYTES_MIN = 65_536

_MAGIC = b"SLB\x01"
_CRC32 = 1  # the algorithm; the only one so far
# magic, algorithm, log2 of the block size, two zero bytes, length of the body
_HEAD = Struct("<4sBBxxQ")
_SUM_BYTES = 4
COUNT_MAX = (ATTRIBUTE_BYTES - _HEAD.size - _SUM_BYTES) // _SUM_BYTES // 2 * 2  # even, for pairs


class BlocksUnreadable(SwiftliteError):
    """The attribute is damaged or of an unknown kind; the body may still be sound."""


@dataclass(slots=True)  # never changed; frozen, it would take twice as long to make
class BlockChecksums:
    """The list of one body: sums[i] covers block_bytes from i * block_bytes; the last is short."""

    block_bytes: int
    length: int
    sums: tuple[int, ...]

    def covering(self, start: int, stop: int) -> Iterator[tuple[int, int, int]]:
        """Blocks that hold bytes start to stop (half-open): (index, block start, block stop)."""
        assert start >= 0
        assert stop <= self.length
        if start >= stop:
            return
        for index in range(start // self.block_bytes, (stop - 1) // self.block_bytes + 1):
            at = index * self.block_bytes
            yield index, at, min(at + self.block_bytes, self.length)

    def matches(self, index: int, checksum: int) -> bool:
        """Whether a block's CRC32, computed by formats.crc, is the one that was stored."""
        return self.sums[index] == checksum

    def verify(self, index: int, block: Buffer) -> bool:
        """The same for a whole block at hand; one of a wrong size is wrong."""
        expected = min(self.block_bytes, self.length - index * self.block_bytes)
        size = block.nbytes if isinstance(block, memoryview) else len(block)
        return size == expected and self.sums[index] == crc32(block)


def encode_blocks(blocks: BlockChecksums) -> bytes:
    """The attribute's value: head, sums, and a CRC of both. At most ATTRIBUTE_BYTES."""
    assert len(blocks.sums) == -(-blocks.length // blocks.block_bytes)
    head = _HEAD.pack(_MAGIC, _CRC32, blocks.block_bytes.bit_length() - 1, blocks.length)
    body = head + b"".join([one.to_bytes(_SUM_BYTES, "little") for one in blocks.sums])
    return body + crc32(body).to_bytes(_SUM_BYTES, "little")


def decode_blocks(blob: bytes) -> BlockChecksums:
    """Undo encode_blocks. Raises BlocksUnreadable."""
    if len(blob) < _HEAD.size + _SUM_BYTES or len(blob) % _SUM_BYTES:
        raise BlocksUnreadable(f"an attribute of {len(blob)} bytes holds no block checksums")
    magic, algorithm, exponent, length = _HEAD.unpack_from(blob)
    if magic != _MAGIC or algorithm != _CRC32 or not 9 <= exponent <= 62:
        raise BlocksUnreadable(f"unknown block checksums, start {blob[:8]!r}")
    body, own = blob[:-_SUM_BYTES], int.from_bytes(blob[-_SUM_BYTES:], "little")
    if crc32(body) != own:
        raise BlocksUnreadable("the block checksums are damaged")
    count = (len(body) - _HEAD.size) // _SUM_BYTES
    if count != -(-length // (1 << exponent)):
        raise BlocksUnreadable(f"{count} block checksums for {length} bytes")
    return BlockChecksums(1 << exponent, length, _sums_of(body, count))


def _sums_of(body: bytes, count: int) -> tuple[int, ...]:
    found: tuple[int, ...] = Struct(f"<{count}I").unpack_from(body, _HEAD.size)
    return found


def block_bytes_for(length: int) -> int:
    """The block size of a body of known length."""
    block_bytes = BLOCK_BYTES_MIN
    while length > block_bytes * COUNT_MAX:
        block_bytes *= 2
    return block_bytes


def attribute_bytes(length: int) -> int:
    """How long encode_blocks() is for a body of this length."""
    return _HEAD.size + -(-length // block_bytes_for(length)) * _SUM_BYTES + _SUM_BYTES


class BlockSummer:
    """Sums blocks while a body is written, in pieces of any size.

    A length announced beforehand sets the block size at once. Without one it starts small, and
    whenever the list is full each pair of sums becomes one, by the arithmetic of CRCs: the body
    is read once. Either way the result is the same.
    """

    def __init__(self, announced: int | None = None, *, block_bytes: int | None = None) -> None:
        """block_bytes: that of the list that the result is to be compared with."""
        if block_bytes is None:
            block_bytes = BLOCK_BYTES_MIN if announced is None else block_bytes_for(announced)
        self.block_bytes = block_bytes
        self.length = 0
        self._sums: list[int] = []
        self._open = 0  # CRC of the block being filled
        self._room = self.block_bytes  # bytes that it still takes

    def update(self, piece: Buffer) -> None:
        """Take in the next bytes of the body."""
        size = piece.nbytes if isinstance(piece, memoryview) else len(piece)
        self.length += size
        if size < self._room and len(self._sums) < COUNT_MAX:  # all of a small body
            self._open = crc32(piece, self._open)
            self._room -= size
            return
        view = memoryview(piece)
        while size:
            if len(self._sums) == COUNT_MAX:
                self._double()
            whole = min(size // self.block_bytes, COUNT_MAX - len(self._sums))
            if whole and self._room == self.block_bytes:
                take = whole * self.block_bytes
                self._sums += crc32_of_blocks(view[:take], self.block_bytes)
            else:
                take = min(size, self._room)
                self._open = crc32(view[:take], self._open)
                self._room -= take
                if not self._room:
                    self._sums.append(self._open)
                    self._open, self._room = 0, self.block_bytes
            view = view[take:]
            size -= take

    def finish(self) -> BlockChecksums:
        """What the body's attribute will hold. The summer is done afterwards."""
        if self._room < self.block_bytes:
            self._sums.append(self._open)
        return BlockChecksums(self.block_bytes, self.length, tuple(self._sums))

    def _double(self) -> None:
        """Make one block of each two. The list is full and no block is begun."""
        assert len(self._sums) == COUNT_MAX
        assert self._room == self.block_bytes
        operator = shift_operator(self.block_bytes)
        pairs = zip(self._sums[::2], self._sums[1::2], strict=True)
        self._sums = [joined(first, second, operator) for first, second in pairs]
        self.block_bytes *= 2
        self._room = self.block_bytes
