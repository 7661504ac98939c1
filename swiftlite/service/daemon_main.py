"""Running a background daemon from its conf: read it, become what it says, run its pass.

A daemon is one process, or a parent that keeps several workers alive, each with its share of the
devices. SIGTERM lets the step in hand come to its end.
"""

from __future__ import annotations

import argparse
import gc
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

from swiftlite import __version__
from swiftlite.cluster import conf as cluster_conf
from swiftlite.cluster.conf import ClusterConf
from swiftlite.cluster.rings import Rings
from swiftlite.config.load import DEFAULT, Conf, ConfError, options, read_conf, unknown_keys
from swiftlite.host import bundle, green, plain
from swiftlite.host.bundle import Host
from swiftlite.observe.log import DEBUG, Log
from swiftlite.observe.options import LogOptions, StatsdOptions, open_log
from swiftlite.observe.sinks import StreamSink
from swiftlite.observe.statsd import Statsd
from swiftlite.service import systemd
from swiftlite.service.child import keep_death_signal
from swiftlite.service.crew import CannotStart, Crew, Post, Ready
from swiftlite.service.daemon_options import DaemonOptions
from swiftlite.service.options import ServerOptions
from swiftlite.service.passes import DaemonContext, DaemonSpec, Recon
from swiftlite.service.process_name import set_process_name
from swiftlite.service.runner import run_pass
from swiftlite.vocab.errors import SwiftliteError


@dataclass(frozen=True, slots=True)
class Orders:
    """What the command line says."""

    once: bool = False
    verbose: bool = False
    devices: frozenset[str] = frozenset()
    partitions: frozenset[int] = frozenset()
    policies: frozenset[int] = frozenset()
    flags: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DaemonPlan:
    """One daemon as its conf and its command line have it, checked and ready to run."""

    spec: DaemonSpec
    orders: Orders
    conf: Conf
    own: Any  # of the spec's first table
    common: DaemonOptions
    server: ServerOptions
    log: LogOptions
    statsd: StatsdOptions
    cluster: ClusterConf

    @property
    def where(self) -> str:
        return f"{self.conf.path} [{self.spec.name}]"

    @property
    def section(self) -> dict[str, str]:
        return self.conf.sections.get(self.spec.name, self.conf.defaults)

    @property
    def workers(self) -> int:
        count = self.spec.workers(self.own) if self.spec.workers is not None else 0
        return max(count, 1)


def plan_daemon(
    spec: DaemonSpec,
    path: str,
    orders: Orders | None = None,
    cluster: ClusterConf | None = None,
) -> DaemonPlan:
    """Read and check a daemon's conf. Raises ConfError with a sentence for the operator.

    A file without the daemon's section will do: everything then has its default. cluster: for a
    parent of many daemons, which has read swift.conf and shares it with them.
    """
    conf = read_conf(path)
    section = conf.sections.get(spec.name, conf.defaults)
    where = f"{path} [{spec.name}]"
    server = options(ServerOptions, conf.defaults, where=f"{path} [{DEFAULT}]")
    return DaemonPlan(
        spec,
        orders or Orders(),
        conf,
        options(spec.tables[0], section, where=where),
        options(DaemonOptions, section, where=where),
        server,
        options(LogOptions, section, where=where),
        options(StatsdOptions, section, where=where),
        cluster or cluster_conf.load(os.path.abspath(server.swift_dir)),
    )


def run_daemon(spec: DaemonSpec, arguments: Sequence[str] | None = None) -> int:
    """The main of a daemon. Exit codes: 0 stopped or done, 1 could not start or run, 2 usage."""
    chosen = _parser(spec).parse_args(arguments)
    if sys.flags.optimize:
        print(f"{spec.title}: does not run under python -O", file=sys.stderr)
        return 1
    orders = Orders(
        once=chosen.once or chosen.mode == "once",
        verbose=chosen.verbose,
        devices=frozenset(chosen.devices),
        partitions=frozenset(chosen.partitions),
        policies=frozenset(chosen.policies),
        flags={
            flag.key: value
            for flag in spec.flags
            if (value := getattr(chosen, flag.key)) is not None
        },
    )
    try:
        plan = plan_daemon(spec, chosen.conf, orders)
        run_plan(plan, lambda: _notify("READY=1"), _notify_status)
    except SwiftliteError as error:
        print(f"{spec.title}: {error}", file=sys.stderr)
        return 1
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else 1
    return 0


def _parser(spec: DaemonSpec) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=spec.title,
        description=f"Run the {spec.name.replace('-', ' ')} of a conf file in the foreground.",
    )
    parser.add_argument("conf", help="a conf file, or a directory of *.conf files")
    parser.add_argument("mode", nargs="?", choices=("once",), help="the same as --once")
    parser.add_argument("-o", "--once", action="store_true", help="one pass over everything")
    parser.add_argument(
        "-v", "--verbose", action="store_true", help="log to the terminal, with all details"
    )
    parser.add_argument(
        "-d", "--devices", type=_names, default=(), metavar="A,B", help="only these devices"
    )
    parser.add_argument(
        "-p", "--partitions", type=_numbers, default=(), metavar="1,2", help="only these partitions"
    )
    parser.add_argument(
        "--policies",
        type=_numbers,
        default=(),
        metavar="0,1",
        help="only policies of these indices",
    )
    for flag in spec.flags:
        parser.add_argument(
            *flag.names, dest=flag.key, type=flag.parse, metavar=flag.metavar, help=flag.help
        )
    parser.add_argument("--version", action="version", version=f"swiftlite {__version__}")
    return parser


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(name) for name in _names(text))


def _notify(state: str) -> None:
    systemd.notify(state)


def _notify_status(word: str) -> None:
    systemd.notify("STOPPING=1" if word == "stopping" else f"STATUS={word}")


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
    Crew(posts, host.clock.monotonic, log, on_ready=ready, on_stop=lambda: tell("stopping")).run()


def _worker(plan: DaemonPlan, number: int, count: int) -> Callable[[Ready], None]:
    def work(ready: Ready) -> None:
        set_process_name(f"{plan.spec.title} worker {number + 1} {plan.conf.path}")
        _work(plan, number, count, ready, lambda _: None)

    return work


def _work(plan: DaemonPlan, worker: int, workers: int, ready: Ready, tell: Tell) -> None:
    host = bundle.install(green.make_host())
    try:
        _become(plan, host)
        log = _open_log(plan, host)
        context = _context(plan, host, log, worker, workers)
        work = plan.spec.build(context, plan.own)
    except (SwiftliteError, OSError, KeyError) as error:
        raise CannotStart(_sentence(plan, error)) from error
    _warn_of_strangers(plan, log)
    gc.collect()
    gc.freeze()  # what was loaded stays: the collector need not look at it again
    _listen_to_signals(context)
    _keep_watchdog(host)
    log.info("started" + (" for one pass" if context.once else ""))
    ready()
    code = run_pass(context, work, tell)
    tell("stopping")
    log.info("ended" if code == 0 else "gave up")
    if code:
        raise SystemExit(code)


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
        node_conf=_node_conf(plan),
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


def _node_conf(plan: DaemonPlan) -> dict[str, str]:
    """[DEFAULT], under what the server's section says itself, under what the daemon's does."""
    defaults = plan.conf.defaults
    layers = dict(defaults)
    for name in (f"app:{plan.spec.kind}-server", plan.spec.name):
        section = plan.conf.sections.get(name, {})
        layers.update({k: v for k, v in section.items() if defaults.get(k) != v})
    return layers


def _warn_of_strangers(plan: DaemonPlan, log: Log) -> None:
    tables = (*plan.spec.tables, DaemonOptions, ServerOptions, LogOptions, StatsdOptions)
    made_up = getattr(plan.spec.tables[0], "MADE_UP", ())  # beginnings of names that operators make
    own = {
        k: v
        for k, v in plan.section.items()
        if k not in plan.conf.defaults and not k.startswith(made_up)
    }
    for key, near in unknown_keys(tables, own):
        hint = f"; {near} is one" if near else ""
        log.warning(f"{plan.where}: no option is called {key}{hint}")


def _sentence(plan: DaemonPlan, error: Exception) -> str:
    text = str(error) or repr(error)
    return text if plan.conf.path in text else f"{plan.conf.path}: {text}"


def _listen_to_signals(context: DaemonContext) -> None:
    def stop(_number: int, _frame: FrameType | None) -> None:
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
