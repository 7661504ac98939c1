"""Where a body ends: one reading only, or none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swiftlite.protocols.http1.connection import (
    answer_framing,
    client_keeps,
    expects_continue,
    may_use_again,
)
from swiftlite.protocols.http1.errors import Malformed
from swiftlite.protocols.http1.framing import (
    CHUNKED,
    UNTIL_CLOSE,
    answer_body,
    content_length,
    request_body,
)


@pytest.mark.parametrize(
    ("text", "length"), [("0", 0), ("5", 5), ("007", 7), ("9" * 18, 10**18 - 1)]
)
def test_lengths_are_digits(text: str, length: int) -> None:
    assert content_length(text) == length


BAD_LENGTHS = [
    "", " ", "+5", "-5", "-0", "5 ", " 5", "5\t", "0x5", "5e1", "5.0", "1_0", "5,5", "5, 5", "5;",
    "²", "٥", "５", "\xb2", "a", "5\x00", "5\n", "'5'", "5 6", "0b1", "inf", "nan", "null",
]  # fmt: skip


@pytest.mark.parametrize("text", BAD_LENGTHS)
def test_anything_else_is_no_length(text: str) -> None:
    with pytest.raises(Malformed) as caught:
        content_length(text)
    assert caught.value.status == 400


@pytest.mark.parametrize("digits", [19, 20, 5000, 100_000])
def test_a_number_of_absurd_size_is_refused_without_computing_it(digits: int) -> None:
    with pytest.raises(Malformed) as caught:
        content_length("1" * digits)
    assert caught.value.status == 413


@given(st.text(max_size=8))
def test_every_text_is_a_length_or_refused(text: str) -> None:
    try:
        length = content_length(text)
    except Malformed:
        return
    assert set(text) <= set("0123456789")
    assert length == int(text)


def test_what_a_request_says_of_its_body() -> None:
    assert request_body(None, None, True) == 0
    assert request_body(None, "7", True) == 7
    assert request_body(None, "7", False) == 7
    assert request_body("chunked", None, True) == CHUNKED
    assert request_body("Chunked", None, True) == CHUNKED
    assert request_body("CHUNKED", None, True) == CHUNKED


BAD_CODINGS = [
    "chunked, chunked", "chunked,chunked", "gzip, chunked", "chunked, gzip", "identity, chunked",
    "chunked, identity", "xchunked", "chunkedx", "chunk", "chunked;q=1", "chunked ", " chunked",
    "\tchunked", "\x0bchunked", "\x0cchunked", "chunked\x0b", "chunked\x00", "\x00chunked",
    '"chunked"', "'chunked'", "chunked,", ",chunked", "", ",", "x", "identity", "gzip", "deflate",
    "chunKed\xa0", "\xa0chunked", "cow", "cow, chunked", "chunked\r", "chu\rnked", "chunked, ",
    "ſhunked", "chun\u212aed", "chunked; x", "chunked=1", "trailers", "1", "chunked chunked",
]  # fmt: skip


@pytest.mark.parametrize("coding", BAD_CODINGS)
def test_only_exactly_chunked_is_understood(coding: str) -> None:
    with pytest.raises(Malformed) as caught:
        request_body(coding, None, True)
    assert caught.value.status in (400, 501)


def test_a_coding_that_is_merely_unknown_is_not_implemented() -> None:
    with pytest.raises(Malformed) as caught:
        request_body("gzip", None, True)
    assert caught.value.status == 501


@pytest.mark.parametrize("coding", ["chunked", "Chunked", "gzip", "identity", ""])
@pytest.mark.parametrize("length", ["0", "5", "x"])
def test_two_ways_to_end_a_body_are_none(coding: str, length: str) -> None:
    with pytest.raises(Malformed):
        request_body(coding, length, True)
    with pytest.raises(Malformed):
        answer_body("GET", 200, coding, length)


def test_http_1_0_has_no_chunks() -> None:
    with pytest.raises(Malformed):
        request_body("chunked", None, False)


def test_what_an_answer_says_of_its_body() -> None:
    assert answer_body("GET", 200, None, "5") == 5
    assert answer_body("GET", 200, "chunked", None) == CHUNKED
    assert answer_body("GET", 200, None, None) == UNTIL_CLOSE
    assert answer_body("HEAD", 200, None, "5") == 0
    for status in (100, 204, 304):
        assert answer_body("GET", status, None, "5") == 0
    with pytest.raises(Malformed):
        answer_body("GET", 200, "gzip, chunked", None)


def test_how_our_answers_end() -> None:
    assert answer_framing("GET", 200, True, "5", None) == 5
    assert answer_framing("GET", 200, True, None, 3) == 3
    assert answer_framing("GET", 200, True, None, None) == CHUNKED
    assert answer_framing("GET", 200, False, None, None) == UNTIL_CLOSE
    assert answer_framing("HEAD", 200, True, "5", None) == 0
    assert answer_framing("GET", 304, True, "5", None) == 0
    with pytest.raises(Malformed):
        answer_framing("GET", 200, True, "five", None)


@pytest.mark.parametrize(
    ("http11", "connection", "keeps"),
    [
        (True, None, True),
        (True, "keep-alive", True),
        (True, "close", False),
        (True, "Close", False),
        (True, "foo, close", False),
        (True, "keep-alive,close", False),
        (True, "", True),
        (False, None, False),
        (False, "keep-alive", True),
        (False, "Keep-Alive, x", True),
        (False, "keep-alive, close", False),
        (False, "close", False),
    ],
)
def test_who_keeps_the_connection(http11: bool, connection: str | None, keeps: bool) -> None:
    assert client_keeps(http11, connection) is keeps


def test_who_waits_for_a_100() -> None:
    assert expects_continue(True, "100-continue")
    assert expects_continue(True, "100-Continue")
    assert not expects_continue(True, None)
    assert not expects_continue(False, "100-continue")
    assert not expects_continue(False, "whatever")
    for other in ("", "200-ok", "100-continue, x", "100-continue;q=1", "100-continue,100-continue"):
        with pytest.raises(Malformed) as caught:
            expects_continue(True, other)
        assert caught.value.status == 417


def test_when_a_connection_is_used_again() -> None:
    def again(wants: bool = True, left: int = 0, waits: bool = False) -> bool:
        return may_use_again(
            client_wants=wants, body_left=left, drain_max=10, waits_for_continue=waits
        )

    assert again()
    assert again(left=10)
    assert again(left=CHUNKED)
    assert not again(left=11)
    assert not again(wants=False)
    assert not again(left=5, waits=True)
