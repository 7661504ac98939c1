from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swiftlite.formats.ssync_lines import (
    LineUnreadable,
    Offer,
    Wish,
    decode_change_line,
    decode_error,
    decode_header,
    decode_offer,
    decode_wish,
    encode_change,
    encode_error,
    encode_offer,
    encode_wish,
)
from swiftlite.vocab.timestamp import Timestamp

HASH = "9d41d8cd98f00b204e9800998ecf8427"
DATA = Timestamp(146_148_150_512_345)

# As Swift 2.38's encode_missing writes them.
LINES = [
    (Offer(HASH, DATA), f"{HASH} 1461481505.12345"),
    (Offer(HASH, Timestamp(DATA.raw, 10)), f"{HASH} 1461481505.12345_000000000000000a"),
    (Offer(HASH, DATA, DATA.plus(1)), f"{HASH} 1461481505.12345 m:1"),
    (
        Offer(HASH, DATA, Timestamp(DATA.raw + 256, 31), DATA.plus(17)),
        f"{HASH} 1461481505.12345 m:100__1f,t:11",
    ),
    (Offer(HASH, DATA, durable=False), f"{HASH} 1461481505.12345 durable:False"),
]


@pytest.mark.parametrize(("offer", "line"), LINES)
def test_offers_are_written_and_read_as_swift_does(offer: Offer, line: str) -> None:
    assert encode_offer(offer) == line.encode()
    assert decode_offer(line.encode()) == offer


def test_times_equal_to_the_datas_are_not_written() -> None:
    assert encode_offer(Offer(HASH, DATA, DATA, DATA)) == f"{HASH} 1461481505.12345".encode()


def test_extras_of_peers_to_come_are_left_out() -> None:
    assert decode_offer(f"{HASH} 1461481505.12345 x:9,m:1,odd".encode()) == Offer(
        HASH, DATA, DATA.plus(1)
    )


times = st.integers(0, 10**14).map(Timestamp)
offsets = st.integers(0, 2**63)


@given(times, st.integers(0, 10**9), offsets, st.integers(0, 10**9), offsets)
def test_an_offer_comes_back(
    data: Timestamp, meta: int, meta_offset: int, ctype: int, ctype_offset: int
) -> None:
    offer = Offer(
        HASH,
        data,
        Timestamp(data.raw + 1 + meta, meta_offset),
        Timestamp(data.raw + 1 + ctype, ctype_offset),
    )
    assert decode_offer(encode_offer(offer)) == offer


@pytest.mark.parametrize(
    "line",
    [
        b"",
        HASH.encode(),
        b"../../../etc/passwd 1461481505.12345",
        f"{HASH} later".encode(),
        f"{HASH} 1461481505.12345 m:0x1".encode(),
        f"{HASH} 1461481505.12345 m:1_0".encode(),
        f"{HASH} 1461481505.12345 m:-ffffffffffffffff".encode(),
        f"{HASH} \xff".encode("latin-1"),
    ],
)
def test_what_is_no_offer(line: bytes) -> None:
    with pytest.raises(LineUnreadable):
        decode_offer(line)


@pytest.mark.parametrize(
    ("line", "data", "meta"),
    [("", True, False), (" d", True, False), (" m", False, True), (" dm", True, True),
     (" x", True, False)],
)  # fmt: skip
def test_wishes(line: str, data: bool, meta: bool) -> None:
    wish = decode_wish(f"{HASH}{line}".encode())
    assert wish == Wish(HASH, data, meta)
    assert decode_wish(encode_wish(wish)) == wish


def test_a_wish_names_a_hash() -> None:
    with pytest.raises(LineUnreadable):
        decode_wish(b"abc d")


def test_a_change_is_a_head_of_lines() -> None:
    head = encode_change("PUT", "/a/c/o ü", [("Content-Length", "3"), ("X-Object-Meta-Ü", "ü")])
    assert head == "PUT /a/c/o%20%C3%BC\r\nContent-Length: 3\r\nX-Object-Meta-Ü: ü\r\n\r\n".encode()
    first, header, other, *_ = head.split(b"\r\n")
    assert decode_change_line(first) == ("PUT", "/a/c/o%20%C3%BC")
    assert decode_header(header) == ("Content-Length", "3")
    name, value = decode_header(other)
    assert name.encode("latin-1").decode() == "X-Object-Meta-Ü"
    assert value.encode("latin-1").decode() == "ü"


def test_metadata_with_a_line_end_cannot_travel() -> None:
    with pytest.raises(LineUnreadable):
        encode_change("POST", "/a/c/o", [("X-Object-Meta-A", "b\r\nDELETE /a/c/p")])


@pytest.mark.parametrize("line", [b"GET /a/c/o", b"PUT", b"PUT a/c/o", b"", b"\xff\xff /a"])
def test_what_begins_no_change(line: bytes) -> None:
    with pytest.raises(LineUnreadable):
        decode_change_line(line)


def test_errors() -> None:
    line = encode_error(503, "come\r\nback")
    assert line == b":ERROR: 503 'come back'\n"
    found = decode_error(line)
    assert found is not None
    assert (found.status, found.text) == (503, "'come back'")
    assert decode_error(b":UPDATES: END") is None
