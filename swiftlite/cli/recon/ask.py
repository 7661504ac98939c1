"""Asking many servers several things at once: a thread and a connection for each server.

What a server is asked goes out in one piece and is answered in turn, so that a question costs next
to nothing. But for its clock: an answer that is compared with the moments before and after it
must not wait behind others. What takes long to import costs more than all the questions of a
cluster together: so this speaks HTTP itself, and has no dataclasses.
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Sequence
from typing import Any, NamedTuple

from swiftlite.host.os_clock import monotonic, wall

SERVER_TYPE = "OPTIONS"
"""In place of a path: not a check of the recon filter, but what the server says it is."""
CLOCK = "time"
_AT_ONCE = 30
_HEAD_BYTES_MAX = 65_536
_BODY_BYTES_MAX = 64 << 20

Server = tuple[str, int]


class Reply(NamedTuple):
    """status: of HTTP, or -1 without an answer; content: JSON, or what went wrong."""

    server: Server
    url: str
    status: int
    content: Any
    started: float
    ended: float

    @property
    def ok(self) -> bool:
        return self.status == 200

    @property
    def netloc(self) -> str:
        return _netloc(self.server)


def ask_all(
    servers: Sequence[Server], paths: Sequence[str], timeout: float
) -> dict[str, list[Reply]]:
    """Replies by path, in the order of servers. timeout: for a connection, and for an answer."""
    told: dict[Server, dict[str, Reply]] = {}
    waiting = list(reversed(servers))

    def work() -> None:
        while True:
            try:
                server = waiting.pop()
            except IndexError:
                return
            told[server] = _ask(server, paths, timeout)

    threads = [threading.Thread(target=work) for _ in range(min(_AT_ONCE, len(servers)))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {path: [told[server][path] for server in servers] for path in paths}


def _ask(server: Server, paths: Sequence[str], timeout: float) -> dict[str, Reply]:
    """A server that is not there is not waited for once more for each question."""
    told: dict[str, Reply] = {}
    left = sorted(paths, key=lambda path: path != CLOCK)
    started = wall()
    try:
        while left:
            with contextlib.closing(_Line(server, timeout)) as line:
                while left and line.open:
                    asked = left[:1] if left[0] == CLOCK else list(left)
                    started = wall()
                    line.send(asked)
                    for path in asked:
                        answer = line.answer(path)
                        if answer is None:  # some close after each answer
                            break
                        told[path] = _reply(server, path, *answer, started)
                        left.remove(path)
    except (OSError, ValueError) as error:
        why, ended = str(error), wall()
        for path in left:
            told[path] = Reply(server, _url(server, path), -1, why, started, ended)
    return told


def _reply(
    server: Server, path: str, status: int, headers: dict[str, str], body: bytes, started: float
) -> Reply:
    """Raises ValueError where the answer is not what it should be."""
    content: Any = f"HTTP Error {status}"
    if status == 200:
        is_type = path == SERVER_TYPE
        content = headers.get("server", "").partition("/")[0] if is_type else json.loads(body)
    return Reply(server, _url(server, path), status, content, started, wall())


class _Line:
    """A connection that answers in turn. Raises OSError or ValueError with a sentence."""

    def __init__(self, server: Server, timeout: float) -> None:
        self.open = True
        self._answered = 0
        self._server = server
        self._timeout = timeout
        self._received = bytearray()
        try:
            self._socket = socket.create_connection(server, timeout)
        except OSError as error:
            why = error.strerror or error
            raise OSError(f"cannot connect to {_netloc(server)}: {why}") from error

    def send(self, paths: Sequence[str]) -> None:
        self._socket.settimeout(self._timeout)
        try:
            self._socket.sendall(b"".join(_request(self._server, path) for path in paths))
        except ConnectionError:
            self._end()

    def answer(self, path: str) -> tuple[int, dict[str, str], bytes] | None:
        """Status, headers in small letters, body; None where the server has ended after an earlier
        one. Afterwards `open` says whether more may come."""
        until = monotonic() + self._timeout
        if not self.open or (self._answered and not self._has_more(until)):
            self.open = False
            return None
        self._answered += 1
        status, headers = self._head(until)
        length = headers.get("content-length")
        if path == SERVER_TYPE and length is None:
            length = "0"
        if length is None:
            self.open = False
            return status, headers, self._take_rest(until)
        if "close" in headers.get("connection", "").lower():
            self.open = False
        return status, headers, self._take(min(int(length), _BODY_BYTES_MAX), until)

    def close(self) -> None:
        self._socket.close()

    def _has_more(self, until: float) -> bool:
        try:
            return bool(self._received) or self._receive(until)
        except ConnectionError:
            self._end()
            return False

    def _end(self) -> None:
        """That a server breaks the connection is an end like others, once it has answered."""
        self.open = False
        if not self._answered:
            raise ValueError("the connection ended before an answer")

    def _head(self, until: float) -> tuple[int, dict[str, str]]:
        while (end := self._received.find(b"\r\n\r\n")) < 0:
            if len(self._received) > _HEAD_BYTES_MAX or not self._receive(until):
                raise ValueError("the connection ended before an answer")
        first, *lines = self._take(end, until).decode("latin-1").split("\r\n")
        del self._received[:4]
        version, _, rest = first.partition(" ")
        if not version.startswith("HTTP/1."):
            raise ValueError(f"this is no HTTP: {first[:60]!r}")
        if version == "HTTP/1.0":
            self.open = False
        pairs = (line.partition(":") for line in lines)
        return int(rest[:3]), {name.strip().lower(): value.strip() for name, _, value in pairs}

    def _take(self, count: int, until: float) -> bytes:
        while len(self._received) < count:
            if not self._receive(until):
                raise ValueError("the connection ended within an answer")
        taken = bytes(self._received[:count])
        del self._received[:count]
        return taken

    def _take_rest(self, until: float) -> bytes:
        while len(self._received) < _BODY_BYTES_MAX and self._receive(until):
            pass
        return bytes(self._received)

    def _receive(self, until: float) -> bool:
        """Some more bytes; False at the end."""
        try:
            self._socket.settimeout(max(until - monotonic(), 0.001))
            block = self._socket.recv(65_536)
        except TimeoutError:
            raise TimeoutError(f"no answer within {self._timeout:g} s") from None
        self._received += block
        return bool(block)


def _request(server: Server, path: str) -> bytes:
    verb, target = ("OPTIONS", "/") if path == SERVER_TYPE else ("GET", f"/recon/{path}")
    host = _netloc(server)
    return (
        f"{verb} {target} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: swiftlite-recon\r\n\r\n".encode()
    )


def _url(server: Server, path: str) -> str:
    return f"http://{_netloc(server)}/" + ("" if path == SERVER_TYPE else f"recon/{path}")


def _netloc(server: Server) -> str:
    ip, port = server
    return f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}"
