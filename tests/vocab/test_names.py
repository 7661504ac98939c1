"""Paths, quoting, and the border between WSGI strings and text."""

from __future__ import annotations

from urllib.parse import quote, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swiftlite.vocab import names


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("/a", 1), ["a"]),
        (("/a", 1, 3), ["a", None, None]),
        (("/a/", 1, 2), ["a", ""]),
        (("/a/c/", 2, 2), ["a", "c"]),
        (("/a/c/o", 1, 3), ["a", "c", "o"]),
        (("/a/c/o/p/", 1, 3, True), ["a", "c", "o/p/"]),
        (("/a/c//o", 1, 3, True), ["a", "c", "/o"]),
        (("/a/c/", 1, 3, True), ["a", "c", ""]),
        (("/a/c", 2, 3, True), ["a", "c", None]),
        (("/a/c/", 2, 4, True), ["a", "c", "", None]),
    ],
)
def test_paths_are_cut(arguments: tuple[str, int], expected: list[str | None]) -> None:
    assert names.split_path(*arguments) == expected


@pytest.mark.parametrize(
    "arguments",
    [
        ("", 1),
        ("a", 1),
        ("/", 1),
        ("//", 1, 3),
        ("//c", 1, 2),
        ("/a//o", 3, 3, True),
        ("/a", 2),
        ("/a/c/o", 2, 2),
        ("/a/c//", 2, 2),
        ("/a/c/", 3, 3, True),
        ("/a//", 1, 3, True),
        ("/a//o", 1, 3),
    ],
)
def test_other_paths_are_refused(arguments: tuple[str, int]) -> None:
    with pytest.raises(ValueError, match=r"^Invalid path: "):
        names.split_path(*arguments)


def test_the_refusal_quotes_the_path() -> None:
    with pytest.raises(ValueError, match=r"^Invalid path: a%20%0A%C3%BC$"):
        names.split_path("a \nü")


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_quoting_is_what_urllib_does(text: str) -> None:
    assert names.quote_path(text) == quote(text)
    assert names.quote_path(text, safe="") == quote(text, safe="")
    assert names.unquote_path(quote(text)) == unquote(quote(text)) == text


@given(st.binary())
def test_any_bytes_survive_the_borders(data: bytes) -> None:
    wsgi = data.decode("latin-1")
    text = names.wsgi_to_text(wsgi)
    assert text == data.decode("utf-8", "surrogateescape")
    assert names.text_to_wsgi(text) == wsgi
    assert names.unquote_path(names.quote_path(text)) == text
    assert names.wsgi_quote(wsgi) == names.quote_path(text)
    assert names.wsgi_unquote(names.wsgi_quote(wsgi)) == wsgi


def test_ascii_crosses_as_the_same_string() -> None:
    plain = "/v1/AUTH_test/c/o"
    assert names.wsgi_to_text(plain) is plain
    assert names.text_to_wsgi(plain) is plain
    assert names.quote_path(plain) is plain


@pytest.mark.parametrize(
    ("text", "internal", "usable"),
    [
        ("c", False, True),
        ("", False, False),
        ("\x00c", False, False),
        ("\x00c", True, True),
        ("Üñ😀", False, True),
        ("\ud83d", False, False),
        (b"\xff".decode("utf-8", "surrogateescape"), True, False),
    ],
)
def test_usable_names(text: str, internal: bool, usable: bool) -> None:
    assert names.check_utf8(text, internal) is usable


def test_reserved_and_hidden() -> None:
    assert names.is_reserved("\x00versions\x00c")
    assert not names.is_reserved("c")
    assert names.is_hidden_account(".shards_a")
    assert not names.is_hidden_account("AUTH_a")
