"""One serving process: it loads its own pipeline, serves, and finishes what is under way.

A worker loads its pipeline after the fork, so that nothing with a thread, a timer or a descriptor
crosses it; the modules are imported before it and shared.
"""

from __future__ import annotations

import gc
import signal
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType

from swiftlite.cluster import conf as cluster_conf
from swiftlite.cluster.conf import ClusterConf
from swiftlite.host import bundle, green
from swiftlite.host.bundle import Host
from swiftlite.host.net import render_address
from swiftlite.host.tasks import Event
from swiftlite.httpd.acceptor import Acceptor
from swiftlite.observe.log import Log
from swiftlite.observe.options import open_log
from swiftlite.service.child import CannotStart, Ready, Report, keep_death_signal
from swiftlite.service.pipeline import Pipeline, load_pipeline
from swiftlite.service.port import Entrance
from swiftlite.service.server_plan import (
    ServerPlan,
    http_limits,
    refuse_what_cannot_be_kept,
    sentence,
)
from swiftlite.service.shares import Share
from swiftlite.vocab.errors import SwiftliteError

TIDY_S = 60.0
TOLD, LET_GO, FAILED = "told", "let go", "failed"


def _nothing() -> None:
    pass


@dataclass(frozen=True, slots=True)
class Life:
    """What differs between a worker, a server of one process, and one of an embedded cluster.

    stopping: called when told to end. let_go: called at SIGHUP, after which requests under way
    may take as long as they need; None: SIGHUP means nothing here. beat: called every beat_s.
    """

    ready: Ready
    stopping: Callable[[], None] = _nothing
    let_go: Callable[[], None] | None = None
    beat: Callable[[], None] = _nothing
    beat_s: float | None = None


def life_of_worker(report: Report, beat_s: float | None) -> Life:
    return Life(report, let_go=report.let_go, beat=report.beat, beat_s=beat_s)


def serve(server: ServerPlan, life: Life, entrance: Entrance, share: Share | None = None) -> None:
    """Serve until told to stop, then finish what is under way. Raises CannotStart.

    entrance: owned from now on. share: of the connections, where others accept there too.
    """
    host = bundle.install(green.make_host())
    host.process.tune_allocator()
    host.process.raise_limits()
    if server.options.scheduling == "batch":
        host.process.wait_for_a_processor()
    try:
        log = open_log(server.log, server.kind.name, wall=host.clock.wall)
        listener = host.net.adopt_listener(entrance.port)
        beside = [] if entrance.local is None else [host.net.adopt_listener(entrance.local)]
        if server.options.user:
            keep_death_signal(lambda: host.process.drop_privileges(server.options.user))
        cluster, pipeline = load(server)
        if pipeline.added:
            log.notice(f"added to the pipeline, because it cannot do without: {pipeline.added}")
    except (SwiftliteError, OSError, KeyError) as error:
        raise CannotStart(sentence(server, error)) from error
    gc.collect()
    gc.freeze()  # what was loaded stays: the collector need not look at it again
    acceptor = Acceptor(
        listener,
        pipeline.app,
        host=host,
        limits=http_limits(server, cluster.limits),
        log=log,
        share=share,
        beside=beside,
    )
    host.tasks.spawn(_keep_tidy, host, pipeline, log)
    why = _Service(server, host, acceptor, log, life).run()
    pipeline.close()
    log.info("stopped")
    if why == FAILED:
        raise SystemExit(1)


def load(server: ServerPlan) -> tuple[ClusterConf, Pipeline]:
    """What a worker serves. A host must have been installed."""
    cluster = cluster_conf.load(server.options.swift_dir)
    refuse_what_cannot_be_kept(server.kind, cluster)
    return cluster, load_pipeline(server.conf, {"swift_dir": cluster_conf.SWIFT_DIR})


def _keep_tidy(host: Host, pipeline: Pipeline, log: Log) -> None:
    """Also where no request comes any more that would see to it."""
    while True:
        host.tasks.sleep(TIDY_S)
        try:
            pipeline.tidy()
        except Exception:
            log.exception("ERROR while tidying up")


class _Service:
    """From the first request to the last."""

    def __init__(
        self, server: ServerPlan, host: Host, acceptor: Acceptor, log: Log, life: Life
    ) -> None:
        self._server = server
        self._host = host
        self._acceptor = acceptor
        self._log = log
        self._life = life
        self._over: Event[str] = host.tasks.event()
        self._hurried: Event[None] = host.tasks.event()

    def run(self) -> str:
        """Serve until SIGTERM (or SIGINT, unless a parent hears it), SIGHUP, or a failure."""
        self._host.tasks.spawn(self._accept)
        self._hear()
        self._log.info(f"serving at {render_address(self._acceptor.address)}")
        if self._life.beat_s is not None:
            self._host.tasks.spawn(self._beat, self._life.beat_s)
        self._life.ready()
        why = self._over.wait() or TOLD
        self._life.stopping()
        if why == LET_GO and self._life.let_go is not None:
            self._life.let_go()
            self._finish_patiently()
        else:
            self._finish(self._server.options.stop_timeout)
        return why

    def _accept(self) -> None:
        try:
            self._acceptor.run()
        except Exception:
            self._log.exception("the server stopped accepting")
            self._over.set(FAILED)

    def _hear(self) -> None:
        def stop(_number: int, _frame: FrameType | None) -> None:
            self._hurried.set()
            self._over.set(TOLD)

        def let_go(_number: int, _frame: FrameType | None) -> None:
            self._over.set(LET_GO)

        signal.signal(signal.SIGTERM, stop)
        if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
            signal.signal(signal.SIGINT, stop)
        if self._life.let_go is not None:
            signal.signal(signal.SIGHUP, let_go)
        if signal.getsignal(signal.SIGUSR1) is not signal.SIG_IGN:
            signal.signal(signal.SIGUSR1, self._cannot_reload)

    def _cannot_reload(self, _number: int, _frame: FrameType | None) -> None:
        self._log.notice("asked to reload, which needs workers = 1 or more; restart it instead")

    def _beat(self, pause: float) -> None:
        while not self._over.is_set:
            self._life.beat()
            self._host.tasks.sleep(pause)

    def _finish_patiently(self) -> None:
        """Nobody waits for this process: requests take their time, unless SIGTERM comes."""
        self._host.tasks.spawn(self._hurry)
        options = self._server.options
        until = self._host.clock.monotonic() + options.stale_worker_timeout
        if not self._acceptor.drain(until, spare_idle=True) and not self._hurried.is_set:
            self._log.warning("cut off requests that were still under way after a day")

    def _hurry(self) -> None:
        self._hurried.wait()
        self._finish(self._server.options.stop_timeout)

    def _finish(self, patience: float) -> None:
        """Take nothing new; let requests under way finish, within so many seconds."""
        if not self._acceptor.drain(self._host.clock.monotonic() + patience):
            self._log.warning("cut off requests under way that took too long")
