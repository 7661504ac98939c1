"""Where a body ends. Strict: whatever two readers could understand differently is refused.

Refused, with the connection closed: a length beside chunked, a second length, a length that is
anything but digits, a transfer coding other than exactly `chunked`, or one at all in HTTP/1.0.
"""

from __future__ import annotations

import re

from swiftlite.protocols.http1.errors import Malformed

CHUNKED = -1
UNTIL_CLOSE = -2  # answers only

_LENGTH_DIGITS_MAX = 18  # far beyond any disk, and below 2**63
_is_digits = re.compile(r"[0-9]+").fullmatch
_is_coding_list = re.compile(r"[A-Za-z0-9_;=\-]+(?:[ \t]*,[ \t]*[A-Za-z0-9_;=\-]+)*").fullmatch


def content_length(text: str) -> int:
    """The value of a Content-Length header. Raises Malformed."""
    if not _is_digits(text):
        if "," in text:
            raise Malformed("There is more than one Content-Length.")
        raise Malformed("Content-Length is not a number of digits only.")
    if len(text) > _LENGTH_DIGITS_MAX:
        raise Malformed("Content-Length is too large.", 413)
    return int(text)


def request_body(coding: str | None, length: str | None, http11: bool) -> int:
    """Bytes of a request's body, or CHUNKED. Raises Malformed."""
    if coding is not None:
        if length is not None:
            raise Malformed("A request cannot have both Transfer-Encoding and Content-Length.")
        if not http11:
            raise Malformed("HTTP/1.0 has no Transfer-Encoding.")
        check_coding(coding)
        return CHUNKED
    return 0 if length is None else content_length(length)


def check_coding(coding: str) -> None:
    """Only `chunked` (in any case) passes; a list that ends in it would still need decoding."""
    if coding.isascii() and coding.lower() == "chunked":
        return
    if _is_coding_list(coding) and "chunked" not in coding.lower():
        raise Malformed("Of all transfer encodings only chunked is understood.", 501)
    raise Malformed("Transfer-Encoding must be exactly: chunked.")


def answer_body(method: str, status: int, coding: str | None, length: str | None) -> int:
    """Bytes of an answer's body, CHUNKED or UNTIL_CLOSE. Raises Malformed."""
    if method == "HEAD" or status < 200 or status in (204, 304):
        return 0
    if coding is not None:
        if length is not None:
            raise Malformed("The answer has both Transfer-Encoding and Content-Length.")
        check_coding(coding)
        return CHUNKED
    return UNTIL_CLOSE if length is None else content_length(length)
