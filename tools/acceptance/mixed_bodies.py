"""Bodies that are known without being kept: any stretch of them can be told, and compared.

Each begins with a line that names it; the rest is cut from one random block, from a place that
follows from that line, so that a wrong, old or torn body is seen wherever it is looked at.
"""

from __future__ import annotations

import hashlib
import random
import zlib
from collections.abc import Iterator, Sequence
from typing import Protocol

PIECE_BYTES = 1 << 20
_BLOCK = random.Random(2026).randbytes(PIECE_BYTES)
_TWICE = _BLOCK + _BLOCK


class Content(Protocol):
    size: int

    def part(self, start: int, stop: int) -> bytes:
        """At most PIECE_BYTES of it."""


class Named:
    """The body of one version of one object."""

    __slots__ = ("_head", "_offset", "size")

    def __init__(self, name: str, version: str, size: int) -> None:
        self._head = f"{name}|{version}|{size}\n".encode()[:size]
        self._offset = zlib.crc32(self._head) % PIECE_BYTES
        self.size = size

    def part(self, start: int, stop: int) -> bytes:
        head = len(self._head)
        if start >= head:
            at = (self._offset + start - head) % PIECE_BYTES
            return _TWICE[at : at + stop - start]
        rest = max(0, stop - head)
        return self._head[start:stop] + _TWICE[self._offset : self._offset + rest]

    def etag(self) -> str:
        found = hashlib.md5(usedforsecurity=False)
        for piece in pieces(self):
            found.update(piece)
        return found.hexdigest()


class Joined:
    """Bodies one after the other, as a large object has them."""

    def __init__(self, contents: Sequence[Content]) -> None:
        self._contents = contents
        self.size = sum(one.size for one in contents)

    def part(self, start: int, stop: int) -> bytes:
        found = []
        for content in self._contents:
            if start < content.size and stop > 0:
                found.append(content.part(max(0, start), min(stop, content.size)))
            start, stop = start - content.size, stop - content.size
        return b"".join(found)


def pieces(content: Content) -> Iterator[bytes]:
    for start in range(0, content.size, PIECE_BYTES):
        yield content.part(start, min(start + PIECE_BYTES, content.size))
