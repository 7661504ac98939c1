"""Blocks for bodies that pass through, used again and again.

A block of this size is above the allocator's mmap threshold: making one costs more than what it
carries (46 µs against 4 for a small message, PERF "Big GET"). Blocks begin with a page, so that a
disk can take them as they are.
"""

from __future__ import annotations

import mmap
from typing import TypeAlias

Block: TypeAlias = bytearray | mmap.mmap
BLOCK_BYTES = 1 << 20
_FEW_BYTES = 1 << 16
_KEPT_MAX = 8  # a megabyte each, for the life of the process
_LARGE_MAX = 128


class Buffers:
    """A stack of idle blocks. Once many are out they are small, so that slow clients cannot take
    all memory."""

    def __init__(self) -> None:
        self._idle: list[Block] = []
        self._out = 0

    def take(self, *, whole: bool = False) -> Block:
        """whole: never a small one."""
        self._out += 1
        if self._out > _LARGE_MAX and not whole:
            return bytearray(_FEW_BYTES)
        return self._idle.pop() if self._idle else mmap.mmap(-1, BLOCK_BYTES)

    def give_back(self, block: Block, *, lost: bool = False) -> None:
        """Only once nobody holds a view of it that will be read. lost: somebody may still write
        to it, so it is not used again."""
        self._out -= 1
        if len(self._idle) < _KEPT_MAX and len(block) == BLOCK_BYTES and not lost:
            self._idle.append(block)
