"""Calling the app below and looking at its head before deciding what goes out.

Cheaper than web.subrequest.send, which makes a Response: 0.5 µs, for filters that look at every
answer and change few.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from operator import itemgetter
from typing import Any

from swiftlite.web.response import Response, close_body
from swiftlite.web.wsgi import Environ, HeaderList, WsgiApp

Called = tuple[str, HeaderList, Iterable[bytes]]
"""Status line, headers, body."""


def call(app: WsgiApp, environ: Environ) -> Called:
    """Run an app up to its head. The caller owns the body and passes it on or closes it."""
    head: list[Any] = []

    def hold(status: str, headers: HeaderList, exc_info: object = None) -> Callable[..., None]:
        head[:] = (status, headers)
        return _no_write

    body = app(environ, hold)
    if not head:
        body = _Begun(body)
        assert head, "a WSGI app gave a body without calling start_response"
    return head[0], head[1], body


class HeaderFinder:
    """Whether one header is among others: 0.5 µs for ten of them, whatever their spelling."""

    def __init__(self, lower_name: str) -> None:
        self._is_it = _Verdicts(lower_name).__getitem__

    def __call__(self, headers: HeaderList) -> bool:
        return any(map(self._is_it, map(_name_of, headers)))


class _Verdicts(dict[str, bool]):
    """Header names seen, each with whether it is the one. Bounded: users make some names."""

    LIMIT = 4096

    def __init__(self, lower_name: str) -> None:
        super().__init__()
        self._lower_name = lower_name

    def __missing__(self, name: str) -> bool:
        verdict = name.lower() == self._lower_name
        if len(self) < self.LIMIT:
            self[name] = verdict
        return verdict


_name_of = itemgetter(0)


def as_response(status: str, headers: HeaderList, body: Iterable[bytes]) -> Response:
    """What was called, as a Response to read and edit; its headers are a copy."""
    response = Response(int(status[:3]), headers, app_iter=body)
    response.__dict__["_status"] = status
    return response


class _Begun:
    """The body of an app that calls start_response only when its first block is asked for."""

    def __init__(self, body: Iterable[bytes]) -> None:
        self._body = body
        self._blocks = iter(body)
        self._first = next(self._blocks, None)

    def __iter__(self) -> Iterator[bytes]:
        if self._first is not None:
            yield self._first
            yield from self._blocks

    def close(self) -> None:
        close_body(self._body)


def _no_write(_data: bytes) -> None:
    raise AssertionError("no app of this pipeline uses PEP 3333's write()")
