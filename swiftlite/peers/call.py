"""The head of a call. Made, and refused if need be, before any node hears of it.

That order is the point: whatever a client smuggled into a name or a header shows up here as our
Unsendable (a 4xx for the client), never as a broken conversation that counts against a node.
"""

from __future__ import annotations

from collections.abc import Iterable

from swiftlite.host.net import Address, render_address
from swiftlite.protocols.http1.render import Unsendable, request_head

__all__ = ["Unsendable", "render_head"]

# Headers that follow from the arguments; in the list of headers they are dropped.
_OWN = frozenset(
    (
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    )
)


class _Kept(dict[str, bool]):
    def __missing__(self, name: str) -> bool:
        kept = name.lower() not in _OWN
        if len(self) < 4096 and len(name) <= 128:
            self[name] = kept
        return kept


_kept = _Kept()


def render_head(
    method: str,
    target: str,
    headers: Iterable[tuple[str, str]],
    address: Address,
    *,
    content_length: int | None = None,
    chunked: bool = False,
    expect: bool = False,
) -> bytes:
    """The head of a request. Raises Unsendable.

    target is quoted already. Names and values are text or WSGI strings. Host, framing and Expect
    come from the other arguments alone; what `headers` says of them is dropped.
    """
    assert not (chunked and content_length is not None)
    host = "localhost" if isinstance(address, str) else render_address(address)
    own = f"Host: {host}\r\n"
    if content_length is not None:
        own += f"Content-Length: {content_length}\r\n"
    elif chunked:
        own += "Transfer-Encoding: chunked\r\n"
    if expect:
        own += "Expect: 100-continue\r\n"
    kept = _kept
    return request_head(method, target, [h for h in headers if kept[h[0]]], own + "\r\n")


def declared_body(head: bytes) -> int:
    """Bytes that this head (made above) promises to follow; -1 for chunks."""
    start = head.find(b"\r\nContent-Length: ")
    if start >= 0:
        start += 18
        return int(head[start : head.index(b"\r", start)])
    return -1 if head.find(b"\r\nTransfer-Encoding: chunked\r\n") >= 0 else 0
