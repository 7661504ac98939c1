"""A server over loopback in this process, and clients that speak raw bytes to it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from swiftlite.host import green
from swiftlite.host.bundle import Host
from swiftlite.host.net import Address, PeerGone, Stream
from swiftlite.httpd.acceptor import Acceptor, serve
from swiftlite.httpd.limits import HttpLimits

PATIENCE_S = 20.0
_LENGTH = re.compile(rb"\r\nContent-Length: (\d+)\r\n", re.I)


@dataclass
class TestLog:
    """A log whose lines a test can read."""

    __test__ = False
    lines: list[str] = field(default_factory=list)

    def debug(self, message: str) -> None: ...

    def warning(self, message: str) -> None:
        self.lines.append(message)

    error = warning

    def exception(self, message: str) -> None:
        import traceback

        self.lines.append(message + traceback.format_exc())


class Client:
    """A raw connection. Answers are cut by their Content-Length or chunks."""

    def __init__(self, host: Host, address: Address) -> None:
        self.stream: Stream = host.net.connect(address, PATIENCE_S)
        self.stream.deadline = host.clock.monotonic() + PATIENCE_S
        self.buffer = b""

    def send(self, data: bytes) -> Client:
        self.stream.send_all(data)
        return self

    def _more(self) -> bool:
        try:
            data = self.stream.recv(65536)
        except PeerGone:
            return False
        self.buffer += data
        return bool(data)

    def until(self, end: bytes) -> bytes:
        while end not in self.buffer:
            assert self._more(), f"closed early, after {self.buffer!r}"
        cut = self.buffer.index(end) + len(end)
        taken, self.buffer = self.buffer[:cut], self.buffer[cut:]
        return taken

    def exactly(self, count: int) -> bytes:
        while len(self.buffer) < count:
            assert self._more(), f"closed early, after {len(self.buffer)} of {count} bytes"
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    def head(self) -> bytes:
        return self.until(b"\r\n\r\n")

    def answer(self, method: str = "GET") -> tuple[int, bytes, bytes]:
        """(status, head, body) of the next answer, 1xx ones included."""
        head = self.head()
        status = int(head[9:12])
        if method == "HEAD" or status < 200 or status in (204, 304):
            return status, head, b""
        if b"transfer-encoding: chunked" in head.lower():
            body = b""
            while size := int(self.until(b"\r\n"), 16):
                body += self.exactly(size)
                assert self.exactly(2) == b"\r\n"
            assert self.exactly(2) == b"\r\n"
            return status, head, body
        length = _LENGTH.search(head)
        if length is None:
            return status, head, self.rest()
        return status, head, self.exactly(int(length[1]))

    def rest(self) -> bytes:
        """Everything until the server closes."""
        while self._more():
            pass
        taken, self.buffer = self.buffer, b""
        return taken

    def closed(self) -> bool:
        """The server has closed, and said nothing more."""
        return self.rest() == b""

    def close(self) -> None:
        self.stream.close()


@dataclass
class Server:
    host: Host
    acceptor: Acceptor
    address: Address
    log: TestLog
    clients: list[Client] = field(default_factory=list)

    def client(self) -> Client:
        client = Client(self.host, self.address)
        self.clients.append(client)
        return client

    def ask(self, raw: bytes) -> tuple[int, bytes, bytes]:
        return self.client().send(raw).answer(raw.split(b" ")[0].decode("latin-1"))


App = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


@pytest.fixture(scope="session")
def host() -> Host:
    return green.make_host()


@pytest.fixture
def start(host: Host) -> Iterator[Callable[..., Server]]:
    started: list[Server] = []

    def start_server(
        app: App, limits: HttpLimits | None = None, address: Address = ("127.0.0.1", 0)
    ) -> Server:
        log = TestLog()
        listener = host.net.listen(address)
        acceptor = serve(listener, app, host=host, limits=limits, log=log)
        server = Server(host, acceptor, listener.address, log)
        started.append(server)
        return server

    yield start_server
    for server in started:
        for client in server.clients:
            client.close()
        assert server.acceptor.drain(host.clock.monotonic() + PATIENCE_S)
