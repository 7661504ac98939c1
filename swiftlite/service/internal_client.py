"""A proxy within a daemon: requests in the cluster's own name, without a socket or an identity.

Its conf is Swift's internal-client.conf, a proxy's without auth and without gatekeeper, which would
take away what daemons say to storage servers. What fails on the cluster's side is tried again.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from swiftlite.config.load import Conf, ConfError
from swiftlite.service.pipeline import load_pipeline
from swiftlite.vocab.errors import SwiftliteError
from swiftlite.vocab.names import quote_path, text_to_wsgi
from swiftlite.vocab.status import is_server_error, is_success
from swiftlite.web.request import Request, environ_key
from swiftlite.web.subrequest import read_small_body, send
from swiftlite.web.wsgi import WsgiApp

_BODY_BYTES_MAX = 64 << 20
PAGE = 10_000


class UnexpectedAnswer(SwiftliteError):
    """An answer that the caller did not allow for."""

    def __init__(self, method: str, path: str, status: int) -> None:
        super().__init__(f"{method} {path}: {status}")
        self.status = status


class Answered(NamedTuple):
    """headers: by lower-case name, WSGI strings."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class InternalClient:
    """app: a proxy's pipeline. tries: of each request. pause: sleeps so many seconds.
    replication_network: which network its requests to storage servers take."""

    def __init__(
        self, app: WsgiApp, agent: str, *, tries: int, pause: Callable[[float], None],
        replication_network: bool = False,
    ) -> None:  # fmt: skip
        self._app = app
        self._agent = agent
        self._tries = tries
        self._pause = pause
        self._replication_network = replication_network

    @classmethod
    def load(
        cls, conf: Conf | str, agent: str, *, tries: int, pause: Callable[[float], None],
        defaults: Mapping[str, str], replication_network: bool = False,
    ) -> InternalClient:  # fmt: skip
        """From a conf; defaults: what its [DEFAULT] has unless it says otherwise. ConfError."""
        pipeline = load_pipeline(conf, defaults, for_clients=False)
        if "gatekeeper" in pipeline.names:
            path = conf if isinstance(conf, str) else conf.path
            raise ConfError(
                f"{path}: gatekeeper must not be in the pipeline of an internal client, for it "
                "removes the headers that daemons and storage servers exchange."
            )
        return cls(
            pipeline.app, agent, tries=tries, pause=pause, replication_network=replication_network
        )

    def request(
        self,
        method: str,
        *names: str,
        headers: Mapping[str, str] | None = None,
        query: str = "",
        body: bytes = b"",
        allowed: Callable[[int], bool] = is_success,
    ) -> Answered:
        """names: account, container, object, as far as they go. Raises UnexpectedAnswer.

        Answers of 5xx are asked for again, with growing pauses, unless they are allowed.
        """
        path = "/v1/" + "/".join(names)
        answer = self._once(method, path, headers or {}, query, body)
        for attempt in range(1, self._tries):
            if allowed(answer.status) or not is_server_error(answer.status):
                break
            self._pause(2.0**attempt)
            answer = self._once(method, path, headers or {}, query, body)
        if not allowed(answer.status):
            raise UnexpectedAnswer(method, path, answer.status)
        return answer

    def _once(
        self, method: str, path: str, headers: Mapping[str, str], query: str, body: bytes
    ) -> Answered:
        response = send(self._app, Request(self._environ(method, path, headers, query, body)))
        content = read_small_body(response, _BODY_BYTES_MAX)
        found = {name.lower(): value for name, value in response.headerlist}
        return Answered(response.status_int, found, content)

    def _environ(
        self, method: str, path: str, headers: Mapping[str, str], query: str, body: bytes
    ) -> dict[str, Any]:
        environ = {
            "REQUEST_METHOD": method,
            "SCRIPT_NAME": "",
            "PATH_INFO": text_to_wsgi(path),
            "RAW_PATH_INFO": quote_path(path),
            "QUERY_STRING": query,
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "HTTP_HOST": "localhost",
            "HTTP_USER_AGENT": self._agent,
            "HTTP_X_BACKEND_ALLOW_RESERVED_NAMES": "true",
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body),
            "wsgi.version": (1, 0),
            "wsgi.multithread": False,
            "wsgi.multiprocess": True,
            "wsgi.run_once": False,
            "swift.infocache": {},
            "swift.authorize_override": True,
        }
        if self._replication_network:
            environ["HTTP_X_BACKEND_USE_REPLICATION_NETWORK"] = "true"
        for name, value in headers.items():
            environ[environ_key(name)] = text_to_wsgi(value)
        return environ

    def listing(
        self, *names: str, prefix: str = "", marker: str = "", end_marker: str = ""
    ) -> Iterator[dict[str, Any]]:
        """Entries of an account or container, page by page as they are taken; nothing when it
        is not there. Raises UnexpectedAnswer."""
        while True:
            query = f"format=json&limit={PAGE}&marker={quote_path(marker, safe='')}"
            if prefix:
                query += f"&prefix={quote_path(prefix, safe='')}"
            if end_marker:
                query += f"&end_marker={quote_path(end_marker, safe='')}"
            answer = self.request("GET", *names, query=query, allowed=_there_or_not)
            entries = json.loads(answer.body) if answer.status == 200 else []
            if not entries:
                return
            yield from entries
            marker = entries[-1]["name"]


def _there_or_not(status: int) -> bool:
    return is_success(status) or status == 404
