"""Heads we write: exact bytes, and nothing that would end a line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swiftlite.protocols.http1.heads import read_answer_head
from swiftlite.protocols.http1.render import Unsendable, answer_head, request_head, text_bytes


def test_an_answer() -> None:
    head = answer_head("200 OK", [("ETag", "x"), ("X-M", "\xe2\x82\xac")], "Date: now\r\n\r\n")
    assert head == b"HTTP/1.1 200 OK\r\nETag: x\r\nX-M: \xe2\x82\xac\r\nDate: now\r\n\r\n"


def test_a_request() -> None:
    head = request_head("PUT", "/sda/1/a", [("X-A", "b")], "Host: h\r\n\r\n")
    assert head == b"PUT /sda/1/a HTTP/1.1\r\nX-A: b\r\nHost: h\r\n\r\n"


INJECTIONS = [
    "a\r\nX: y",
    "a\nX: y",
    "a\rX: y",
    "a\x00",
    "\r\n\r\n",
    "\n",
    "a\x0bb",
    "a\x7f",
    "\x1b[0m",
]


@pytest.mark.parametrize("bad", INJECTIONS)
def test_nothing_can_be_injected(bad: str) -> None:
    with pytest.raises(Unsendable):
        answer_head("200 OK", [("X-A", bad)], "\r\n")
    with pytest.raises(Unsendable):
        answer_head("200 OK", [(bad, "v")], "\r\n")
    with pytest.raises(Unsendable):
        answer_head(f"200 {bad}", [], "\r\n")
    with pytest.raises(Unsendable):
        request_head("GET", "/", [("X-A", bad)], "\r\n")
    with pytest.raises(Unsendable):
        request_head("GET", "/", [(bad, "v")], "\r\n")
    with pytest.raises(Unsendable):
        request_head("GET", f"/{bad}", [], "\r\n")
    with pytest.raises(Unsendable):
        request_head(f"GET{bad}", "/", [], "\r\n")


@pytest.mark.parametrize("name", ["", "a b", "a:", ":", " a", "a ", "a(b", "a\t"])
def test_a_name_is_a_name(name: str) -> None:
    with pytest.raises(Unsendable):
        request_head("GET", "/", [(name, "v")], "\r\n")


@pytest.mark.parametrize("target", ["", "/a b", " /a"])
def test_a_target_is_one_word(target: str) -> None:
    with pytest.raises(Unsendable):
        request_head("GET", target, [], "\r\n")


def test_text_and_wsgi_strings_become_the_same_bytes() -> None:
    assert text_bytes("Ü€") == "Ü€".encode()
    assert text_bytes("Ü€".encode().decode("latin-1")) == "Ü€".encode()
    assert text_bytes("ü") == "ü".encode()
    head = request_head("PUT", "/", [("X-Object-Meta-Ü", "€")], "\r\n")
    assert "X-Object-Meta-Ü: €".encode() in head


def test_a_string_that_is_neither_is_refused_in_answers() -> None:
    with pytest.raises(Unsendable):
        answer_head("200 OK", [("X-A", "€")], "\r\n")


def test_a_tab_may_stand_in_a_value() -> None:
    assert b"X-A: a\tb\r\n" in answer_head("200 OK", [("X-A", "a\tb")], "\r\n")


@given(st.text(max_size=30), st.text(max_size=30))
def test_whatever_is_sent_reads_back_as_one_header(name: str, value: str) -> None:
    try:
        head = request_head(
            "GET", "/", [("X-Before", "1"), ("X-" + name, value)], "X-After: 2\r\n\r\n"
        )
    except Unsendable:
        return
    lines = head[:-4].split(b"\r\n")
    assert len(lines) == 4
    _, _, _, headers = read_answer_head(b"HTTP/1.1 200 OK\r\n" + b"\r\n".join(lines[1:]))
    assert headers["X-After"] == "2"
