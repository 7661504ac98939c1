"""The body of a PUT: plain, as a MIME document with metadata behind it, or with its checksums.

Each gives bytes by `readinto` until the object's body ends, and then what came behind it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Protocol

from swiftlite.formats.block_checksums import BlocksUnreadable
from swiftlite.formats.put_trailer import PutTrailer, decode_trailer, trailer_bytes
from swiftlite.protocols.mime_put import BadDocument, PartBegins, PartBytes, PartEnds, PartSplitter
from swiftlite.vocab.headers import X_BACKEND_SWIFTLITE_TRAILER, X_OBJ_METADATA_FOOTER
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

    def trailer(self) -> PutTrailer | None:
        """Checksums of what was sent, where they came too; asked for once, after the end."""
        ...


def body_of(request: Request) -> ObjectBody:
    """What the request brings. Sends the 100 with headers that some bodies wait for."""
    send_continue: Callable[[list[tuple[str, str]]], None] | None = None
    if "HTTP_EXPECT" in request.environ:
        send_continue = request.environ.get("swiftlite.continue")
    if not request.true_header("X-Backend-Obj-Metadata-Footer"):
        return _without_document(request, send_continue)
    boundary = request.get_header("X-Backend-Obj-Multipart-Mime-Boundary")
    if not boundary:
        raise Refusal(400, "A body with footers needs X-Backend-Obj-Multipart-Mime-Boundary.")
    if send_continue is not None:
        send_continue([(X_OBJ_METADATA_FOOTER, "yes")])
    announced = request.get_header("X-Backend-Obj-Content-Length")
    if announced is not None and not (announced.isascii() and announced.isdigit()):
        raise Refusal(400, f"X-Backend-Obj-Content-Length is not a length: {announced!r}")
    return MimeBody(
        request.body_reader, boundary.encode("latin-1"), None if announced is None
        else int(announced[:19]),
    )  # fmt: skip


def _without_document(
    request: Request, send_continue: Callable[[list[tuple[str, str]]], None] | None
) -> PlainBody:
    """Asks for the checksums behind the body where they are offered."""
    reader, length = request.body_reader, request.body_length
    if send_continue is None or length is None or not offers_trailer(request):
        return PlainBody(reader, length)
    send_continue([(X_BACKEND_SWIFTLITE_TRAILER, "1")])
    reader.extend(trailer_bytes(length))  # type: ignore[attr-defined]  # offers_trailer
    return TrailedBody(reader, length)


def offers_trailer(request: Request) -> bool:
    """Whether the sender waits to hear if its checksums may follow the body."""
    environ = request.environ
    return (
        request.get_header(X_BACKEND_SWIFTLITE_TRAILER) == "1"
        and bool(request.body_length)
        and "HTTP_EXPECT" in environ
        and "swiftlite.continue" in environ
        and hasattr(request.body_reader, "extend")
    )


class PlainBody:
    """The request's body is the object's."""

    def __init__(self, reader: BodyReader, announced: int | None) -> None:
        self.announced = announced
        self.readinto = reader.readinto

    def footers(self) -> dict[str, str]:
        return {}

    def trailer(self) -> PutTrailer | None:
        return None


class TrailedBody(PlainBody):
    """The object's body is followed by a trailer (doc/formats/put-trailer.md)."""

    def __init__(self, reader: BodyReader, length: int) -> None:
        super().__init__(reader, length)
        self._reader = reader
        self._length = self._left = length
        self.readinto = self._readinto

    def _readinto(self, view: memoryview, /) -> int:
        if not self._left:
            return 0
        count = self._reader.readinto(view[: self._left])
        self._left -= count
        return count

    def trailer(self) -> PutTrailer:
        assert not self._left
        wanted = trailer_bytes(self._length)
        blob = self._reader.read(wanted)
        while len(blob) < wanted and (more := self._reader.read(wanted - len(blob))):
            blob += more
        try:
            return decode_trailer(blob)
        except BlocksUnreadable as error:
            raise Refusal(422, f"The checksums behind the body are of no use: {error}.") from None


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

    def trailer(self) -> PutTrailer | None:
        return None

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
