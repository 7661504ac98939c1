"""Requests that a middleware makes on its own account, down the same pipeline.

A subrequest starts from a copy of the environ it was caused by, so that caches, the transaction
id and the authorise callback go along, while body and conditions do not.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from swiftlite.vocab.errors import SwiftliteError
from swiftlite.vocab.names import quote_path, text_to_wsgi
from swiftlite.web.request import Request, environ_key
from swiftlite.web.response import Response, close_body
from swiftlite.web.wsgi import Environ, HeaderList, WsgiApp

_INHERITED = (
    "HTTP_HOST",
    "HTTP_ORIGIN",
    "HTTP_REFERER",
    "HTTP_USER_AGENT",
    "HTTP_ACCESS_CONTROL_REQUEST_METHOD",
    "HTTP_X_AUTH_TOKEN",
    "HTTP_X_USER_ID",
    "HTTP_X_DOMAIN_ID",
    "REMOTE_ADDR",
    "REMOTE_PORT",
    "REMOTE_USER",
    "SCRIPT_NAME",
    "SERVER_NAME",
    "SERVER_PORT",
    "SERVER_PROTOCOL",
    "swift.authorize",
    "swift.authorize_override",
    "swift.cache",
    "swift.infocache",
    "swift.log_info",
    "swift.orig_req_method",
    "swift.shard_listing",
    "swift.source",
    "swift.trans_id",
    "swift_owner",
    "reseller_request",
    "wsgi.errors",
    "wsgi.multiprocess",
    "wsgi.multithread",
    "wsgi.run_once",
    "wsgi.url_scheme",
    "wsgi.version",
)
_OF_THE_IDENTITY = (
    "REMOTE_USER",
    "HTTP_X_AUTH_TOKEN",
    "HTTP_X_USER_ID",
    "swift_owner",
    "reseller_request",
)


class BodyTooLarge(SwiftliteError):
    """A subrequest's answer is longer than its caller can use."""


def make_subrequest(
    parent: Environ,
    method: str,
    path: str,
    *,
    query: str = "",
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
    source: str | None = None,
    agent: str | None = None,
) -> Request:
    """A new request with the rights of the one it comes from.

    path: text, not quoted. query: quoted, without "?". headers: WSGI strings; an entry of an
    empty value is sent as empty. source: three letters for logs (`swift.source`).
    agent: replaces the User-Agent; "%(orig)s" in it stands for the client's own.
    """
    environ = {key: parent[key] for key in _INHERITED if key in parent}
    environ["REQUEST_METHOD"] = method
    environ["PATH_INFO"] = text_to_wsgi(path)
    environ["RAW_PATH_INFO"] = quote_path(path)
    environ["QUERY_STRING"] = query
    environ.setdefault("SCRIPT_NAME", "")
    environ.setdefault("SERVER_PROTOCOL", "HTTP/1.1")
    environ.setdefault("wsgi.url_scheme", "http")
    environ["wsgi.input"] = io.BytesIO(body)
    environ["CONTENT_LENGTH"] = str(len(body))
    environ.setdefault("swift.infocache", {})
    if source is not None:
        environ["swift.source"] = source
    if agent is not None:
        environ["HTTP_USER_AGENT"] = agent.replace("%(orig)s", parent.get("HTTP_USER_AGENT", ""))
    for name, value in (headers or {}).items():
        environ[environ_key(name)] = value
    return Request(environ)


def make_preauthed(
    parent: Environ,
    method: str,
    path: str,
    *,
    query: str = "",
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
    source: str | None = None,
    agent: str | None = None,
) -> Request:
    """A new request that the cluster makes itself: every right, and nobody's name."""
    request = make_subrequest(
        parent,
        method,
        path,
        query=query,
        headers=headers,
        body=body,
        source=source,
        agent=agent,
    )
    given = {environ_key(name) for name in headers or {}}
    for key in _OF_THE_IDENTITY:
        if key not in given:
            request.environ.pop(key, None)
    request.environ["swift.authorize"] = _allow
    request.environ["swift.authorize_override"] = True
    return request


def _allow(_request: object) -> None:
    """An authorise callback that has no objection."""


def send(app: WsgiApp, request: Request) -> Response:
    """Run an app to the point where status and headers are known; the body is left to read.

    Whoever takes the response closes its body: by reading it to the end, `read_small_body`,
    answering with it, or `discard_body`.
    """
    told: list[tuple[str, HeaderList]] = []

    def start_response(status: str, headers: HeaderList, exc_info: Any = None) -> Any:  # noqa: ANN401  # PEP 3333
        told[:] = [(status, headers)]
        return _no_write

    app_iter = app(request.environ, start_response)
    if not told:
        app_iter = _begun(app_iter)
    assert told, "a WSGI app gave a body without calling start_response"
    status, headers = told[0]
    response = Response(int(status.split(" ", 1)[0]), list(headers), app_iter=app_iter)
    response.__dict__["_status"] = status
    return response


def read_small_body(response: Response, limit: int) -> bytes:
    """The whole body, then closed. Raises BodyTooLarge past the limit."""
    app_iter = response.app_iter
    blocks = []
    size = 0
    try:
        for block in app_iter:
            size += len(block)
            if size > limit:
                raise BodyTooLarge(f"an answer of more than {limit} bytes")
            blocks.append(block)
    finally:
        close_body(app_iter)
    return b"".join(blocks)


def _no_write(_data: bytes) -> None:
    raise AssertionError("PEP 3333's write() is not offered to subrequests")


class _Begun:
    """A body whose first block was asked for early, to make its app call start_response."""

    def __init__(self, app_iter: Iterable[bytes]) -> None:
        self._source = app_iter
        self._rest = iter(app_iter)
        self._first = next(self._rest, None)

    def __iter__(self) -> Iterator[bytes]:
        if self._first is not None:
            yield self._first
            yield from self._rest

    def close(self) -> None:
        close_body(self._source)


def _begun(app_iter: Iterable[bytes]) -> Iterable[bytes]:
    return _Begun(app_iter)
