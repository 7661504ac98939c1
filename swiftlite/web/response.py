"""An answer: webob's Response with a direct constructor and its own __call__.

Built on every request, so construction does what it says and no more: no default content type,
no charset, no cookies, no absolute URLs except for the two statuses that promise one. Header
names and values are WSGI strings, as PEP 3333 wants them; `text_headers` converts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import webob

from swiftlite.vocab.names import text_to_wsgi
from swiftlite.vocab.status import code_of, status_line
from swiftlite.web.wsgi import Environ, HeaderList, StartResponse

BODILESS = frozenset((204, 304))
"""Statuses that never have a body; a 1xx is never a Response here."""


class Response(webob.Response):  # type: ignore[misc]  # webob has no types
    """A WSGI app that answers with what it was given.

    body: bytes, or text that is sent as UTF-8; sets Content-Length.
    app_iter: instead of body, an iterable of bytes; it is closed by whoever iterates it. Without
        content_length (and without a Content-Length header) it is sent in chunks.
    A HEAD request gets the headers alone, Content-Length included.
    """

    def __init__(
        self,
        status: int = 200,
        headers: Mapping[str, str] | Iterable[tuple[str, str]] | None = None,
        body: bytes | str = b"",
        *,
        app_iter: Iterable[bytes] | None = None,
        content_length: int | None = None,
    ) -> None:
        if headers is None:
            headerlist: HeaderList = []
        elif isinstance(headers, list):
            headerlist = headers.copy()
        elif isinstance(headers, Mapping):
            headerlist = list(headers.items())
        else:
            headerlist = list(headers)
        if app_iter is None:
            content = body.encode() if isinstance(body, str) else body
            app_iter = (content,) if content else ()
            if content_length is None and not _has_length(headerlist):
                content_length = len(content)
        if content_length is not None:
            headerlist.append(("Content-Length", str(content_length)))
        attributes = self.__dict__
        attributes["_status"] = status_line(status)
        attributes["_headerlist"] = headerlist
        attributes["_headers"] = None
        attributes["_app_iter"] = app_iter

    @property
    def status_int(self) -> int:
        return code_of(self._status)

    @status_int.setter
    def status_int(self, status: int) -> None:
        self._status = status_line(status)

    def get_header(self, name: str, default: str | None = None) -> str | None:
        """One header by any spelling, without building webob's mapping."""
        found = dict(self._headerlist).get(name)  # as it is nearly always spelt
        if found is not None:
            return str(found)
        lower = name.lower()
        for key, value in self._headerlist:
            if key.lower() == lower:
                return str(value)
        return default

    def discard_body(self) -> None:
        """Close the body, unsent; for an answer that is replaced by another."""
        close_body(self._app_iter)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        status: str = self._status
        headerlist: HeaderList = self._headerlist
        code = code_of(status)
        if (code == 201 or 300 <= code < 400) and code != 304:
            headerlist = _with_absolute_location(headerlist, environ)
        start_response(status, headerlist)
        if environ["REQUEST_METHOD"] == "HEAD" or code in BODILESS:
            close_body(self._app_iter)
            return ()
        body: Iterable[bytes] = self._app_iter
        return body


def text_headers(
    items: Mapping[str, str] | Iterable[tuple[str, str]],
) -> HeaderList:
    """Headers in text (metadata out of a file or a database) as WSGI strings."""
    pairs = items.items() if isinstance(items, Mapping) else items
    return [
        (name, value)
        if name.isascii() and value.isascii()
        else (text_to_wsgi(name), text_to_wsgi(value))
        for name, value in pairs
    ]


def send_body(app_iter: Any, stream: Any) -> int:  # noqa: ANN401  # WSGI bodies of any kind
    """Send a WSGI body to a host.net.Stream, by itself where it can. Returns bytes sent."""
    send_to = getattr(app_iter, "send_to", None)
    if send_to is not None:
        return int(send_to(stream))
    sent = 0
    for block in app_iter:
        stream.send_all(block)
        sent += len(block)
    return sent


def close_body(app_iter: object) -> None:
    """Close a WSGI body if it can be closed."""
    close = getattr(app_iter, "close", None)
    if close is not None:
        close()


def _has_length(headerlist: HeaderList) -> bool:
    return any(len(name) == 14 and name.lower() == "content-length" for name, _ in headerlist)


def _with_absolute_location(headerlist: HeaderList, environ: Environ) -> HeaderList:
    """Swift's Location headers are absolute, unless a middleware asks to see them as they are."""
    if environ.get("swift.leave_relative_location"):
        return headerlist
    for index, (name, value) in enumerate(headerlist):
        if len(name) == 8 and name.lower() == "location" and value.startswith("/"):
            scheme = environ.get("wsgi.url_scheme", "http")
            host = environ.get("HTTP_HOST")
            if not host:
                host = environ.get("SERVER_NAME", "localhost")
                port = str(environ.get("SERVER_PORT", "80"))
                if (scheme, port) not in (("http", "80"), ("https", "443")):
                    host = f"{host}:{port}"
            changed = list(headerlist)
            changed[index] = (name, f"{scheme}://{host}{value}")
            return changed
    return headerlist
