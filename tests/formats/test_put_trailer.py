"""What goes behind the body of a PUT: there and back, as long as foretold, and damage is seen."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swiftlite.formats.block_checksums import BlockSummer, BlocksUnreadable
from swiftlite.formats.put_trailer import PutTrailer, decode_trailer, encode_trailer, trailer_bytes


def trailer_of(body: bytes) -> PutTrailer:
    summer = BlockSummer(len(body))
    summer.update(body)
    return PutTrailer(summer.finish(), hashlib.md5(body).hexdigest())


@pytest.mark.parametrize("size", [1, 65_536, 65_537, 3_000_000, 65_536 * 376, 65_536 * 376 + 1])
def test_there_and_back(size: int) -> None:
    trailer = trailer_of(bytes(size))
    blob = encode_trailer(trailer)
    assert len(blob) == trailer_bytes(size)
    assert decode_trailer(blob) == trailer


def test_the_layout_stays() -> None:
    assert encode_trailer(trailer_of(b"hello")).hex() == (
        "534c4201011000000500000000000000"  # magic, CRC32, 2**16, length
        "86a61036"  # of the only block
        "a8c76a02"  # of all of the above
        "5d41402abc4b2a76b9719d911017c592"
        "7036bfe6"
    )


@given(st.integers(min_value=0), st.integers(min_value=0, max_value=7))
def test_any_flipped_bit_is_seen(at: int, bit: int) -> None:
    blob = bytearray(encode_trailer(trailer_of(bytes(200_000))))
    blob[at % len(blob)] ^= 1 << bit
    with pytest.raises(BlocksUnreadable):
        decode_trailer(bytes(blob))


@given(st.binary(max_size=100))
def test_anything_else_is_refused(blob: bytes) -> None:
    with pytest.raises(BlocksUnreadable):
        decode_trailer(blob)
