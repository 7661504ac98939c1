from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swiftlite.protocols.memcached import (
    LineReply,
    MemcachedBroke,
    ValuesReply,
    cache_key,
    decode_value,
    encode_value,
    expiry,
    render_count,
    render_delete,
    render_get,
    render_store,
)


def test_a_key_is_the_md5_of_its_utf8() -> None:
    assert cache_key("a") == b"0cc175b9c0f1b6a831c399e269772661"
    assert len(cache_key("ü" * 500)) == 32


@pytest.mark.parametrize(
    ("seconds", "field"),
    [(0, 0), (-3, 0), (0.2, 1), (60, 60), (2_592_000, 2_592_000), (2_592_001, 1_002_592_001)],
)
def test_an_expiry_beyond_thirty_days_is_a_date(seconds: float, field: int) -> None:
    assert expiry(seconds, now=1_000_000_000.0) == field


@pytest.mark.parametrize("value", [None, 1, "x", [1.5, "a,b"], {"a": {"b": ["ü"]}}])
def test_json_values_come_back(value: object) -> None:
    flags, data = encode_value(value, serialize=True)
    assert flags == 2
    assert decode_value(flags, data) == value


def test_pickles_and_broken_json_are_never_a_value() -> None:
    assert decode_value(1, b"cos\nsystem\n(S'true'\ntR.") is None
    assert decode_value(3, b"{}") is None
    assert decode_value(2, b"{") is None
    assert decode_value(2, b"[" * 100_000) is None


def test_commands_look_as_memcached_wants_them() -> None:
    assert render_get([b"a", b"b"]) == b"get a b\r\n"
    assert render_store(b"set", b"k", 2, 60, b'"v"') == b'set k 2 60 3\r\n"v"\r\n'
    assert render_delete(b"k") == b"delete k\r\n"
    assert render_count(b"k", 3) == b"incr k 3\r\n"
    assert render_count(b"k", -3) == b"decr k 3\r\n"


@given(st.lists(st.binary(max_size=40), max_size=5), st.integers(1, 7))
def test_values_are_read_however_the_bytes_arrive(values: list[bytes], step: int) -> None:
    said = b"".join(
        b"VALUE k%d %d %d\r\n%s\r\n" % (i, i % 3, len(v), v) for i, v in enumerate(values)
    )
    said += b"END\r\n"
    reply = ValuesReply()
    done = [reply.feed(said[i : i + step]) for i in range(0, len(said), step)]
    assert done == [False] * (len(done) - 1) + [True]
    assert reply.values == {b"k%d" % i: (i % 3, v) for i, v in enumerate(values)}


@pytest.mark.parametrize(
    "said",
    [
        b"VALUE k 0 5\r\nabcdefgEND\r\n",
        b"VALUE k 0 -1\r\n",
        b"VALUE k 0 99999999999\r\n",
        b"SERVER_ERROR out of memory\r\n",
        b"END\r\nmore",
        b"x" * 5000,
    ],
)
def test_anything_else_breaks_the_connection(said: bytes) -> None:
    with pytest.raises(MemcachedBroke):
        ValuesReply().feed(said)


def test_line_replies_are_counted() -> None:
    reply = LineReply(2)
    assert not reply.feed(b"STO")
    assert not reply.feed(b"RED\r\nSTOR")
    assert reply.feed(b"ED\r\n")
    assert reply.lines == [b"STORED", b"STORED"]
    with pytest.raises(MemcachedBroke):
        LineReply().feed(b"STORED\r\nSTORED\r\n")
    with pytest.raises(MemcachedBroke):
        LineReply().feed(b"x" * 4000)
