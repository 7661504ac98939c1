"""Heads of requests and answers, from values to bytes; nothing that could end a line gets in."""

from __future__ import annotations

from collections.abc import Iterable

from swiftlite.protocols.http1.names import is_header_name, is_token

_KNOWN_GOOD_NAMES: set[str] = set()
_KNOWN_GOOD_NAMES_MAX = 4096
_CONTROLS = bytes([*range(0x09), *range(0x0A, 0x20), 0x7F])  # all but HTAB


class Unsendable(ValueError):
    """A header or target that cannot be put on the wire; the fault of whoever made it."""


def answer_head(status: str, headers: Iterable[tuple[str, str]], own: str) -> bytes:
    """`HTTP/1.1 <status>`, the app's headers (WSGI strings), then our own lines.

    own is trusted and ends with an empty line. Raises Unsendable.
    """
    lines = [f"{name}: {value}\r\n" for name, value in headers]
    text = f"HTTP/1.1 {status}\r\n{''.join(lines)}{own}"
    try:
        head = text.encode("latin-1")
    except UnicodeEncodeError as error:
        raise Unsendable(f"not a WSGI string: {error.object[error.start : error.end]!r}") from None
    # Every line brings one CR and one LF of ours; any control character beside them is foreign.
    if len(head) - len(head.translate(None, _CONTROLS)) != 2 * (len(lines) + 1 + own.count("\n")):
        raise Unsendable("a control character in the status or a header")
    return head


def request_head(method: str, target: str, headers: Iterable[tuple[str, str]], own: str) -> bytes:
    """As answer_head. Names and values: text, or WSGI strings (see text_bytes)."""
    if not is_token(method):
        raise Unsendable(f"not a method: {method!r}")
    if not target or " " in target:
        raise Unsendable(f"not a request target: {target!r}")
    lines = [f"{method} {target} HTTP/1.1\r\n"]
    for name, value in headers:
        if name not in _KNOWN_GOOD_NAMES:
            _check_name(name)
        lines.append(f"{name}: {value}\r\n")
    count = len(lines) + own.count("\n")
    lines.append(own)
    text = "".join(lines)
    head = text.encode("ascii") if text.isascii() else b"".join(map(text_bytes, lines))
    if len(head) - len(head.translate(None, _CONTROLS)) != 2 * count:
        raise Unsendable("a control character in the target or a header")
    return head


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
