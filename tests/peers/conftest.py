"""Nodes to talk to: our own server, and scripted ones that misbehave at will."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

from swiftlite.host import green
from swiftlite.host.bundle import Host
from swiftlite.host.net import Address, Listener, PeerGone, Stream
from swiftlite.host.tasks import Task, TaskKilled
from swiftlite.httpd.acceptor import Acceptor, serve
from swiftlite.httpd.limits import HttpLimits
from swiftlite.peers.pool import Pool

App = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
Script = Callable[[Stream, bytes], None]


class StderrLog:
    """Lets pytest show what went wrong in a node."""

    def debug(self, message: str) -> None: ...

    def warning(self, message: str) -> None:
        print(message)

    error = warning

    def exception(self, message: str) -> None:
        import traceback

        print(message, traceback.format_exc())


class Clock:
    """Time that passes when the test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def wall(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now


class Node:
    """A scripted node: for each connection the script is called with each head that arrives."""

    def __init__(self, host: Host, script: Script) -> None:
        self.host = host
        self.script = script
        self.heads: list[bytes] = []
        self.connections = 0
        self._listener: Listener = host.net.listen(("127.0.0.1", 0))
        self.address: Address = self._listener.address
        self._tasks: list[Task[None]] = [host.tasks.spawn(self._accept)]

    def _accept(self) -> None:
        while True:
            try:
                stream = self._listener.accept()
            except PeerGone:
                return
            self.connections += 1
            self._tasks.append(self.host.tasks.spawn(self._serve, stream))

    def _serve(self, stream: Stream) -> None:
        data = b""
        try:
            while True:
                while b"\r\n\r\n" not in data:
                    more = stream.recv(65536)
                    if not more:
                        return
                    data += more
                head, _, data = data.partition(b"\r\n\r\n")
                self.heads.append(head)
                self.script(stream, head)
                if stream.fileno() < 0:
                    return
        except PeerGone:
            pass
        finally:
            stream.close()

    def close(self) -> None:
        self._listener.close()
        for task in self._tasks:
            task.kill()
            with contextlib.suppress(TaskKilled):
                task.wait()


@pytest.fixture(scope="session")
def host() -> Host:
    return green.make_host()


@pytest.fixture
def pool(host: Host) -> Iterator[Pool]:
    pool = Pool(host, conn_timeout=5, read_timeout=20)
    yield pool
    pool.close()


@pytest.fixture
def soon(host: Host) -> float:
    """A deadline that only a hanging test meets."""
    return host.clock.monotonic() + 30


@pytest.fixture
def node(host: Host) -> Iterator[Callable[[Script], Node]]:
    nodes: list[Node] = []

    def make(script: Script) -> Node:
        nodes.append(Node(host, script))
        return nodes[-1]

    yield make
    for one in nodes:
        one.close()


@pytest.fixture
def server(host: Host) -> Iterator[Callable[..., Acceptor]]:
    started: list[Acceptor] = []

    def make(
        app: App, limits: HttpLimits | None = None, address: Address = ("127.0.0.1", 0)
    ) -> Acceptor:
        listener = host.net.listen(address)
        started.append(serve(listener, app, host=host, limits=limits, log=StderrLog()))
        return started[-1]

    yield make
    for acceptor in started:
        acceptor.drain(host.clock.monotonic() + 0.2)
