"""Apps and filters for test pipelines; a conf names them by `call:`."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path

from swiftlite.host.bundle import installed
from swiftlite.web import Response
from swiftlite.web.wsgi import Environ, StartResponse, WsgiApp


def app_factory(global_conf: dict[str, str], **local_conf: str) -> WsgiApp:
    """Answers with its own configuration."""
    return Response(200, None, json.dumps({"global": global_conf, "local": local_conf}))


def filter_factory(_global_conf: dict[str, str], **local_conf: str) -> Callable[[WsgiApp], WsgiApp]:
    """Writes its mark into the environ on the way in."""

    def wrap(app: WsgiApp) -> WsgiApp:
        def marked(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
            environ.setdefault("marks", []).append(local_conf["mark"])
            return app(environ, start_response)

        return marked

    return wrap


def slow_app_factory(_global_conf: dict[str, str], gate: str) -> WsgiApp:
    """Answers at once; `/wait` once somebody has written into the gate, a FIFO; `/pid`: who."""

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        body = b"done"
        if path == "/pid":
            body = str(os.getpid()).encode()
        elif path == "/wait":
            installed().tasks.offload("gate", Path(gate).read_bytes)
            body = b"waited"
        return Response(200, None, body)(environ, start_response)

    return app
