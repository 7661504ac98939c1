"""DELETE: a tombstone, whatever was there; the status tells what was."""

from __future__ import annotations

from swiftlite.obj.server.context import ServerContext
from swiftlite.obj.server.placement import placement_of
from swiftlite.objectstore.api import Absent
from swiftlite.objectstore.diskfile import OpenObject
from swiftlite.vocab.headers import CONTENT_TYPE, X_BACKEND_CONTENT_TYPE, X_BACKEND_TIMESTAMP
from swiftlite.vocab.names import text_to_wsgi
from swiftlite.vocab.timestamp import ZERO, Timestamp
from swiftlite.web import Refusal, Request, Response
from swiftlite.web.conditional import check_delete_at, if_delete_at
from swiftlite.web.refusals import standard_answer


def delete(server: ServerContext, request: Request) -> Response:
    where = placement_of(request, server.policies)
    timestamp = request.timestamp
    diskfile = server.manager.diskfile(*where)
    found = diskfile.open(timestamp)
    before, metadata = ZERO, {}
    if isinstance(found, OpenObject):
        found.close()
        before, metadata = found.data_timestamp, found.metadata
    elif isinstance(found, Absent):
        before, metadata = found.timestamp, dict(found.metadata or {})
    status = 404 if isinstance(found, Absent) else 204 if before < timestamp else 409
    old_delete_at = metadata.get("X-Delete-At", "")
    if "HTTP_X_IF_DELETE_AT" in request.environ:
        _check_expiry(request, old_delete_at, before, timestamp)
        status = 204
    server.updates.expiry_changed(
        request, where, timestamp, {},
        old=int(old_delete_at) if old_delete_at.isdigit() else 0, new=0,
    )  # fmt: skip
    if before < timestamp:
        diskfile.delete(timestamp)
        row = {"X-Timestamp": timestamp.internal}
        server.updates.object_changed("DELETE", request, where, row)
    headers = {
        X_BACKEND_TIMESTAMP: max(before, timestamp).internal,
        X_BACKEND_CONTENT_TYPE: text_to_wsgi(metadata.get(CONTENT_TYPE, "")),
    }
    return standard_answer(status, headers)


def _check_expiry(request: Request, stored: str, before: Timestamp, timestamp: Timestamp) -> None:
    """The expirer deletes an object only if it still expires when the expirer thinks it does."""
    expected = if_delete_at(request)
    if not before:
        raise Refusal(404)
    if before >= timestamp:
        raise Refusal(409)
    check_delete_at(stored, expected)
