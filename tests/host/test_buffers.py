"""Blocks come back, and many slow clients share the memory there is."""

from __future__ import annotations

from contextlib import ExitStack

from swiftlite.host.buffers import BUFFER_BYTES, SMALL_BUFFER_BYTES, Buffers


def test_blocks_come_back() -> None:
    buffers = Buffers(uploads_max=64)
    buffer = buffers.take()
    assert len(buffer) == BUFFER_BYTES
    buffers.give_back(buffer)
    assert buffers.take() is buffer
    assert buffers.take() is not buffer


def test_many_uploads_share_the_memory_there_is() -> None:
    buffers = Buffers(uploads_max=64)
    with ExitStack() as uploads:
        lent = [uploads.enter_context(buffers.upload()) for _ in range(1000)]
        assert [len(one) for one in lent] == [BUFFER_BYTES] * 64 + [SMALL_BUFFER_BYTES] * 936
        assert len(buffers.take()) == BUFFER_BYTES  # a disk's thread has what it needs
    with buffers.upload() as buffer:
        assert len(buffer) == BUFFER_BYTES
