"""Running a server from its conf: read, fork workers, and in each one listen, serve, drain.

A worker loads its own pipeline after the fork, so that nothing with a thread, a timer or a
descriptor crosses it; the modules are imported before it and shared. All workers listen on the
same port by SO_REUSEPORT. A server without workers is one process, as each storage server of the
embedded cluster is.
"""

from __future__ import annotations

import errno
import gc
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import FrameType

from swiftlite.cluster import conf as cluster_conf
from swiftlite.cluster.conf import ClusterConf
from swiftlite.config.load import DEFAULT, Conf, options, read_conf
from swiftlite.host import bundle, green, plain
from swiftlite.host.bundle import Host
from swiftlite.host.net import Listener, render_address
from swiftlite.httpd.acceptor import Acceptor
from swiftlite.httpd.limits import HttpLimits
from swiftlite.observe.log import Log
from swiftlite.observe.options import LogOptions, open_log
from swiftlite.protocols.http1.heads import HeadLimits
from swiftlite.service.crew import CannotStart, Crew, Post, Ready
from swiftlite.service.options import ServerOptions
from swiftlite.service.pipeline import load_pipeline, preload
from swiftlite.service.port import PAUSE_S, reserve_port
from swiftlite.service.process_name import set_process_name
from swiftlite.service.systemd import notify
from swiftlite.vocab.errors import SwiftliteError
from swiftlite.vocab.limits import Limits


@dataclass(frozen=True, slots=True)
class ServerKind:
    """name: `object-server`; port, unless the conf names one; handles_objects: whether it reads
    and writes objects, and so has to know how each policy keeps them."""

    name: str
    port: int
    handles_objects: bool = False

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
    run_plan(server, _tell_ready, _tell_stopping)


def _tell_ready() -> None:
    notify("READY=1")


def _tell_stopping() -> None:
    notify("STOPPING=1")


def _nothing() -> None:
    pass


def _overridden(conf: Conf, overrides: Mapping[str, str]) -> Conf:
    sections = {
        name: {key: overrides.get(key, value) for key, value in section.items()}
        for name, section in conf.sections.items()
    }
    return Conf(conf.path, {**conf.defaults, **overrides}, sections)


def run_plan(server: ServerPlan, ready: Ready, stopping: Callable[[], None] = _nothing) -> None:
    """Serve in this process, or in as many workers as the conf asks for.

    ready is called once all serve; stopping, when the server has been told to stop.
    """
    count = server.options.worker_count
    set_process_name(f"{server.kind.title} {server.conf.path}")
    if count == 0:
        _work(server, ready, stopping)
        return
    host = plain.make_host()
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
        on_stop=stopping,
        reload=True,
    )
    reserved = reserve_port(
        server.address,
        patience=server.options.bind_timeout,
        monotonic=host.clock.monotonic,
        sleep=host.tasks.sleep,
    )
    with reserved:
        crew.run()


def _worker(server: ServerPlan, number: int) -> Callable[[Ready], None]:
    def work(ready: Ready) -> None:
        set_process_name(f"{server.kind.title} worker {number} {server.conf.path}")
        _work(server, ready, _nothing)

    return work


def _work(server: ServerPlan, ready: Ready, stopping: Callable[[], None]) -> None:
    """Listen and serve until told to stop, then finish what is under way."""
    host = bundle.install(green.make_host())
    host.process.tune_allocator()
    host.process.raise_limits()
    try:
        log = open_log(server.log, server.kind.name, wall=host.clock.wall)
        listener = None
        if server.options.user:
            listener = listen(server, host)  # the port may be one that only root can take
            host.process.drop_privileges(server.options.user)
        cluster = cluster_conf.load(server.options.swift_dir)
        refuse_what_cannot_be_kept(server.kind, cluster)
        pipeline = load_pipeline(server.conf, {"swift_dir": cluster_conf.SWIFT_DIR})
        if pipeline.added:
            log.notice(f"added to the pipeline, because it cannot do without: {pipeline.added}")
        if listener is None:
            listener = listen(server, host)
    except (SwiftliteError, OSError, KeyError) as error:
        raise CannotStart(_sentence(server, error)) from error
    gc.collect()
    gc.freeze()  # what was loaded stays: the collector need not look at it again
    acceptor = Acceptor(
        listener, pipeline.app, host=host, limits=http_limits(server, cluster.limits), log=log
    )
    why = _serve_until_told(server, host, acceptor, log, ready)
    stopping()
    _drain(server, host, acceptor, log)
    pipeline.close()
    log.info("stopped")
    if why == "failed":
        raise SystemExit(1)


def refuse_what_cannot_be_kept(kind: ServerKind, cluster: ClusterConf) -> None:
    """Objects of an erasure-coded policy must not be stored as if they were replicated."""
    if not kind.handles_objects:
        return
    for policy in cluster.policies:
        if policy.erasure is not None:
            raise CannotStart(
                f"{cluster.swift_dir}/swift.conf: the policy {policy.name} (index "
                f"{policy.index}) is erasure-coded, which this version cannot serve."
            )


def listen(server: ServerPlan, host: Host) -> Listener:
    """Take the server's port, waiting for it up to bind_timeout. Raises CannotStart."""
    until = host.clock.monotonic() + server.options.bind_timeout
    shared = server.options.worker_count > 0
    while True:
        try:
            return host.net.listen(
                server.address, reuse_port=shared, backlog=server.options.backlog
            )
        except OSError as error:
            if error.errno != errno.EADDRINUSE or host.clock.monotonic() >= until:
                where = render_address(server.address)
                raise CannotStart(f"cannot listen at {where}: {error.strerror}") from error
        host.tasks.sleep(PAUSE_S)


def _sentence(server: ServerPlan, error: Exception) -> str:
    text = str(error) or repr(error)
    return text if server.conf.path in text else f"{server.conf.path}: {text}"


def http_limits(server: ServerPlan, limits: Limits) -> HttpLimits:
    """What a client may do to this server's connections.

    A storage server takes more headers than a proxy does: what a proxy took at the limit goes on
    to it with headers of the proxy's own.
    """
    chosen = server.options
    keepalive = chosen.keepalive_timeout
    count = limits.max_header_count
    if server.kind.name != "proxy-server":
        count += 64
    return HttpLimits(
        max_clients=chosen.max_clients,
        client_timeout=chosen.client_timeout,
        keepalive_timeout=chosen.client_timeout if keepalive is None else keepalive,
        head_timeout=chosen.client_timeout,
        head=HeadLimits(
            header_line_bytes=limits.max_header_size,
            request_line_bytes=limits.max_request_line,
            header_count=count,
        ),
    )


def _serve_until_told(
    server: ServerPlan, host: Host, acceptor: Acceptor, log: Log, ready: Ready
) -> str:
    """Serve until SIGTERM (or SIGINT, unless a parent hears it): "told"; or until it "failed"."""
    over = host.tasks.event()

    def accept() -> None:
        try:
            acceptor.run()
        except Exception:
            log.exception("the server stopped accepting")
            over.set("failed")

    def stop(_number: int, _frame: FrameType | None) -> None:
        over.set("told")

    host.tasks.spawn(accept)
    signal.signal(signal.SIGTERM, stop)
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, stop)
    log.info(f"serving at {render_address(server.address)}")
    ready()
    return str(over.wait())


def _drain(server: ServerPlan, host: Host, acceptor: Acceptor, log: Log) -> None:
    """Take nothing new; let requests under way finish, within stop_timeout."""
    if not acceptor.drain(host.clock.monotonic() + server.options.stop_timeout):
        log.warning("cut off requests under way that took too long")
