"""The other side of middleware_versus.py: runs under the Python that has OpenStack Swift installed.

Reads one JSON request per line (a chain of filters with their options, and steps), answers one
JSON line. play() is what both sides do; they differ in the filters and in the kind of request.
"""

from __future__ import annotations

import base64
import io
import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from tools.interop.plain_store import Environ, PlainStore

App = Callable[[Environ, Callable[..., None]], Iterable[bytes]]
Make = Callable[[str, dict[str, str], App], App]
"""Name of a filter, its options, the app below -> the filter."""


def play(
    request: dict[str, Any], make: Make, new_request: Callable[[Environ], Any]
) -> dict[str, Any]:
    """Carry out the steps; what each answered, and what the store holds in the end."""
    store = PlainStore(new_request)
    for account in request.get("accounts", ["AUTH_a"]):
        store.accounts[account] = {}
    app: App = store
    for name, options in reversed(request["filters"]):
        app = make(name, options, app)
    request = {**request, "cache": Cache() if request.get("keys") else None}
    tokens = Tokens(app, request)
    answers = []
    for step in request["steps"]:
        for key, header in (("token", "X-Auth-Token"), ("service", "X-Service-Token")):
            if step.get(key):
                step = {**step, "headers": {**step["headers"], header: tokens.of(step[key])}}
        answers.append(_step(app, step, request))
    return {
        "answers": answers,
        "objects": {
            name: [base64.b64encode(body).decode(), headers]
            for name, (body, headers, _) in sorted(store.objects.items())
        },
        "containers": store.containers,
        "accounts": store.accounts,
    }


class Cache:
    """A memcached of one process; shared, as far as the filters can tell."""

    shared = True

    def __init__(self) -> None:
        self._kept: dict[str, Any] = {}

    def get(self, key: str, **_options: object) -> object:
        return json.loads(self._kept[key]) if key in self._kept else None

    def set(self, key: str, value: object, **_options: object) -> None:
        self._kept[key] = json.dumps(value)


class Tokens:
    """Tokens of users, each asked for once."""

    def __init__(self, app: App, request: dict[str, Any]) -> None:
        self._app = app
        self._request = request
        self._known: dict[str, str] = {}

    def of(self, user: str) -> str:
        if user not in self._known:
            step = {
                "method": "GET",
                "path": "/auth/v1.0",
                "headers": {"X-Auth-User": user, "X-Auth-Key": self._request["keys"][user]},
            }
            self._known[user] = _step(self._app, step, self._request)[1]["x-auth-token"]
        return self._known[user]


def _step(app: App, step: dict[str, Any], request: dict[str, Any]) -> list[Any]:
    body = base64.b64decode(step.get("body", ""))
    environ = {
        "REQUEST_METHOD": step["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": step["path"].encode().decode("latin-1"),
        "QUERY_STRING": step.get("query", ""),
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "8080",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "localhost:8080",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        **step.get("environ", {}),
    }
    if request.get("cache"):
        environ["swift.cache"] = request["cache"]
    if request.get("allow"):
        environ["swift.authorize"] = _agree
    if step["method"] in ("PUT", "POST", "DELETE") or body:
        environ["CONTENT_LENGTH"] = str(len(body))
    for name, value in step.get("headers", {}).items():
        key = name.upper().replace("-", "_")
        key = key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else "HTTP_" + key
        environ[key] = value.encode().decode("latin-1")
    told: list[Any] = []

    def start(status: str, headers: list[tuple[str, str]], exc_info: object = None) -> None:
        told[:] = [int(status[:3]), {n.lower(): v for n, v in headers}]

    try:
        result = app(environ, start)
        content = b"".join(result)
        if hasattr(result, "close"):
            result.close()
    except Exception as error:
        return [599, {}, base64.b64encode(repr(error).encode()).decode()]
    return [*told, base64.b64encode(content).decode()]


def _agree(_request: object) -> None:
    """An authorise callback without objections."""


def _make(name: str, options: dict[str, str], app: App) -> App:
    from importlib import import_module

    module = import_module(f"swift.common.middleware.{name}")
    made: App = module.filter_factory({"swift_dir": "/nonexistent"}, **options)(app)
    return made


def main() -> None:
    from swift.common.swob import Request

    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = play(request, _make, Request)
        except Exception as error:
            import traceback

            traceback.print_exc()
            answer = {"error": repr(error)}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
