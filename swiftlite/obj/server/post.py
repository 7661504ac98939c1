"""POST: new metadata beside the body that is there.

User metadata and content type have times of their own, because replication may deliver them
separately: a POST may be too old for one and new for the other.
"""

from __future__ import annotations

from swiftlite.obj.server.context import ServerContext
from swiftlite.obj.server.get import opens_expired
from swiftlite.obj.server.metadata import metadata_of_post, sysmeta_headers, with_overrides
from swiftlite.obj.server.placement import Placement, placement_of
from swiftlite.objectstore.api import Absent, Metadata
from swiftlite.objectstore.diskfile import OpenObject
from swiftlite.vocab.content_type import split_swift_bytes
from swiftlite.vocab.headers import (
    CONTENT_TYPE,
    CONTENT_TYPE_TIMESTAMP,
    X_BACKEND_CONTENT_TYPE,
    X_BACKEND_TIMESTAMP,
)
from swiftlite.vocab.names import text_to_wsgi
from swiftlite.vocab.timestamp import ZERO, Timestamp
from swiftlite.web import Refusal, Request, Response
from swiftlite.web.checks import check_metadata


def post(server: ServerContext, request: Request) -> Response:
    where = placement_of(request, server.policies)
    timestamp = request.timestamp
    new_delete_at = _delete_at(request)
    if new_delete_at and new_delete_at < timestamp.seconds:
        raise Refusal(400, "X-Delete-At is in the past.")
    check_metadata(request, "object", server.limits)
    content_type_time = _content_type_time(request, timestamp)
    diskfile = server.manager.diskfile(*where)
    found = diskfile.open(timestamp, open_expired=opens_expired(request))
    if isinstance(found, Absent):
        raise Refusal(404)
    found.close()
    if found.timestamp >= timestamp and found.content_type_timestamp >= content_type_time:
        raise Refusal(409, None, {X_BACKEND_TIMESTAMP: found.timestamp.internal})

    metadata = _new_metadata(server, request, where, found, timestamp, new_delete_at)
    listed_type, listed_time = found.metadata.get(CONTENT_TYPE, ""), found.content_type_timestamp
    if content_type_time > listed_time:
        listed_type, listed_time = request.text_header(CONTENT_TYPE) or "", content_type_time
    if listed_time != found.data_timestamp:  # otherwise the type is that of the `.data`
        metadata[CONTENT_TYPE] = listed_type
        metadata[CONTENT_TYPE_TIMESTAMP] = listed_time.internal
    stored_time = Timestamp.from_text(metadata["X-Timestamp"])
    diskfile.write_metadata(metadata, stored_time)

    row = _row(found, listed_type, listed_time, metadata["X-Timestamp"])
    server.updates.object_changed("PUT", request, where, row)
    headers = [(X_BACKEND_CONTENT_TYPE, text_to_wsgi(row["X-Content-Type"]))]
    return Response(202, headers + sysmeta_headers(found.metadata))


def _new_metadata(
    server: ServerContext,
    request: Request,
    where: Placement,
    found: OpenObject,
    timestamp: Timestamp,
    new_delete_at: int,
) -> Metadata:
    if timestamp <= found.timestamp:
        # Only the content type is news: the rest of the newest `.meta` stays.
        stored = dict(found.meta_metadata or {"X-Timestamp": found.timestamp.internal})
        stored.pop("name", None)
        return stored
    metadata = metadata_of_post(request, server.allowed)
    metadata["X-Timestamp"] = timestamp.internal
    old_delete_at = found.metadata.get("X-Delete-At", "")
    server.updates.expiry_changed(
        request, where, timestamp, found.data_metadata,
        old=int(old_delete_at) if old_delete_at.isdigit() else 0, new=new_delete_at,
    )  # fmt: skip
    return metadata


def _row(
    found: OpenObject, content_type: str, content_type_time: Timestamp, meta_time: str
) -> Metadata:
    """The listing row: each of the three times with what it dates."""
    if content_type_time != found.data_timestamp:
        # The body's size as a large object's manifest tells it rides on the type of the PUT.
        _, large = split_swift_bytes(found.data_metadata.get(CONTENT_TYPE, ""))
        if large is not None:
            content_type = f"{content_type};swift_bytes={large}"
    metadata = found.metadata
    row = {
        "X-Size": metadata.get("X-Object-Sysmeta-Ec-Content-Length", metadata["Content-Length"]),
        "X-Content-Type": content_type,
        "X-Timestamp": found.data_timestamp.internal,
        "X-Content-Type-Timestamp": content_type_time.internal,
        "X-Meta-Timestamp": meta_time,
        "X-Etag": metadata.get("X-Object-Sysmeta-Ec-Etag", metadata["ETag"]),
    }
    return with_overrides(row, metadata)


def _delete_at(request: Request) -> int:
    text = request.get_header("X-Delete-At")
    if not text:
        return 0
    if not (text.isascii() and text.isdigit()) or len(text) > 18:
        raise Refusal(400, f"X-Delete-At is not a whole number: {text!r}")
    return int(text)


def _content_type_time(request: Request, timestamp: Timestamp) -> Timestamp:
    """When the content type that this POST brings was set; zero when it brings none."""
    if not request.get_header(CONTENT_TYPE):
        return ZERO
    text = request.get_header(CONTENT_TYPE_TIMESTAMP)
    if text is None:
        return timestamp
    try:
        return Timestamp.from_text(text)
    except ValueError:
        raise Refusal(400, f"Content-Type-Timestamp is not a timestamp: {text!r}") from None
