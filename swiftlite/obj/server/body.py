"""The body of a PUT, plain or as a MIME document with metadata behind it.

Either gives bytes by `readinto` until the object's body ends, and then the footers.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Protocol

from swiftlite.protocols.mime_put import BadDocument, PartBegins, PartBytes, PartEnds, PartSplitter
from swiftlite.vocab.headers import X_OBJ_METADATA_FOOTER
from swiftlite.web import Refusal, Request
from swiftlite.web.request import BodyReader

_PIECE_BYTES = 1 << 16
_FOOTER_BYTES_MAX = 1 << 20


class ObjectBody(Protocol):
    announced: int | None
    """Bytes of the object's body, where the request told them."""

    def readinto(self, view: memoryview, /) -> int:
        """Some bytes; 0 at the end. Raises Refusal and vocab.errors.Client*."""
        ...

    def footers(self) -> dict[str, str]:
        """Headers that came behind the body; asked for once, after its end."""
        ...


def body_of(request: Request) -> ObjectBody:
    """What the request brings. Sends the 100 with headers that a MIME body waits for."""
    if not request.true_header("X-Backend-Obj-Metadata-Footer"):
        return PlainBody(request.body_reader, request.body_length)
    boundary = request.get_header("X-Backend-Obj-Multipart-Mime-Boundary")
    if not boundary:
        raise Refusal(400, "A body with footers needs X-Backend-Obj-Multipart-Mime-Boundary.")
    send_continue: Callable[[list[tuple[str, str]]], None] | None
    send_continue = request.environ.get("swiftlite.continue")
    if send_continue is not None and "HTTP_EXPECT" in request.environ:
        send_continue([(X_OBJ_METADATA_FOOTER, "yes")])
    announced = request.get_header("X-Backend-Obj-Content-Length")
    if announced is not None and not (announced.isascii() and announced.isdigit()):
        raise Refusal(400, f"X-Backend-Obj-Content-Length is not a length: {announced!r}")
    return MimeBody(
        request.body_reader, boundary.encode("latin-1"), None if announced is None
        else int(announced[:19]),
    )  # fmt: skip


class PlainBody:
    """The request's body is the object's."""

    def __init__(self, reader: BodyReader, announced: int | None) -> None:
        self.announced = announced
        self.readinto = reader.readinto

    def footers(self) -> dict[str, str]:
        return {}


class MimeBody:
    """The first part is the object's body, the second a JSON map of headers."""

    def __init__(self, reader: BodyReader, boundary: bytes, announced: int | None) -> None:
        self.announced = announced
        self._reader = reader
        self._splitter = PartSplitter(boundary)
        self._events: list[PartBegins | PartBytes | PartEnds] = []
        self._piece = b""  # of the object's body, not taken yet
        self._ended = False

    def readinto(self, view: memoryview, /) -> int:
        while not self._piece and not self._ended:
            event = self._next()
            if isinstance(event, PartBytes):
                self._piece = event.data
            elif isinstance(event, PartEnds):
                self._ended = True
        count = min(len(view), len(self._piece))
        view[:count] = self._piece[:count]
        self._piece = self._piece[count:]
        return count

    def footers(self) -> dict[str, str]:
        assert self._ended
        begins = self._next()
        if not isinstance(begins, PartBegins):
            raise Refusal(400, "There is no part with metadata behind the object's body.")
        content = self._rest_of_part()
        self._drain()
        expected = begins.headers.get("content-md5")
        if expected is None:
            raise Refusal(400, "The metadata behind the body has no Content-MD5.")
        if expected != hashlib.md5(content, usedforsecurity=False).hexdigest():
            raise Refusal(422, "The metadata behind the body is not what its MD5 says.")
        return _footers(content)

    def _rest_of_part(self) -> bytes:
        content = b""
        while isinstance(event := self._next(), PartBytes):
            content += event.data
            if len(content) > _FOOTER_BYTES_MAX:
                raise Refusal(413, "There is too much metadata behind the body.")
        return content

    def _drain(self) -> None:
        """What follows the last part; without it the connection could not be kept."""
        while self._reader.read(_PIECE_BYTES):
            pass

    def _next(self) -> PartBegins | PartBytes | PartEnds:
        while not self._events:
            block = self._reader.read(_PIECE_BYTES)
            if not block:
                raise Refusal(400, "The MIME document ends too early.")
            try:
                self._events = self._splitter.feed(block)
            except BadDocument as error:
                raise Refusal(400, str(error)) from None
            self._events.reverse()
        return self._events.pop()


def _footers(content: bytes) -> dict[str, str]:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        raise Refusal(400, "The metadata behind the body is not JSON.") from None
    if not isinstance(found, dict):
        raise Refusal(400, "The metadata behind the body is not a map.")
    if not all(isinstance(value, str) for value in found.values()):
        raise Refusal(400, "The metadata behind the body has values that are not text.")
    return found
