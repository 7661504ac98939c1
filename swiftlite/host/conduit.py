"""Bytes on their way from one stream to another, unseen: what a relay fills and drains in turn.

Whose fault a failure is stays clear: filling fails for the source, draining for the sink. The plain
kind copies through a buffer; host.splice has one that leaves the bytes in the kernel.
"""

from __future__ import annotations

from typing import Protocol

from swiftlite.host.net import Stream

BUFFER_BYTES = 262_144  # 256 KiB: half the CPU of 64 KiB; a megabyte gains little more
_SPARE_MAX = 32

# Above the allocator's mmap threshold a buffer costs more to make than to fill.
_spare_buffers: list[bytearray] = []


class Conduit(Protocol):
    """Owned by one task. Filled only when empty, so that whatever was taken has been passed on."""

    def fill(self, source: Stream, count: int) -> int:
        """Take some bytes, at most count; 0 at the end. Raises what reading the source raises."""
        ...

    def put(self, data: bytes) -> None:
        """Take bytes of the source that were read with something before them."""
        ...

    def drain(self, sink: Stream) -> None:
        """Pass all of it on. Raises what writing to the sink raises."""
        ...

    def close(self) -> None: ...


class CopyConduit:
    """Through a buffer that is used again."""

    def __init__(self) -> None:
        self._buffer = _spare_buffers.pop() if _spare_buffers else bytearray(BUFFER_BYTES)
        self._view = memoryview(self._buffer)
        self._held: bytes | memoryview = b""

    def fill(self, source: Stream, count: int) -> int:
        got = source.recv_into(self._view[:count])
        self._held = self._view[:got]
        return got

    def put(self, data: bytes) -> None:
        self._held = data

    def drain(self, sink: Stream) -> None:
        sink.send_all(self._held)
        self._held = b""

    def close(self) -> None:
        self._held = b""
        if len(_spare_buffers) < _SPARE_MAX:
            _spare_buffers.append(self._buffer)
