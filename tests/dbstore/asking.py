"""Requests to an account or container server without a socket, for tests of both."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from swiftlite.vocab.names import text_to_wsgi
from swiftlite.web.wsgi import WsgiApp
from tests.dbstore.stores import at
from tests.web.environs import Answer, make_environ


@dataclass(frozen=True)
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    def __getitem__(self, name: str) -> str:
        return self.headers[name.lower()]

    def get(self, name: str) -> str | None:
        return self.headers.get(name.lower())

    @property
    def json(self) -> Any:  # noqa: ANN401  # whatever was sent
        return json.loads(self.body)

    @property
    def lines(self) -> list[str]:
        return self.body.decode().splitlines()


def ask(
    app: WsgiApp,
    verb: str,
    path: str,
    seconds: float | None = 0,
    *,
    query: str = "",
    body: bytes | str = b"",
    wsgi_path: str | None = None,
    **headers: str,
) -> Reply:
    """One request. path: text. seconds: X-Timestamp after NOW, None for no header.

    Keywords are headers, X_Size -> X-Size, values text.
    """
    if seconds is not None:
        headers.setdefault("X_Timestamp", at(seconds).internal)
    environ = make_environ(
        verb,
        text_to_wsgi(path) if wsgi_path is None else wsgi_path,
        query=query,
        body=body.encode() if isinstance(body, str) else body,
        **{name: text_to_wsgi(value) for name, value in headers.items()},
    )
    answer = Answer(app, environ)
    return Reply(answer.status, answer.headers, answer.body)
