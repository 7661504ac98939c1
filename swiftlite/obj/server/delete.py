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
        _check_delete_at(request, old_delete_at, before, timestamp)
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


def _check_delete_at(
    request: Request, stored: str, before: Timestamp, timestamp: Timestamp
) -> None:
    """The expirer deletes an object only if it still expires when the expirer thinks it does."""
    text = request.get_header("X-If-Delete-At") or ""
    try:
        expected = Timestamp.from_text(text)
    except ValueError:
        raise Refusal(400, f"X-If-Delete-At is not a timestamp: {text!r}") from None
    if not before:
        raise Refusal(404)
    if before >= timestamp:
        raise Refusal(409)
    if (Timestamp.from_text(stored) if stored.isdigit() else ZERO) != expected:
        raise Refusal(412, "X-If-Delete-At and X-Delete-At do not match.")
