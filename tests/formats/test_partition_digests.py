from __future__ import annotations

import pytest

from swiftlite.formats.partition_digests import (
    LINES_MAX,
    Claim,
    Comparison,
    DigestsUnreadable,
    decode_claims,
    decode_comparison,
    encode_claims,
    encode_comparison,
)
from swiftlite.formats.suffix_hashes import partition_digest

DIGEST = "1:" + "0" * 32
CLAIM = Claim("sda1", 7, DIGEST)


def test_claims_come_back() -> None:
    claims = [CLAIM, Claim("d-2.x", 4_294_967_295, DIGEST)]
    assert decode_claims(encode_claims(claims)) == claims


@pytest.mark.parametrize(
    "blob",
    [
        b"\x80\x02}.",
        f"../x 7 {DIGEST}\n".encode(),
        f".. 7 {DIGEST}\n".encode(),
        f"sda1 -7 {DIGEST}\n".encode(),
        b"sda1 7 x\n",
        f"sda1 7 {DIGEST}\n".encode() * (LINES_MAX + 1),
    ],
)
def test_what_are_no_claims(blob: bytes) -> None:
    with pytest.raises(DigestsUnreadable):
        decode_claims(blob)


def test_a_comparison_comes_back() -> None:
    comparison = Comparison(frozenset((0, 2)), {1: {"abc": "0" * 32, "abd": None}}, {1: 2.5})
    assert decode_comparison(encode_comparison(comparison)) == comparison


@pytest.mark.parametrize(
    "blob",
    [
        b"\x80\x02}.",
        b"[]",
        b'{"same":["x"],"differ":{},"age":{}}',
        b'{"same":[],"differ":{"1":{"x":"y"}},"age":{}}',
        b'{"same":[],"differ":{"1":7},"age":{}}',
        b'{"same":[],"differ":{},"age":{"1":"x"}}',
        b"[" * 100_000,
    ],
)
def test_what_is_no_comparison(blob: bytes) -> None:
    with pytest.raises(DigestsUnreadable):
        decode_comparison(blob)


def test_equal_hashes_give_equal_digests_and_unknown_ones_none() -> None:
    first = partition_digest({"abc": "1" * 32, "abd": "2" * 32})
    assert first == partition_digest({"abd": "2" * 32, "abc": "1" * 32})
    assert first != partition_digest({"abc": "2" * 32, "abd": "1" * 32})
    assert partition_digest({"abc": None}) is None
    assert partition_digest({"abc": {0: "1" * 32}}) is None
