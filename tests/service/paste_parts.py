"""Apps and filters for test pipelines; a conf names them by `call:`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable

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
