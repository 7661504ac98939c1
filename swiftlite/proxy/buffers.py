"""Blocks for bodies that pass through, used again and again.

A block of this size is above the allocator's mmap threshold: making one costs more than what it
carries (46 µs against 4 for a small message, PERF "Big GET").
"""

from __future__ import annotations

BLOCK_BYTES = 256 * 1024
_KEPT_MAX = 32


class Buffers:
    """A stack of idle blocks."""

    def __init__(self) -> None:
        self._idle: list[bytearray] = []

    def take(self) -> bytearray:
        return self._idle.pop() if self._idle else bytearray(BLOCK_BYTES)

    def give_back(self, block: bytearray) -> None:
        """Only once nobody holds a view of it that will be read."""
        if len(self._idle) < _KEPT_MAX:
            self._idle.append(block)
