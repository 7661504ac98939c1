"""PUT: take the body in, commit it, tell the container; only then say that it is there."""

from __future__ import annotations

from collections.abc import Callable

from swiftlite.obj.server.body import ObjectBody, TrailedBody, body_of
from swiftlite.obj.server.context import ServerContext
from swiftlite.obj.server.lend import LentBody, wants_to_write
from swiftlite.obj.server.metadata import (
    metadata_of_footers,
    metadata_of_put,
    override_headers,
    with_overrides,
)
from swiftlite.obj.server.placement import placement_of
from swiftlite.objectstore.api import SMALL_BYTES, Absent, Metadata, Written
from swiftlite.objectstore.diskfile import OpenObject
from swiftlite.objectstore.writer import Writer
from swiftlite.vocab.headers import X_BACKEND_TIMESTAMP
from swiftlite.vocab.timestamp import Timestamp
from swiftlite.web import Refusal, Request, Response
from swiftlite.web.checks import check_object_creation
from swiftlite.web.conditional import names_etag


def put(server: ServerContext, request: Request) -> Response:
    where = placement_of(request, server.policies)
    timestamp = request.timestamp
    check_object_creation(request, where.obj, server.limits, timestamp.seconds)
    diskfile = server.manager.diskfile(*where)
    replaced = _check_replaced(request, diskfile.open(timestamp), timestamp)
    lends = wants_to_write(server, request)
    body = None if lends else body_of(request)
    announced = request.body_length if body is None else body.announced
    writer = diskfile.writer(announced, hashes=not (lends or isinstance(body, TrailedBody)))
    try:
        body = body or LentBody(server, request, writer)
        metadata, footers = _store(server, request, body, writer, timestamp, diskfile.name)
    finally:
        writer.close()
    new_delete_at = _seconds(request.get_header("X-Delete-At"))
    server.updates.expiry_changed(
        request, where, timestamp, metadata, old=_seconds(replaced.get("X-Delete-At")),
        new=new_delete_at,
    )  # fmt: skip
    row = {
        "X-Size": metadata["Content-Length"],
        "X-Content-Type": metadata["Content-Type"],
        "X-Timestamp": metadata["X-Timestamp"],
        "X-Etag": metadata["ETag"],
    }
    row = with_overrides(row, override_headers(request), footers)
    server.updates.object_changed("PUT", request, where, row)
    return Response(201, [("ETag", f'"{metadata["ETag"]}"')], content_length=0)


def _check_replaced(request: Request, found: OpenObject | Absent, timestamp: Timestamp) -> Metadata:
    """Metadata of the object that this PUT replaces; Refusal 412 or 409 if it must not."""
    if isinstance(found, Absent):
        before, metadata = found.timestamp, {}
    else:
        found.close()
        before, metadata = found.data_timestamp, found.metadata
        unwanted = request.get_header("If-None-Match")
        if unwanted is not None and names_etag(unwanted, metadata.get("ETag")):
            raise Refusal(412)
    if before >= timestamp:
        raise Refusal(409, None, {X_BACKEND_TIMESTAMP: before.internal})
    return metadata


def _store(
    server: ServerContext,
    request: Request,
    body: ObjectBody,
    writer: Writer,
    timestamp: Timestamp,
    name: str,
) -> tuple[Metadata, dict[str, str]]:
    """Read, write and commit; the stored metadata, and the footers that came with the body."""
    if isinstance(body, LentBody):
        written, nothing = body.announced or 0, memoryview(b"")
        return _finished(server, request, body, writer, nothing, written, timestamp, name)
    if body.announced is not None and body.announced <= SMALL_BYTES:
        last = _filled(body, memoryview(bytearray(body.announced)))
        return _finished(server, request, body, writer, last, 0, timestamp, name)
    with server.manager.context.buffers.upload() as buffer:
        last, written = _pumped(server, body, writer, memoryview(buffer))
        return _finished(server, request, body, writer, last, written, timestamp, name)


def _pumped(
    server: ServerContext, body: ObjectBody, writer: Writer, buffer: memoryview
) -> tuple[memoryview, int]:
    """Write all blocks but the last; the last, and how many bytes went before it."""
    expires = server.host.clock.monotonic() + server.options.max_upload_time
    written = 0
    while True:
        block = _filled(body, buffer)
        if len(block) < len(buffer) or written + len(block) == body.announced:
            return block, written
        if server.host.clock.monotonic() > expires:
            raise Refusal(408)
        writer.write(block)
        written += len(block)


def _finished(
    server: ServerContext,
    request: Request,
    body: ObjectBody,
    writer: Writer,
    last: memoryview,
    written: int,
    timestamp: Timestamp,
    name: str,
) -> tuple[Metadata, dict[str, str]]:
    received = written + len(last)
    if body.announced is not None and received != body.announced:
        raise Refusal(499, f"{received} bytes came where {body.announced} were announced.")
    footers = body.footers()
    describe = _describer(server, request, footers, timestamp, name)
    return writer.finish(last, timestamp, describe, body.trailer()), footers


def _filled(body: ObjectBody, view: memoryview) -> memoryview:
    """As much of the view as the body fills, up to its end."""
    got = 0
    readinto = body.readinto
    while got < len(view):
        count = readinto(view[got:])
        if not count:
            break
        got += count
    return view[:got]


def _describer(
    server: ServerContext,
    request: Request,
    footers: dict[str, str],
    timestamp: Timestamp,
    name: str,
) -> Callable[[Written], Metadata]:
    """Metadata for what was written; Refusal 422 when it is not what the sender meant."""
    described = metadata_of_put(request, server.allowed)
    content_type = request.text_header("Content-Type") or "application/octet-stream"
    etag = request.get_header("ETag")
    if footers:
        described.update(metadata_of_footers(footers))
        etag = {key.lower(): value for key, value in footers.items()}.get("etag") or etag
    expected = (etag or "").strip().strip('"').lower()

    def describe(written: Written) -> Metadata:
        if expected and expected != written.etag:
            raise Refusal(422)
        return {
            **described,
            "name": name,
            "X-Timestamp": timestamp.internal,
            "Content-Type": content_type,
            "Content-Length": str(written.size),
            "ETag": written.etag,
        }

    return describe


def _seconds(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() else 0
