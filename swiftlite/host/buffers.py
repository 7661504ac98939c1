"""Blocks for bodies that pass through and for disk jobs, used again and again.

A block of this size is above the allocator's mmap threshold: making one costs a page fault each
4 KiB, more than what it carries (46 µs against 4 for a small message, PERF "Big GET"). Blocks
begin with a page, so that a disk can take them as they are.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeAlias

Buffer: TypeAlias = bytearray | mmap.mmap
BUFFER_BYTES = 1 << 20
SMALL_BUFFER_BYTES = 1 << 16
_KEPT_MAX = 8  # a megabyte each, for the life of the process


class Buffers:
    """A stack of idle blocks, one per process and use."""

    def __init__(self, *, uploads_max: int) -> None:
        """uploads_max: how many clients may have a large block at once."""
        self._idle: list[Buffer] = []
        self._uploads = 0
        self._uploads_max = uploads_max

    def take(self) -> Buffer:
        """BUFFER_BYTES of anything, to be given back. Any thread may: a list's pop and append
        are safe."""
        try:
            return self._idle.pop()
        except IndexError:
            return mmap.mmap(-1, BUFFER_BYTES)

    def give_back(self, buffer: Buffer) -> None:
        """Only once nobody holds a view of it that will be read."""
        if len(self._idle) < _KEPT_MAX:
            self._idle.append(buffer)

    @contextmanager
    def upload(self) -> Iterator[Buffer]:
        """A block for as long as a client takes to send its body, which may be long.

        Once many are out they are small, so that slow clients cannot take all memory. For the
        loop's thread alone.
        """
        if self._uploads >= self._uploads_max:
            yield bytearray(SMALL_BUFFER_BYTES)
            return
        buffer = self.take()
        self._uploads += 1
        try:
            yield buffer
        finally:
            self._uploads -= 1
            self.give_back(buffer)
