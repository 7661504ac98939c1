"""Block checksums: the same whatever the pieces, small enough, and damage is seen."""

from __future__ import annotations

import random
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swiftlite.formats import block_checksums, crc
from swiftlite.formats.block_checksums import (
    ATTRIBUTE_BYTES,
    BLOCK_BYTES_MIN,
    COUNT_MAX,
    BlockSummer,
    BlocksUnreadable,
    block_bytes_for,
    decode_blocks,
    encode_blocks,
)


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_crcs_are_joined(first: bytes, second: bytes) -> None:
    operator = crc.shift_operator(len(second))
    assert crc.joined(zlib.crc32(first), zlib.crc32(second), operator) == zlib.crc32(first + second)


@pytest.mark.parametrize("size", [0, 1, 4095, 4096, 100_000])
def test_every_kind_of_buffer_has_zlibs_crc(size: int) -> None:
    data = random.Random(size).randbytes(size)
    for value in (0, 77):
        expected = zlib.crc32(data, value)
        for buffer in (data, bytearray(data), memoryview(data), memoryview(bytearray(data))):
            assert crc.crc32(buffer, value) == expected
    assert crc.crc32(memoryview(data)[size // 3 :]) == zlib.crc32(data[size // 3 :])


def _expected(data: bytes, block_bytes: int) -> tuple[int, ...]:
    return tuple(zlib.crc32(data[at : at + block_bytes]) for at in range(0, len(data), block_bytes))


@pytest.mark.parametrize("announced", [True, False])
@pytest.mark.parametrize(
    "size",
    [0, 1, BLOCK_BYTES_MIN - 1, BLOCK_BYTES_MIN, BLOCK_BYTES_MIN + 1, 5 * BLOCK_BYTES_MIN + 7],
)
def test_pieces_do_not_matter(size: int, announced: bool) -> None:
    chance = random.Random(size)
    data = chance.randbytes(size)
    summer = BlockSummer(size if announced else None)
    at = 0
    while at < size:
        step = chance.choice((1, 100, 4096, 65536, 65537, 300_000))
        summer.update(memoryview(data)[at : at + step])
        at += step
    found = summer.finish()
    assert (found.block_bytes, found.length) == (BLOCK_BYTES_MIN, size)
    assert found.sums == _expected(data, BLOCK_BYTES_MIN)
    assert decode_blocks(encode_blocks(found)) == found


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 40), st.integers(-3, 3), st.lists(st.integers(1, 90), min_size=1))
def test_unknown_sizes_grow_into_the_same_list(halves: int, extra: int, steps: list[int]) -> None:
    """With tiny blocks and lists, so that doubling happens often."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(block_checksums, "BLOCK_BYTES_MIN", 16)
        patch.setattr(block_checksums, "COUNT_MAX", 4)
        size = max(0, halves * 32 + extra)
        data = random.Random(size).randbytes(size)
        summer, at, turn = BlockSummer(), 0, 0
        while at < size:
            summer.update(data[at : at + steps[turn % len(steps)]])
            at += steps[turn % len(steps)]
            turn += 1
        found = summer.finish()
        assert found.block_bytes == block_bytes_for(size)
        assert found.sums == _expected(data, found.block_bytes)
        announced = BlockSummer(size)
        announced.update(data)
        assert announced.finish() == found


def test_a_wrong_announcement_does_no_harm() -> None:
    data = bytes(BLOCK_BYTES_MIN * 3)
    summer = BlockSummer(BLOCK_BYTES_MIN * COUNT_MAX * 3)
    summer.update(data)
    found = summer.finish()
    assert found.block_bytes == 4 * BLOCK_BYTES_MIN
    assert found.sums == (zlib.crc32(data),)


def test_the_list_keeps_to_its_budget() -> None:
    for length in (0, 1, BLOCK_BYTES_MIN * COUNT_MAX, BLOCK_BYTES_MIN * COUNT_MAX + 1, 5 << 30):
        block_bytes = block_bytes_for(length)
        sums = tuple(range(-(-length // block_bytes)))
        blocks = block_checksums.BlockChecksums(block_bytes, length, sums)
        blob = encode_blocks(blocks)
        assert len(blob) <= ATTRIBUTE_BYTES
        assert decode_blocks(blob) == blocks


def test_blocks_of_a_range() -> None:
    blocks = block_checksums.BlockChecksums(1 << 16, 150_000, (1, 2, 3))
    assert list(blocks.covering(0, 150_000)) == [
        (0, 0, 65536),
        (1, 65536, 131072),
        (2, 131072, 150_000),
    ]
    assert list(blocks.covering(65535, 65537)) == [(0, 0, 65536), (1, 65536, 131072)]
    assert list(blocks.covering(65536, 131072)) == [(1, 65536, 131072)]
    assert list(blocks.covering(5, 5)) == []


def test_a_rotten_block_is_seen() -> None:
    data = bytearray(random.Random(1).randbytes(150_000))
    summer = BlockSummer(len(data))
    summer.update(data)
    blocks = summer.finish()
    assert all(
        blocks.verify(index, data[at:stop]) for index, at, stop in blocks.covering(0, 150_000)
    )
    data[70_000] ^= 1
    assert [blocks.verify(i, data[at:stop]) for i, at, stop in blocks.covering(0, 150_000)] == [
        True,
        False,
        True,
    ]
    assert not blocks.verify(0, data[:65535])
    assert not blocks.matches(1, crc.crc32(data[65536:131072]))


def test_a_damaged_attribute_is_refused() -> None:
    summer = BlockSummer()
    summer.update(bytes(200_000))
    blob = encode_blocks(summer.finish())
    for at in range(len(blob)):
        with pytest.raises(BlocksUnreadable):
            decode_blocks(blob[:at] + bytes([blob[at] ^ 1]) + blob[at + 1 :])
    for stop in range(len(blob)):
        with pytest.raises(BlocksUnreadable):
            decode_blocks(blob[:stop])
