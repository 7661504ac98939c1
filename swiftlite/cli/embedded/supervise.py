"""Running every server and daemon of an embedded cluster as its own process, until told to stop.

One parent imports everything once and forks each of them, so that dozens of processes share one
copy of the code and start in a moment. One that dies is started again.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from swiftlite.cli import daemon
from swiftlite.cli.embedded.banner import ready_text, write_openrc
from swiftlite.cli.embedded.confs import Front
from swiftlite.cli.embedded.daemons import conf_path, log_name, places
from swiftlite.cli.embedded.layout import HOST, Layout, ServerName
from swiftlite.cli.embedded.marker import Marker
from swiftlite.cluster import conf as cluster_conf
from swiftlite.cluster.conf import ClusterConf
from swiftlite.host.clock import Clock
from swiftlite.observe.log import Log
from swiftlite.observe.sinks import FileSink
from swiftlite.service import wsgi_main
from swiftlite.service.crew import CannotStart, Crew, Post, Ready
from swiftlite.service.daemon_plan import DaemonPlan, Orders, plan_daemon
from swiftlite.service.daemon_process import run_plan, run_together
from swiftlite.service.pipeline import preload
from swiftlite.service.systemd import notify
from swiftlite.service.wsgi_main import ServerPlan

STOP_GRACE_S = 40.0
_HEALTH_PATIENCE_S = 10.0

KINDS = {
    "proxy": daemon.PROXY,
    "object": daemon.OBJECT,
    "container": daemon.CONTAINER,
    "account": daemon.ACCOUNT,
}


def supervise(layout: Layout, marker: Marker, front: Front, *, began: float, clock: Clock) -> None:
    """Start every server, say when all answer, and stay until the cluster is told to stop.

    began: when the command began, by clock. Raises CannotStart or ConfError with a sentence.
    """
    plans = {server: _plan(layout, server, front) for server in layout.servers}
    for plan in plans.values():
        preload(plan.conf)
    write_openrc(layout, front)
    log = _ClusterLog(
        Log("cluster", sink=FileSink(str(layout.logs / "cluster.log"), wall=clock.wall))
    )

    def on_ready() -> None:
        for plan in plans.values():
            check_health(plan.address)
        print(ready_text(layout, marker, front, clock.monotonic() - began), flush=True)
        log.info("ready")
        notify("READY=1")

    posts = [Post(server.label, _Work(plan, layout, server)) for server, plan in plans.items()]
    cluster = cluster_conf.load(str(layout.etc))
    daemons = list(_daemon_posts(layout, cluster))
    crew = Crew(
        posts,
        clock.monotonic,
        log,
        grace=STOP_GRACE_S,
        on_ready=on_ready,
        afterwards=daemons,
    )
    log.info(f"starting {len(posts)} servers and {len(daemons)} daemons")
    crew.run()
    log.info("stopped")


def _plan(layout: Layout, server: ServerName, front: Front) -> ServerPlan:
    overrides = {}
    if server.kind == "proxy":
        overrides = {"bind_ip": front.bind_ip, "bind_port": str(front.port)}
    overrides["bind_timeout"] = "5"  # ports were checked; this is for a predecessor's last moments
    return wsgi_main.plan(KINDS[server.kind], str(layout.conf(server)), overrides)


class _Work:
    """What a server's process does."""

    def __init__(self, plan: ServerPlan, layout: Layout, server: ServerName) -> None:
        self._plan = plan
        self._log = layout.log(server)
        self._pid_file = layout.pid_file(server)

    def __call__(self, ready: Ready) -> None:
        _settle_in(self._log, self._pid_file)
        wsgi_main.run_plan(self._plan, ready)


def _settle_in(log: Path, pid_file: Path) -> None:
    """What a library prints, or Python when it dies, belongs into the process's log."""
    descriptor = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
    for standard in (1, 2):
        os.dup2(descriptor, standard)
    os.close(descriptor)
    pid_file.write_text(f"{os.getpid()}\n")


def _daemon_posts(layout: Layout, cluster: ClusterConf) -> Iterator[Post]:
    """The daemons of a node share a process, but for those that run now and then, or whose conf
    asks for something that is a process's own. Raises ConfError."""
    together: dict[int, list[DaemonPlan]] = {}
    for kept, node in places(layout):
        orders = Orders(once=kept.every > 0)
        plan = plan_daemon(kept.spec(), conf_path(layout, kept, node), orders, cluster)
        if node and not orders.once and plan.may_share:
            together.setdefault(node, []).append(plan)
        else:
            work = _DaemonWork(layout, log_name(kept, node), partial(run_plan, plan))
            yield Post(f"{kept.name} {node}" if node else kept.name, work, rest=kept.every)
    for node, plans in together.items():
        title = f"swiftlite-daemons {layout.root} {node}"
        work = _DaemonWork(layout, f"daemons-{node}", partial(run_together, plans, title))
        yield Post(f"daemons {node}", work)


@dataclass(frozen=True, slots=True)
class _DaemonWork:
    """What a process of daemons does. name: of its pid file and of its own log."""

    layout: Layout
    name: str
    run: Callable[[Ready], None]

    def __call__(self, ready: Ready) -> None:
        pid_file = self.layout.run / f"{self.name}.pid"
        _settle_in(self.layout.logs / f"{self.name}.log", pid_file)
        self.run(ready)
        pid_file.unlink(missing_ok=True)


def check_health(address: tuple[str, int]) -> None:
    """Ask a server for /healthcheck. Raises CannotStart unless it says that it is well."""
    ip, port = address
    ip = {"0.0.0.0": HOST, "::": "::1"}.get(ip, ip)
    connection = http.client.HTTPConnection(ip, port, timeout=_HEALTH_PATIENCE_S)
    with contextlib.closing(connection):
        try:
            connection.request("GET", "/healthcheck")
            answer = connection.getresponse()
            body = answer.read(100)
        except (OSError, http.client.HTTPException) as error:
            raise CannotStart(f"The server at {ip}:{port} does not answer: {error}.") from error
    if answer.status != 200:
        raise CannotStart(f"The server at {ip}:{port} is not well: {answer.status} {body!r}.")


class _ClusterLog:
    """The cluster's own log file; what goes wrong is told on the terminal as well."""

    def __init__(self, log: Log) -> None:
        self._log = log

    def info(self, message: str, /) -> None:
        self._log.info(message)

    def warning(self, message: str, /) -> None:
        self._log.warning(message)
        print(message, file=sys.stderr, flush=True)

    def error(self, message: str, /) -> None:
        self._log.error(message)
        print(message, file=sys.stderr, flush=True)
