"""Heads of answers as values, those that nodes give again and again read only once.

The answers of three replicas to one PUT are the same bytes, and so are those of a second's worth
of changes to equal objects; to look one up costs a tenth of reading it.
"""

from __future__ import annotations

from typing import NamedTuple

from swiftlite.peers.headers import Headers
from swiftlite.protocols.http1.connection import client_keeps
from swiftlite.protocols.http1.framing import UNTIL_CLOSE, answer_body
from swiftlite.protocols.http1.heads import read_answer_head

_SMALL_BYTES = 256  # longer heads tell of one object, and do not come again
_KEPT_MAX = 256


class AnswerHead(NamedTuple):
    """framing: bytes of the body, CHUNKED or UNTIL_CLOSE. keep: another request may follow."""

    status: int
    reason: str
    headers: Headers
    framing: int
    keep: bool


_known: dict[bytes, AnswerHead] = {}


def answer_head(head: bytes, *, to_head: bool = False) -> AnswerHead:
    """to_head: the request was a HEAD, so no body follows. Raises Malformed."""
    if to_head:
        return _read(head, "HEAD")
    found = _known.get(head)
    if found is None:
        found = _read(head, "")
        if len(head) <= _SMALL_BYTES:
            if len(_known) >= _KEPT_MAX:
                _known.clear()
            _known[head] = found
    return found


def _read(head: bytes, method: str) -> AnswerHead:
    status, reason, http11, headers = read_answer_head(head)
    get = headers.get
    framing = answer_body(method, status, get("Transfer-Encoding"), get("Content-Length"))
    keep = framing != UNTIL_CLOSE and client_keeps(http11, get("Connection"))
    return AnswerHead(status, reason, Headers(headers), framing, keep)
