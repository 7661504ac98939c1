"""Measuring one work: the load, the clock beside it, and the servers' CPU before and after."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from swiftlite.cli.bench.figures import Figures, latencies_ms
from swiftlite.cli.bench.load import Call, Driver
from swiftlite.cli.bench.processes import cpu_seconds, with_descendants
from swiftlite.host.bundle import Host


def measure(
    host: Host,
    driver: Driver,
    work: str,
    calls: Iterator[Call],
    *,
    size: int,
    concurrency: int,
    seconds: float | None,
    pids: Sequence[int] = (),
    stopping: Callable[[], bool] = lambda: False,
) -> Figures:
    """pids: of the servers; their descendants count with them."""
    watched = with_descendants(pids)
    monotonic = host.clock.monotonic
    before, own, start = cpu_seconds(watched), cpu_seconds([host.process.pid]), monotonic()
    tally = driver.run(calls, concurrency, seconds=seconds, stopping=stopping)
    took = monotonic() - start
    return Figures(
        work,
        size,
        concurrency,
        len(tally.latencies),
        dict(tally.errors),
        took,
        tally.body_bytes,
        latencies_ms(tally.latencies),
        cpu_seconds(watched) - before if watched else None,
        cpu_seconds([host.process.pid]) - own,
    )
