"""Running a server from its conf: read, listen, fork workers, keep them, reload, stop.

The parent listens and all workers accept from its sockets. A server without workers is one
process, as each storage server of the embedded cluster is.

Signals to a server that runs on its own: SIGTERM stops it, requests under way having stop_timeout
seconds; SIGHUP ends it at once while its workers finish their requests alone; SIGUSR1 starts the
same command anew within the same process, workers changing over without a request lost.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping

from swiftlite.host import bundle, green, plain
from swiftlite.host.bundle import Host
from swiftlite.observe.log import Log
from swiftlite.observe.options import open_log
from swiftlite.service.child import CannotStart, Ready, Report
from swiftlite.service.crew import Crew, Post
from swiftlite.service.handover import Handover, take_over
from swiftlite.service.pipeline import preload
from swiftlite.service.port import Doors, Port
from swiftlite.service.process_name import set_process_name
from swiftlite.service.reload import Reloader, Watchdog, WatchPorts, tell
from swiftlite.service.ring_ports import RingPorts, ports_or_refuse
from swiftlite.service.server_plan import (
    ServerKind,
    ServerPlan,
    http_limits,
    plan,
    refuse_what_cannot_be_kept,
    sentence,
)
from swiftlite.service.shares import Share, Shares
from swiftlite.service.systemd import watchdog_interval
from swiftlite.service.worker import Life, life_of_worker, load, serve
from swiftlite.vocab.errors import SwiftliteError

__all__ = [
    "ServerKind",
    "ServerPlan",
    "check",
    "http_limits",
    "plan",
    "refuse_what_cannot_be_kept",
    "run",
    "run_plan",
]


def run(kind: ServerKind, path: str, overrides: Mapping[str, str] | None = None) -> None:
    """Run a server until it is told to end. Raises CannotStart or ConfError when it cannot.

    overrides: options of [DEFAULT] that count instead of the conf's.
    """
    handover = take_over()
    server = plan(kind, path, overrides)
    preload(server.conf)
    set_process_name(f"{kind.title} {server.conf.path}")
    if server.per_port:
        _run_on_ring_ports(server, handover)
    elif server.options.worker_count:
        _run_crew(server, handover)
    else:
        _run_alone(server)


def check(kind: ServerKind, path: str) -> None:
    """Load everything that a start would, and serve nothing. Raises ConfError and its like."""
    bundle.install(green.make_host())
    server = plan(kind, path)
    if server.per_port:
        ports_or_refuse(_ring_ports(server, lambda _: None))
    try:
        load(server)[1].close()
    except (OSError, KeyError) as error:
        raise SwiftliteError(sentence(server, error)) from error


def run_plan(server: ServerPlan, ready: Ready) -> None:
    """Serve as a part of something larger, which hears the signals; ready is called once."""
    set_process_name(f"{server.kind.title} {server.conf.path}")
    host = plain.make_host()
    log = open_log(server.log, server.kind.name, wall=host.clock.wall)
    doors = _doors(server, host, Handover(), log)
    doors.open(server.address)
    if server.options.worker_count == 0:
        serve(server, Life(ready), doors.enter(server.address))
        return
    posts = _posts(server, doors, [server.address], server.options.worker_count, None)
    Crew(posts, host.clock.monotonic, log, grace=_grace(server), on_ready=ready).run()


def _run_alone(server: ServerPlan) -> None:
    host = plain.make_host()
    log = open_log(server.log, server.kind.name, wall=host.clock.wall)
    doors = _doors(server, host, Handover(), log)
    doors.open(server.address)
    pause = _watchdog_pause()
    life = Life(
        lambda: tell("READY=1"),
        lambda: tell("STOPPING=1"),
        let_go=lambda: None,
        beat=lambda: tell("WATCHDOG=1"),
        beat_s=pause,
    )
    serve(server, life, doors.enter(server.address))


def _run_crew(server: ServerPlan, handover: Handover) -> None:
    host = plain.make_host()
    log = open_log(server.log, server.kind.name, wall=host.clock.wall)
    doors = _doors(server, host, handover, log)
    address = _open(doors, server.address, handover, log)
    doors.close_but([address])
    pause = _watchdog_pause()
    posts = _posts(server, doors, [address], server.options.worker_count, pause)
    _crew(server, host, log, doors, posts, handover, pause).run()


def _open(doors: Doors, address: Port, handover: Handover, log: Log) -> Port:
    """Where the server listens: after a reload rather where it did than nowhere."""
    try:
        doors.open(address)
    except CannotStart as error:
        served = [found for found in handover.doors if not isinstance(found, str)]
        if not served:
            raise
        log.error(f"{error} Serving on where it has served.")
        return served[0]
    return address


def _run_on_ring_ports(server: ServerPlan, handover: Handover) -> None:
    """So many workers for each port that the rings give to this node's devices."""
    host = plain.make_host()
    log = open_log(server.log, server.kind.name, wall=host.clock.wall)
    ports = _ring_ports(server, log.error)
    doors = _doors(server, host, handover, log)
    pause = _watchdog_pause()

    def posts_for(found: Iterable[int]) -> list[Post]:
        addresses = [(server.options.bind_ip, port) for port in sorted(found)]
        for address in addresses:
            doors.open(address)
        doors.close_but(addresses)
        return _posts(server, doors, addresses, server.ports.servers_per_port, pause)

    first = ports_or_refuse(ports)
    crew = _crew(server, host, log, doors, posts_for(first), handover, pause)
    watch = WatchPorts(
        ports.current, first, posts_for, log, host.clock, server.ports.ring_check_interval
    )
    crew.reviews = (*crew.reviews, watch)
    crew.run()


def _crew(
    server: ServerPlan,
    host: Host,
    log: Log,
    doors: Doors,
    posts: list[Post],
    handover: Handover,
    pause: float | None,
) -> Crew:
    def stop() -> None:
        doors.close_but(())
        tell("STOPPING=1")

    reloader = Reloader(doors, log)
    watchdog = () if pause is None else (Watchdog(pause, host.clock.monotonic),)
    return Crew(
        posts,
        host.clock.monotonic,
        log,
        grace=_grace(server),
        on_ready=lambda: tell("READY=1"),
        on_stop=stop,
        on_reload=reloader.ask,
        lets_go=True,
        elders=handover.elders,
        reviews=(reloader, *watchdog),
        beat=None if pause is None else 2 * pause,
    )


def _posts(
    server: ServerPlan, doors: Doors, addresses: list[Port], count: int, pause: float | None
) -> list[Post]:
    """So many posts for each address."""
    many = len(addresses) > 1 or server.per_port
    found = []
    for address in addresses:
        shares = Shares(count)
        for number in range(1, count + 1):
            place = f"{number} of port {address[1]}" if many else f"{number}"
            share = shares.of(number - 1)
            work = _worker(server, doors, address, f"worker {place}", pause, share)
            found.append(Post(f"{server.kind.name} worker {place}", work))
    return found


def _worker(
    server: ServerPlan,
    doors: Doors,
    address: Port,
    place: str,
    pause: float | None,
    share: Share,
) -> Callable[[Report], None]:
    def work(report: Report) -> None:
        share.have(0)  # whoever had this place before has gone
        set_process_name(f"{server.kind.title} {place} {server.conf.path}")
        beat_s = None if pause is None else pause / 2
        serve(server, life_of_worker(report, beat_s), doors.enter(address), share)

    return work


def _doors(server: ServerPlan, host: Host, handover: Handover, log: Log) -> Doors:
    return Doors(
        handover.doors,
        backlog=server.options.backlog,
        patience=server.options.bind_timeout,
        local_user=server.local_user,
        monotonic=host.clock.monotonic,
        sleep=host.tasks.sleep,
        warn=log.warning,
    )


def _ring_ports(server: ServerPlan, warn: Callable[[str], None]) -> RingPorts:
    ip = server.ports.ring_ip or server.options.bind_ip
    return RingPorts(server.options.swift_dir, ip, warn)


def _grace(server: ServerPlan) -> float:
    return server.options.stop_timeout + 5.0


def _watchdog_pause() -> float | None:
    return watchdog_interval(os.environ, os.getpid())
