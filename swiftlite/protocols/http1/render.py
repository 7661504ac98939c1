"""Heads of requests and answers, from values to bytes; nothing that could end a line gets in."""

from __future__ import annotations

from collections.abc import Iterable

from swiftlite.protocols.http1.controls import are_plain
from swiftlite.protocols.http1.names import is_header_name, is_token

_KNOWN_GOOD_NAMES: set[str] = set()
_KNOWN_GOOD_NAMES_MAX = 4096
_LINE = ": ".join


class Unsendable(ValueError):
    """A header or target that cannot be put on the wire; the fault of whoever made it."""


def answer_head(status: str, headers: Iterable[tuple[str, str]], own: str) -> bytes:
    """`HTTP/1.1 <status>`, the app's headers (WSGI strings), then our own lines.

    own is trusted and ends with an empty line. Raises Unsendable.
    """
    lines = [f"HTTP/1.1 {status}", *header_lines(headers)]
    if not are_plain(lines):
        raise Unsendable("a control character in the status or a header")
    text = "\r\n".join([*lines, own])
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError as error:
        raise Unsendable(f"not a WSGI string: {error.object[error.start : error.end]!r}") from None


def header_lines(headers: Iterable[tuple[str, str]]) -> list[str]:
    """Each as a line, without its end; in C, as long as all values are strings."""
    pairs = headers if isinstance(headers, (list, tuple)) else list(headers)
    try:
        return [*map(_LINE, pairs)]
    except TypeError:  # a foreign filter's number, which other servers write out too
        return [f"{name}: {value}" for name, value in pairs]


def request_head(method: str, target: str, headers: Iterable[tuple[str, str]], own: str) -> bytes:
    """As answer_head. Names and values: text, or WSGI strings (see text_bytes)."""
    if not is_token(method):
        raise Unsendable(f"not a method: {method!r}")
    if not target or " " in target:
        raise Unsendable(f"not a request target: {target!r}")
    lines = [f"{method} {target} HTTP/1.1"]
    for name, value in headers:
        if name not in _KNOWN_GOOD_NAMES:
            _check_name(name)
        lines.append(f"{name}: {value}")
    if not are_plain(lines):
        raise Unsendable("a control character in the target or a header")
    lines.append(own)
    text = "\r\n".join(lines)
    return text.encode("ascii") if text.isascii() else b"\r\n".join(map(text_bytes, lines))


def _check_name(name: str) -> None:
    if not is_header_name(text_bytes(name).decode("latin-1")):
        raise Unsendable(f"not a header name: {name!r}")
    if len(_KNOWN_GOOD_NAMES) < _KNOWN_GOOD_NAMES_MAX and len(name) <= 128:
        _KNOWN_GOOD_NAMES.add(name)


def text_bytes(text: str) -> bytes:
    """The bytes of text as UTF-8, or of a WSGI string as they came.

    A string that fits latin-1 and holds UTF-8 there is taken for a WSGI string; the mistake is
    possible in theory only (text such as `Ã©`), and then costs an accent, not a line.
    """
    if text.isascii():
        return text.encode("ascii")
    try:
        raw = text.encode("latin-1")
        raw.decode("utf-8")
    except UnicodeError:
        return text.encode("utf-8", "surrogateescape")
    return raw
