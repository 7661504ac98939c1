"""Running a server from its conf: read, fork workers, and in each one listen, serve, drain.

A worker loads its own pipeline after the fork, so that nothing with a thread, a timer or a
descriptor crosses it; the modules are imported before it and shared. All workers listen on the
same port by SO_REUSEPORT. A server without workers is one process, as each storage server of the
embedded cluster is.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import FrameType

from swiftlite.cluster import conf as cluster_conf
from swiftlite.config.load import DEFAULT, Conf, ConfError, options, read_conf
from swiftlite.host import bundle, green
from swiftlite.host.bundle import Host
from swiftlite.host.net import Listener, render_address
from swiftlite.httpd import Acceptor, HttpLimits
from swiftlite.observe.log import Log
from swiftlite.observe.options import LogOptions, open_log
from swiftlite.service.crew import CannotStart, Crew, Post, Ready
from swiftlite.service.options import ServerOptions
from swiftlite.service.pipeline import load_pipeline, preload
from swiftlite.service.process_name import set_process_name
from swiftlite.service.systemd import notify
from swiftlite.vocab.errors import SwiftliteError

_BIND_PAUSE_S = 0.1


@dataclass(frozen=True, slots=True)
class ServerKind:
    """name: `object-server`; its conf section is `[app:object-server]`, or another by pipeline."""

    name: str
    port: int

    @property
    def title(self) -> str:
        return f"swiftlite-{self.name}"


@dataclass(frozen=True, slots=True)
class ServerPlan:
    """One server as its conf has it, ready to run."""

    kind: ServerKind
    conf: Conf
    options: ServerOptions
    log: LogOptions

    @property
    def address(self) -> tuple[str, int]:
        port = self.options.bind_port
        return self.options.bind_ip, self.kind.port if port is None else port


def plan(kind: ServerKind, path: str, overrides: Mapping[str, str] | None = None) -> ServerPlan:
    """Read and check a server's conf; overrides replace options of its [DEFAULT].

    Raises ConfError with a sentence for the operator.
    """
    conf = read_conf(path)
    if overrides:
        conf = _overridden(conf, overrides)
    where = f"{path} [{DEFAULT}]"
    return ServerPlan(
        kind,
        conf,
        options(ServerOptions, conf.defaults, where=where),
        options(LogOptions, conf.defaults, where=where),
    )


def run(kind: ServerKind, path: str) -> None:
    """Run a server until SIGTERM or SIGINT. Raises CannotStart or ConfError when it cannot."""
    server = plan(kind, path)
    preload(server.conf)
    run_plan(server, lambda: notify("READY=1"))


def run_plan(server: ServerPlan, ready: Ready) -> None:
    """Serve in this process, or in as many workers as the conf asks for."""
    count = server.options.worker_count
    set_process_name(f"{server.kind.title} {server.conf.path}")
    if count == 0:
        _work(server, ready)
        return
    host = green.make_host()
    log = open_log(server.log, server.kind.name, wall=host.clock.wall)
    posts = [
        Post(f"{server.kind.name} worker {number}", _worker(server, number))
        for number in range(1, count + 1)
    ]
    crew = Crew(
        posts,
        host.clock.monotonic,
        log,
        grace=server.options.stop_timeout + 5.0,
        on_ready=ready,
        reload=True,
    )
    crew.run()


def _worker(server: ServerPlan, number: int) -> Callable[[Ready], None]:
    def work(ready: Ready) -> None:
        set_process_name(f"{server.kind.title} worker {number} {server.conf.path}")
        _work(server, ready)

    return work
