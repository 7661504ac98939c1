"""Chunked bodies: sizes, line ends, extensions, trailers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swiftlite.protocols.http1.chunked import (
    EXTENSION_BYTES_TOTAL_MAX,
    LAST_CHUNK,
    TRAILER_COUNT_MAX,
    ChunkedBody,
    chunk_head,
)
from swiftlite.protocols.http1.errors import Malformed


@pytest.mark.parametrize(
    ("line", "size"),
    [
        (b"1", 1),
        (b"a", 10),
        (b"A", 10),
        (b"0010", 16),
        (b"10000", 65536),
        (b"5;a", 5),
        (b"5;a=b", 5),
        (b"5 ; a = b", 5),
        (b'5;a="b c;\\" d"', 5),
        (b"5;a;b=c;d", 5),
        (b"5;chunk-signature=0123456789abcdef", 5),
        (b"f" * 15, 16**15 - 1),
    ],
)
def test_sizes(line: bytes, size: int) -> None:
    body = ChunkedBody()
    body.take_line(line)
    assert body.remaining == size


BAD_SIZES = [
    b"", b" ", b"g", b"0x5", b"+5", b"-5", b"-0", b"5 ", b" 5", b"5\t", b"\t5", b"1_0", b"5,5",
    b"5.0", b"5 5", b"5h", b"\x0b5", b"5\x0b", b"5\x00", b"5\r", b"5\n", b"5\rX", b"\xb25", b"5;",
    b"5;a=", b"5;=b", b"5;;a", b'5;a="b', b'5;a="\x00"', b"5;a\rb", b"5;a\nb", b"5;a=b c",
    b"5;\x00", b"5;\xff", b"f" * 16,
    b"0" * 16, b"1" * 1000, b"5:", b"5=a", b"'5'", b"5;a b", b"0x", b"#5",
]  # fmt: skip


@pytest.mark.parametrize("line", BAD_SIZES)
def test_anything_else_is_no_size(line: bytes) -> None:
    with pytest.raises(Malformed):
        ChunkedBody().take_line(line)


def test_a_body_to_its_end() -> None:
    body = ChunkedBody()
    body.take_line(b"3")
    body.take_data(2)
    assert body.remaining == 1
    body.take_data(1)
    body.take_line(b"")
    body.take_line(b"0")
    assert not body.done
    body.take_line(b"")
    assert body.done


@pytest.mark.parametrize("line", [b"x", b"0", b" ", b"GET / HTTP/1.1"])
def test_data_must_be_followed_by_a_line_end(line: bytes) -> None:
    body = ChunkedBody()
    body.take_line(b"3")
    body.take_data(3)
    with pytest.raises(Malformed, match="longer than its size"):
        body.take_line(line)


def test_trailers_are_checked_and_dropped() -> None:
    body = ChunkedBody()
    body.take_line(b"0")
    body.take_line(b"X-Checksum: abc")
    assert not body.done
    body.take_line(b"")
    assert body.done


@pytest.mark.parametrize(
    "line", [b"GET /hidden HTTP/1.1", b" folded", b"a\x00: b", b"a : b", b"x\ry: z"]
)
def test_a_request_is_no_trailer(line: bytes) -> None:
    body = ChunkedBody()
    body.take_line(b"0")
    with pytest.raises(Malformed):
        body.take_line(line)


def test_trailers_end_some_time() -> None:
    body = ChunkedBody()
    body.take_line(b"0")
    for i in range(TRAILER_COUNT_MAX):
        body.take_line(b"X-%d: y" % i)
    with pytest.raises(Malformed, match="too many trailers"):
        body.take_line(b"X-More: y")


def test_long_trailers_end_some_time() -> None:
    body = ChunkedBody()
    body.take_line(b"0")
    lines = [b"X-%d: " % i + b"y" * 4000 for i in range(10)]
    with pytest.raises(Malformed, match="too many trailers"):
        take_lines(body, lines)


def test_extensions_end_some_time() -> None:
    body = ChunkedBody()
    lines = [b"1;a=" + b"b" * 1000, b""] * (EXTENSION_BYTES_TOTAL_MAX // 1000 + 1)
    with pytest.raises(Malformed, match="extensions"):
        take_lines(body, lines)


def take_lines(body: ChunkedBody, lines: list[bytes]) -> None:
    for line in lines:
        body.take_line(line)
        if body.remaining:
            body.take_data(body.remaining)


@given(st.binary(max_size=12))
def test_every_line_is_a_size_or_refused(line: bytes) -> None:
    body = ChunkedBody()
    try:
        body.take_line(line)
    except Malformed:
        return
    assert body.remaining == int(line.split(b";")[0], 16)


@given(st.integers(min_value=1, max_value=2**59))
def test_what_we_write_we_read(size: int) -> None:
    head = chunk_head(size)
    assert head.endswith(b"\r\n")
    body = ChunkedBody()
    body.take_line(head[:-2])
    assert body.remaining == size


def test_our_last_chunk_ends_a_body() -> None:
    body = ChunkedBody()
    for line in LAST_CHUNK.split(b"\r\n")[:2]:
        body.take_line(line)
    assert body.done
