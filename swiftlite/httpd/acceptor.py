"""The door: takes connections from a listener, at most so many, and can be closed gracefully."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from swiftlite.host.bundle import Host
from swiftlite.host.net import Address, DeadlinePassed, Listener, PeerGone, Stream
from swiftlite.host.tasks import Task
from swiftlite.httpd.connection import Connection, Service
from swiftlite.httpd.limits import HttpLimits
from swiftlite.httpd.wsgi import App, DateLine, ServerLog, server_environ

_IN_A_ROW = 16
"""So many clients that wait are taken before requests go on: a round of them may last long."""


class Share(Protocol):
    """How this process's connections compare with those of others that accept from one listener."""

    def have(self, connections: int) -> None: ...

    def pause(self) -> float: ...


class _Alone:
    """Nobody to share with."""

    def have(self, connections: int) -> None:
        pass

    def pause(self) -> float:
        return 0.0


class Acceptor:
    """Serves a listener, and others beside it as if they were that one.

    start() returns at once, run() when it has been drained.
    """

    def __init__(
        self,
        listener: Listener,
        app: App,
        *,
        host: Host,
        limits: HttpLimits | None = None,
        log: ServerLog,
        share: Share | None = None,
        beside: Sequence[Listener] = (),
    ) -> None:
        self._listener = listener
        self._beside = beside
        self._share = share or _Alone()
        self._tasks = host.tasks
        self._monotonic = host.clock.monotonic
        self._limits = limits or HttpLimits()
        self._service = Service(
            app,
            server_environ(listener.address, log),
            limits=self._limits,
            log=log,
            date=DateLine(host.clock),
            monotonic=host.clock.monotonic,
            let_others_run=lambda: host.tasks.sleep(0),
        )
        self._connections: dict[Connection, Task[None] | None] = {}
        self._room = host.tasks.event()
        self._ended = host.tasks.event()
        self._task: Task[None] | None = None

    @property
    def address(self) -> Address:
        return self._listener.address

    @property
    def connections(self) -> int:
        return len(self._connections)

    def start(self) -> Task[None]:
        """Accept in a task of its own."""
        self._task = self._tasks.spawn(self.run)
        return self._task

    def run(self) -> None:
        """Accept until drain() (or the listener's close), then wait for the last connection."""
        beside = [self._tasks.spawn(self._accept_beside, listener) for listener in self._beside]
        self._accept(self._listener)
        for task in beside:
            task.wait()
        if self._connections:
            self._ended.wait()

    def _accept_beside(self, listener: Listener) -> None:
        try:
            self._accept(listener)
        except Exception:
            self._listener.close()  # either both are served or none is
            raise

    def _accept(self, listener: Listener) -> None:
        taken = 0
        try:
            while not self._service.draining:
                stream = listener.accept()
                if len(self._connections) >= self._limits.max_clients:
                    self._make_room()
                self._serve(stream)
                taken += 1
                pause = self._share.pause()  # others on this listener want some too
                if pause or taken == _IN_A_ROW:
                    self._tasks.sleep(pause)
                    taken = 0
        except PeerGone:
            pass  # the listener has been closed

    def drain(self, deadline: float | None = None, *, spare_idle: bool = False) -> bool:
        """Take no more connections, close idle ones, let the others finish their request.

        spare_idle: a client between two requests may send one more, which is answered and then
        closed; so nobody's request meets a closing connection. May be called again, to hurry.
        True if all ended by the deadline (monotonic); those that did not are cut off. Call it from
        a task, not from a signal handler.
        """
        self._service.draining = True
        for listener in (self._listener, *self._beside):
            listener.close()
        for connection in [] if spare_idle else list(self._connections):
            if connection.idle and connection.stream.quiet():
                connection.stream.close()
        if not self._connections:
            return True
        try:
            self._ended.wait(deadline)
        except DeadlinePassed:
            for connection, task in list(self._connections.items()):
                connection.stream.close()
                if task is not None:
                    task.kill()
            self._connections.clear()
            self._ended.set()
            return False
        return True

    def _make_room(self) -> None:
        """Somebody waits: the longest idle client gives up its place, or the next to be done."""
        self._service.crowded = True
        while len(self._connections) >= self._limits.max_clients:
            if self._room.is_set:  # two may wait here, for one listener each
                self._room = self._tasks.event()
            idle = [c for c in self._connections if c.idle and c.stream.quiet()]
            if idle:
                min(idle, key=_end_of_patience).stream.close()
            self._room.wait()
        self._service.crowded = False

    def _serve(self, stream: Stream) -> None:
        connection = Connection(self._service, stream)
        self._connections[connection] = None
        self._share.have(len(self._connections))
        self._connections[connection] = self._tasks.spawn(self._run_connection, connection)

    def _run_connection(self, connection: Connection) -> None:
        try:
            connection.run()
        finally:
            self._connections.pop(connection, None)
            self._share.have(len(self._connections))
            self._room.set()
            if self._service.draining and not self._connections:
                self._ended.set()


def _end_of_patience(connection: Connection) -> float:
    return connection.stream.deadline or 0.0


def serve(
    listener: Listener,
    app: App,
    *,
    host: Host,
    limits: HttpLimits | None = None,
    log: ServerLog,
) -> Acceptor:
    """Start to serve; the acceptor is the handle for drain()."""
    acceptor = Acceptor(listener, app, host=host, limits=limits, log=log)
    acceptor.start()
    return acceptor
