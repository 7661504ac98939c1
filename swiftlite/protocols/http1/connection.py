"""The rules of a connection: who wants it kept, who waits for a 100, how an answer ends."""

from __future__ import annotations

from swiftlite.protocols.http1.errors import Malformed
from swiftlite.protocols.http1.framing import CHUNKED, UNTIL_CLOSE, content_length


def client_keeps(http11: bool, connection: str | None) -> bool:
    """Whether the client will use the connection again, from its version and Connection header."""
    if connection is None:
        return http11
    words = [word.strip(" \t") for word in connection.lower().split(",")]
    if "close" in words:
        return False
    return http11 or "keep-alive" in words


def expects_continue(http11: bool, expect: str | None) -> bool:
    """Whether the client waits for a 100 before it sends its body. Raises Malformed (417)."""
    if expect is None or not http11:  # HTTP/1.0 has no Expect; it is ignored there
        return False
    if expect.lower() != "100-continue":
        raise Malformed("The only expectation that can be met here is 100-continue.", 417)
    return True


def answer_framing(
    method: str, status: int, http11: bool, length: str | None, body_size: int | None
) -> int:
    """How the body of our answer ends: bytes, CHUNKED or UNTIL_CLOSE.

    length is what the app put in Content-Length, body_size what is known of its body otherwise.
    Raises Malformed when the app's Content-Length is not a number.
    """
    if method == "HEAD" or status < 200 or status in (204, 304):
        return 0
    if length is not None:
        return content_length(length)
    if body_size is not None:
        return body_size
    return CHUNKED if http11 else UNTIL_CLOSE


def may_use_again(
    *, client_wants: bool, body_left: int, drain_max: int, waits_for_continue: bool
) -> bool:
    """Whether the connection can carry another request after this one's answer.

    body_left: unread bytes of the request (CHUNKED when nobody knows: then draining is tried). A
    client that still waits for its 100 may send the body or its next request, and nobody can tell
    which; so it must not.
    """
    return client_wants and not waits_for_continue and body_left <= drain_max
