"""Environs as our server makes them, for tests without a server."""

from __future__ import annotations

import io
from typing import Any

from swiftlite.web.request import Request, environ_key
from swiftlite.web.wsgi import Environ, WsgiApp


def make_environ(
    method: str = "GET",
    path: str = "/",
    *,
    query: str = "",
    body: bytes = b"",
    **headers: Any,  # noqa: ANN401  # strings; Any, so that a dict of strings may be unpacked here
) -> Environ:
    """path: a WSGI string. headers: X_Timestamp="1" for X-Timestamp: 1."""
    environ: Environ = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "SCRIPT_NAME": "",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "8080",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
    }
    if body:
        environ["CONTENT_LENGTH"] = str(len(body))
    for name, value in headers.items():
        environ[environ_key(name.replace("_", "-"))] = value
    return environ


def make_request(
    method: str = "GET",
    path: str = "/",
    *,
    query: str = "",
    body: bytes = b"",
    **headers: Any,  # noqa: ANN401  # strings; Any, so that a dict of strings may be unpacked here
) -> Request:
    return Request(make_environ(method, path, query=query, body=body, **headers))


class Answer:
    """What an app answered, body read."""

    def __init__(self, app: WsgiApp, environ: Environ) -> None:
        def start_response(status: str, headers: list[tuple[str, str]], *_: Any) -> None:  # noqa: ANN401  # PEP 3333
            self.status = int(status.split()[0])
            self.headers = {name.lower(): value for name, value in headers}

        body = app(environ, start_response)
        try:
            self.body = b"".join(body)
        finally:
            close = getattr(body, "close", None)
            if close is not None:
                close()
