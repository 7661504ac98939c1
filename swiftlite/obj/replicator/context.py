"""What the jobs of a pass share."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from dataclasses import dataclass, field

from swiftlite.host.bundle import Host
from swiftlite.obj.replicator.options import ReplicatorOptions
from swiftlite.obj.replicator.peers import Peers
from swiftlite.obj.replicator.push import Push
from swiftlite.obj.replicator.stats import Stats
from swiftlite.objectstore.manager import Manager
from swiftlite.observe.log import Log
from swiftlite.observe.statsd import Statsd


@dataclass(slots=True)
class Replication:
    """stats is by device and of this pass, as are handoffs_left, cycle and partition_times."""

    host: Host
    options: ReplicatorOptions
    manager: Manager
    peers: Peers
    push: Push
    log: Log
    statsd: Statsd
    stopping: Callable[[], bool]
    stats: dict[str, Stats] = field(default_factory=dict)
    handoffs_left: int = 0
    cycle: int = 0
    times: array[float] = field(default_factory=lambda: array("f"))

    def stats_of(self, device: str) -> Stats:
        return self.stats.setdefault(device, Stats())

    def count(self, metric: str, number: int = 1) -> None:
        if number and self.statsd.enabled:
            self.statsd.count(metric, number)

    def took(self, metric: str, start: float) -> None:
        """A job that began at start, on the monotonic clock, is over."""
        seconds = self.host.clock.monotonic() - start
        self.times.append(seconds)
        if self.statsd.enabled:
            self.statsd.timing(metric, seconds)
