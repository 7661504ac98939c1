"""A daemon's process: it becomes what the conf says, and runs its pass until told to stop.

One pass, or several side by side: what waits costs little, a process of its own costs megabytes.
With workers there is a parent that keeps them alive, each with its share of the devices. SIGTERM
lets the step in hand come to its end.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from types import FrameType

from swiftlite.cluster.rings import Rings
from swiftlite.config.load import ConfError
from swiftlite.config.units import is_true
from swiftlite.host import bundle, green, plain
from swiftlite.host.bundle import Host
from swiftlite.observe.log import DEBUG, Log
from swiftlite.observe.options import open_log
from swiftlite.observe.sinks import StreamSink
from swiftlite.observe.statsd import Statsd
from swiftlite.service import systemd
from swiftlite.service.child import keep_death_signal
from swiftlite.service.crew import CannotStart, Crew, Post, Ready
from swiftlite.service.daemon_plan import DaemonPlan
from swiftlite.service.passes import DaemonContext, Pass, Recon
from swiftlite.service.process_name import set_process_name
from swiftlite.service.runner import run_pass
from swiftlite.vocab.errors import SwiftliteError

Tell = Callable[[str], None]


def run_plan(plan: DaemonPlan, ready: Ready, tell: Tell = lambda _: None) -> None:
    """Run a daemon in this process, or in as many workers as its conf asks for.

    ready is called once it works; tell with a word on what it is doing, `stopping` at the end.
    Raises CannotStart, ConfError; SystemExit when a pass that was to run once could not.
    """
    set_process_name(f"{plan.spec.title} {plan.conf.path}")
    count = plan.workers
    if count == 1:
        _work(plan, 0, 1, ready, tell)
        return
    host = plain.make_host()
    posts = [
        Post(
            f"{plan.spec.name} worker {number + 1}",
            _worker(plan, number, count),
            again=not plan.orders.once,
        )
        for number in range(count)
    ]
    log = _open_log(plan, host)
    stop = partial(tell, "stopping")
    crew = Crew(posts, host.clock.monotonic, log, on_ready=ready, on_stop=stop)
    crew.run()
    if crew.gave_up:
        raise SystemExit(1)


def _worker(plan: DaemonPlan, number: int, count: int) -> Callable[[Ready], None]:
    def work(ready: Ready) -> None:
        set_process_name(f"{plan.spec.title} worker {number + 1} {plan.conf.path}")
        _work(plan, number, count, ready, lambda _: None)

    return work


def _work(plan: DaemonPlan, worker: int, workers: int, ready: Ready, tell: Tell) -> None:
    host = _make_host()
    with _sentences(plan):
        _become(plan, host)
    daemon = _build(plan, host, worker, workers)
    _settle(host, [daemon])
    _tell_metrics(host, [plan], [daemon], worker)
    ready()
    code = daemon.run(tell)
    tell("stopping")
    if code:
        raise SystemExit(code)


def run_together(plans: Sequence[DaemonPlan], title: str, ready: Ready) -> None:
    """Run daemons in this process, none of which runs once; title: the process's name.

    Raises CannotStart when one of them cannot.
    """
    assert all(plan.may_share and not plan.orders.once for plan in plans)
    set_process_name(title)
    host = _make_host()
    host.process.raise_limits()
    daemons = [_build(plan, host, 0, 1) for plan in plans]
    _settle(host, daemons)
    _tell_metrics(host, plans, daemons, 0)
    ready()
    running = [host.tasks.spawn(daemon.run, lambda _: None) for daemon in daemons]
    for task in running:
        task.wait()


def _make_host() -> Host:
    host = bundle.install(green.make_host())
    host.process.tune_allocator()
    return host


@dataclass(frozen=True, slots=True)
class _Daemon:
    """A pass that is ready to run."""

    context: DaemonContext
    work: Pass

    def run(self, tell: Tell) -> int:
        log = self.context.log
        log.info("started" + (" for one pass" if self.context.once else ""))
        code = run_pass(self.context, self.work, tell)
        log.info("ended" if code == 0 else "gave up")
        return code


def _build(plan: DaemonPlan, host: Host, worker: int, workers: int) -> _Daemon:
    with _sentences(plan):
        log = _open_log(plan, host)
        context = _context(plan, host, log, worker, workers)
        work = plan.spec.build(context, plan.own)
    for sentence in plan.strangers():
        log.warning(sentence)
    return _Daemon(context, work)


@contextlib.contextmanager
def _sentences(plan: DaemonPlan) -> Iterator[None]:
    """What keeps a daemon from starting, as CannotStart with a sentence for the operator."""
    try:
        yield
    except (SwiftliteError, OSError, KeyError) as error:
        text = str(error) or repr(error)
        path = plan.conf.path
        raise CannotStart(text if path in text else f"{path}: {text}") from error


def _settle(host: Host, daemons: Sequence[_Daemon]) -> None:
    gc.collect()
    gc.freeze()  # what was loaded stays: the collector need not look at it again
    _listen_to_signals([daemon.context for daemon in daemons])
    _keep_watchdog(host)


def _tell_metrics(
    host: Host, plans: Sequence[DaemonPlan], daemons: Sequence[_Daemon], worker: int
) -> None:
    """Of this process's daemons, all of one node, at each port that one of them names."""
    addresses = {plan.metrics_address for plan in plans} - {None}
    if not addresses:
        return
    from swiftlite.service.daemon_metrics import MetricsPage, Node, tell_metrics  # an HTTP server

    stores = next((plan for plan in plans if plan.stores), None)
    node = Node(
        plans[0].common.recon_cache_path,
        None if stores is None else stores.node_conf.get("devices", "/srv/node"),
        stores is None or is_true(stores.node_conf.get("mount_check", "true")),
    )
    progress = {
        plan.spec.name: daemon.context.progress for plan, daemon in zip(plans, daemons, strict=True)
    }
    page = MetricsPage(host, progress, node)
    for address in addresses:
        assert address is not None
        ip, port = address
        host.tasks.spawn(tell_metrics, page, host, daemons[0].context.log, (ip, port + worker))


def _become(plan: DaemonPlan, host: Host) -> None:
    """Priorities first: only root may raise them."""
    host.process.raise_limits()
    if plan.common.nice_priority is not None:
        host.process.set_nice(plan.common.nice_priority)
    if plan.common.io_class is not None:
        host.process.set_ionice(plan.common.io_class, plan.common.ionice_priority)
    if plan.server.user:
        keep_death_signal(lambda: host.process.drop_privileges(plan.server.user))


def _open_log(plan: DaemonPlan, host: Host) -> Log:
    if plan.orders.verbose:
        sink = StreamSink(2, wall=host.clock.wall)
        return Log(plan.log.log_name or plan.spec.name, level=DEBUG, sink=sink)
    return open_log(plan.log, plan.spec.name, wall=host.clock.wall)


def _context(plan: DaemonPlan, host: Host, log: Log, worker: int, workers: int) -> DaemonContext:
    cluster, orders = plan.cluster, plan.orders
    unknown = sorted(i for i in orders.policies if cluster.policies.get(i) is None)
    if unknown:
        raise ConfError(f"{cluster.swift_dir}/swift.conf has no policy of index {unknown[0]}.")
    return DaemonContext(
        host=host,
        cluster=cluster,
        rings=Rings(cluster, host.clock, log=log),
        log=log,
        statsd=Statsd(plan.statsd, plan.spec.name, random=host.entropy.random),
        recon=Recon(host.disk, plan.common.recon_cache_path, log),
        once=orders.once,
        devices=orders.devices,
        partitions=orders.partitions,
        policies=orders.policies,
        conf=plan.section,
        node_conf=plan.node_conf,
        conf_path=plan.conf.path,
        where=plan.where,
        bind_ip=plan.server.bind_ip,
        bind_port=plan.server.bind_port,
        told_to_stop=host.tasks.event(),
        worker=worker,
        workers=workers,
        sections=plan.conf.sections,
        flags=orders.flags,
    )


def _listen_to_signals(contexts: Sequence[DaemonContext]) -> None:
    def stop(_number: int, _frame: FrameType | None) -> None:
        for context in contexts:
            context.told_to_stop.set("told")

    signal.signal(signal.SIGTERM, stop)
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:  # a parent hears it
        signal.signal(signal.SIGINT, stop)


def _keep_watchdog(host: Host) -> None:
    """Tell systemd now and then that the loop still turns, if its unit has WatchdogSec."""
    interval = systemd.watchdog_interval(os.environ, host.process.pid)
    if interval is None:
        return

    def keep() -> None:
        while True:
            systemd.notify("WATCHDOG=1")
            host.tasks.sleep(interval)

    host.tasks.spawn(keep)
