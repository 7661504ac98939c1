"""What WSGI adds around a request: the environ's constant part, dates, errors as answers."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from typing import Any, Protocol, TypeAlias

from swiftlite.host.clock import Clock
from swiftlite.host.net import Address, Stream, render_address
from swiftlite.vocab.http_date import format_http_date
from swiftlite.vocab.status import status_line

Environ: TypeAlias = dict[str, Any]
StartResponse: TypeAlias = Callable[..., Callable[[bytes], None]]
App: TypeAlias = Callable[[Environ, StartResponse], Iterable[bytes]]


_LOOPBACK = {"localhost": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}


class ServerLog(Protocol):
    """What the server needs of a log; observe.log.Log is one."""

    def debug(self, message: str) -> None: ...

    def warning(self, message: str) -> None: ...

    def error(self, message: str) -> None: ...

    def exception(self, message: str) -> None: ...


class ErrorsToLog(io.TextIOBase):
    """wsgi.errors: each line written becomes an error in the log."""

    def __init__(self, log: ServerLog) -> None:
        self._log = log

    def write(self, text: str) -> int:
        for line in text.splitlines():
            if line.strip():
                self._log.error(line)
        return len(text)

    def writable(self) -> bool:
        return True


def server_environ(address: Address, log: ServerLog) -> Environ:
    """The part of the environ that is the same for all connections of a listener."""
    host, port = ("localhost", "0") if isinstance(address, str) else (address[0], str(address[1]))
    return {
        "SCRIPT_NAME": "",
        "SERVER_NAME": host,
        "SERVER_PORT": port,
        "GATEWAY_INTERFACE": "CGI/1.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.errors": ErrorsToLog(log),
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        "wsgi.input_terminated": True,
    }


def connection_environ(server: Environ, stream: Stream, send_continue: object) -> Environ:
    """The part that is the same for all requests of a connection."""
    environ = server.copy()
    peer = stream.peer
    if isinstance(peer, str):  # as if it had come to the port from here
        environ["REMOTE_ADDR"], environ["REMOTE_PORT"] = _here(server["SERVER_NAME"]), "0"
    else:
        environ["REMOTE_ADDR"], environ["REMOTE_PORT"] = peer[0], str(peer[1])
    environ["swiftlite.stream"] = stream
    environ["swiftlite.continue"] = send_continue
    return environ


def _here(listening_at: str) -> str:
    return _LOOPBACK.get(listening_at, listening_at)


class DateLine:
    """`Date: ...` with its line end, rendered once a second."""

    def __init__(self, clock: Clock) -> None:
        self._wall = clock.wall
        self._second = -1
        self._line = ""

    def __call__(self) -> str:
        second = int(self._wall())
        if second != self._second:
            self._second = second
            self._line = f"Date: {format_http_date(second)}\r\n"
        return self._line


def plain_answer(status: int, sentence: str) -> tuple[str, list[tuple[str, str]], bytes]:
    """An answer of the server itself, in the form that an app would give it."""
    body = (sentence + "\n").encode("utf-8")
    headers = [
        ("Content-Type", "text/plain; charset=utf-8"),
        ("Content-Length", str(len(body))),
    ]
    return status_line(status), headers, body


def describe(environ: Environ, peer: Address) -> str:
    """A request in a log line: who, what."""
    trans_id = environ.get("swift.trans_id")
    tail = f" (txn: {trans_id})" if trans_id else ""
    who = render_address(peer)
    return f"{environ.get('REQUEST_METHOD')} {environ.get('RAW_PATH_INFO')} of {who}{tail}"
