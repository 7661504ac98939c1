"""Bodies that do not pass through the server, because the proxy on this host has the file opened.

Only for a proxy that says it may (same kernel, namespaces and user); see doc/formats/lent-file.md.
What the server promises stays the server's: the commit of what was written, the quarantine of what
was found damaged.
"""

from __future__ import annotations

from collections.abc import Callable

from swiftlite.formats.lent_file import render_lent
from swiftlite.formats.put_trailer import trailer_bytes
from swiftlite.obj.server.body import TrailedBody, offers_trailer
from swiftlite.obj.server.context import ServerContext
from swiftlite.objectstore.reader import Body, BytesBody
from swiftlite.objectstore.writer import Writer
from swiftlite.vocab.headers import (
    X_BACKEND_SWIFTLITE_LEND,
    X_BACKEND_SWIFTLITE_LENT,
    X_BACKEND_SWIFTLITE_TRAILER,
)
from swiftlite.web import Request, Response
from swiftlite.web.conditional import judge

LEND_BYTES_MIN = 1 << 18  # below, opening the file again costs what it saves


def may_lend(server: ServerContext, request: Request) -> bool:
    """Whether the request comes from this host, and from whoever may open our files."""
    asked = request.get_header(X_BACKEND_SWIFTLITE_LEND)
    if not asked or not server.options.lend_files:
        return False
    return asked == server.host.process.place


def wants_to_write(server: ServerContext, request: Request) -> bool:
    """Whether this PUT's body may be written by its sender."""
    return may_lend(server, request) and offers_trailer(request)


def lent_part(
    request: Request,
    headers: list[tuple[str, str]],
    body: Body | BytesBody,
    spans: list[tuple[int, int]] | None,
    etag: str,
    last_modified: float,
) -> Response | None:
    """The answer to a GET without its body, which the asker reads himself; None: not this time.

    spans: what is wanted; None for the whole, empty for nothing that there is.
    """
    if isinstance(body, BytesBody) or (spans is not None and len(spans) != 1):
        return None
    start, stop = spans[0] if spans else (0, body.length)
    if stop - start < LEND_BYTES_MIN:
        return None
    if judge(request, etag=etag, last_modified=last_modified) is not None:
        return None
    lent = body.to_lend()
    if lent is None:
        return None
    told = [*headers, (X_BACKEND_SWIFTLITE_LENT, render_lent(lent))]
    if spans is None:
        return Response(200, told)
    told.append(("Content-Range", f"bytes {start}-{stop - 1}/{body.length}"))
    return Response(206, told)


class LentBody(TrailedBody):
    """The sender writes the body into the writer's file; only the trailer comes to us."""

    def __init__(self, server: ServerContext, request: Request, writer: Writer) -> None:
        """Sends the 100 that says so. Raises StoreError."""
        length = request.body_length
        assert length is not None
        reader = request.body_reader
        super().__init__(reader, length)
        lent = writer.lend()
        environ = request.environ
        send_continue: Callable[[list[tuple[str, str]]], None] = environ["swiftlite.continue"]
        send_continue([
            (X_BACKEND_SWIFTLITE_TRAILER, "1"),
            (X_BACKEND_SWIFTLITE_LENT, render_lent(lent)),
        ])  # fmt: skip
        reader.extend(trailer_bytes(length) - length)  # type: ignore[attr-defined]  # offers_trailer
        self._left = 0
        # Nothing is heard of the client meanwhile; a proxy that dies closes the connection.
        environ["swiftlite.stream"].idle_s = server.options.max_upload_time
