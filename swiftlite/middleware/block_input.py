"""A wsgi.input over bytes that do not come from a socket: a part of a form, a file of an archive.

Has the methods of httpd's wsgi.input.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

_BLOCK = 1 << 16


class BlockInput(ABC):
    """Reading methods over `next_block`."""

    @abstractmethod
    def next_block(self, n: int) -> bytes | memoryview:
        """Between 1 and n bytes; none at the end. Raises what its source's faults are."""

    def read(self, n: int | None = -1) -> bytes:
        """Up to n bytes, all that is left without n; b"" at the end."""
        if n is None or n < 0:
            parts = []
            while part := self.next_block(_BLOCK):
                parts.append(bytes(part))
            return b"".join(parts)
        return bytes(self.next_block(n))

    def readinto(self, view: memoryview | bytearray) -> int:
        target = memoryview(view)
        block = self.next_block(len(target))
        target[: len(block)] = block
        return len(block)

    def readline(self, limit: int = -1) -> bytes:
        """A line with its newline; for those few who read a body by lines."""
        line = bytearray()
        while limit < 0 or len(line) < limit:
            byte = self.read(1)
            line += byte
            if byte in (b"", b"\n"):
                break
        return bytes(line)
