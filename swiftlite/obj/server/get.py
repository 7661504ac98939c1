"""GET and HEAD: the object as it is, its body checked before it is promised."""

from __future__ import annotations

from swiftlite.obj.server.context import ServerContext
from swiftlite.obj.server.lend import lent_part, may_lend
from swiftlite.obj.server.metadata import answer_headers
from swiftlite.obj.server.placement import placement_of
from swiftlite.objectstore.api import Absent, Damaged, Presence
from swiftlite.objectstore.diskfile import OpenObject
from swiftlite.vocab.headers import X_BACKEND_TIMESTAMP
from swiftlite.vocab.timestamp import Timestamp
from swiftlite.web import Refusal, Request, Response
from swiftlite.web.conditional import etag_for_conditions, judge
from swiftlite.web.ranges import answer, range_is_ignored, wanted_spans
from swiftlite.web.request import TRUE_WORDS


def get(server: ServerContext, request: Request) -> Response:
    """Both verbs; the response of a HEAD has no body."""
    with_content = request.verb == "GET"
    found = open_object(server, request, with_content=with_content)
    if isinstance(found, Absent):
        return absent(request, found)
    try:
        metadata = found.metadata
        headers = answer_headers(metadata, server.allowed, found.timestamp, found.data_timestamp)
        etag = etag_for_conditions(request, metadata, metadata.get("ETag", ""))
        last_modified = found.timestamp.ceil()
        if not with_content:
            status = judge(request, etag=etag, last_modified=last_modified)
            if status is not None:
                return _without_body(status, headers)
            return Response(200, headers, content_length=found.size)
        return _with_body(server, request, found, headers, etag, last_modified)
    finally:
        found.close()  # a body that was made of it owns the descriptor by now


def open_object(
    server: ServerContext, request: Request, *, with_content: bool
) -> OpenObject | Absent:
    """Look at the object that a reading request names."""
    where = placement_of(request, server.policies)
    diskfile = server.manager.diskfile(*where)
    environ = request.environ
    if "HTTP_X_TIMESTAMP" in environ:
        now = request.timestamp
    else:
        now = Timestamp.from_seconds(server.host.clock.wall())
    return diskfile.open(now, open_expired=opens_expired(request), with_content=with_content)


def opens_expired(request: Request) -> bool:
    """Whether the request may see an object that has expired and is not deleted yet."""
    return request.true_header("X-Backend-Open-Expired") or request.true_header(
        "X-Backend-Replication"
    )


def absent(request: Request, found: Absent) -> Response:
    """404, or 412 where the client wanted it only if it is there."""
    headers = {X_BACKEND_TIMESTAMP: found.timestamp.internal} if found.timestamp else {}
    status = judge(request, etag=None, last_modified=None)
    return Refusal(404 if status is None else status, None, headers).response()


def _with_body(
    server: ServerContext,
    request: Request,
    found: OpenObject,
    headers: list[tuple[str, str]],
    etag: str,
    last_modified: int,
) -> Response:
    environ = request.environ
    if "HTTP_RANGE" in environ and range_is_ignored(request, found.metadata):
        del environ["HTTP_RANGE"]
    if "HTTP_RANGE" in environ:
        spans = wanted_spans(request, found.size, etag=etag, last_modified=last_modified)
    else:
        spans = None
        if (
            found.content is not None
            and judge(request, etag=etag, last_modified=last_modified) is None
        ):
            return Response(200, headers, found.content, content_length=found.size)
    body = found.body(whole=spans is None, keep_cache=_keeps_cache(server, found, environ))
    if may_lend(server, request):
        response = lent_part(request, headers, body, spans, etag, last_modified)
        if response is not None:
            body.close()
            return response
    try:
        if spans is None:
            body.prepare(0, found.size)
        elif spans:
            body.prepare(*spans[0])
    except Damaged:
        body.close()
        return absent(request, Absent(Presence.QUARANTINED))
    except BaseException:
        body.close()
        raise
    return answer(request, headers, body, etag=etag, last_modified=last_modified)


def _keeps_cache(server: ServerContext, found: OpenObject, environ: dict[str, object]) -> bool:
    """What was asked for with a token is private, and less likely to be asked for again."""
    options = server.options
    if options.keep_cache_private:
        return True
    if "HTTP_X_AUTH_TOKEN" not in environ and "HTTP_X_STORAGE_TOKEN" not in environ:
        return True
    if not options.keep_cache_slo_manifest:
        return False
    return found.metadata.get("X-Static-Large-Object", "").lower() in TRUE_WORDS


def _without_body(status: int, headers: list[tuple[str, str]]) -> Response:
    dropped = () if status == 304 else ("Content-Type",)
    return Response(status, [item for item in headers if item[0] not in dropped])
