"""What a replication pass has done, in the words of Swift's recon cache and metrics."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

from swiftlite.dbsync.plan import Way
from swiftlite.observe.statsd import Statsd
from swiftlite.ring import Device

_OF_WAY = {
    Way.NO_CHANGE: ("no_change", "no_changes"),
    Way.HASH_MATCH: ("hashmatch", "hashmatches"),
    Way.DIFF: ("diff", "diffs"),
    Way.REMOTE_MERGE: ("remote_merge", "remote_merges"),
    Way.WHOLE_FILE: ("rsync", "rsyncs"),
}


@dataclass(slots=True)
class Stats:
    """One pass. success and failure count databases times nodes."""

    start: float
    attempted: int = 0
    success: int = 0
    failure: int = 0
    ts_repl: int = 0
    no_change: int = 0
    hashmatch: int = 0
    rsync: int = 0
    diff: int = 0
    remove: int = 0
    empty: int = 0
    remote_merge: int = 0
    diff_capped: int = 0
    deferred: int = 0
    failure_nodes: dict[str, dict[str, int]] = field(default_factory=dict)

    @property
    def mended(self) -> bool:
        """Whether there was anything to mend, done or not."""
        pushed = self.diff or self.rsync or self.remote_merge
        return bool(pushed or self.remove or self.failure or self.deferred)

    def to_recon(self) -> dict[str, object]:
        return asdict(self)

    def summary(self) -> str:
        """What was done, leaving out what was not."""
        names = (
            "no_change",
            "hashmatch",
            "diff",
            "diff_capped",
            "rsync",
            "remote_merge",
            "remove",
            "deferred",
        )
        done = [f"{name} {getattr(self, name)}" for name in names if getattr(self, name)]
        return ", ".join(done) or "nothing to do"


class Counting:
    """Stats of the pass at hand, and the same as metrics."""

    def __init__(self, statsd: Statsd, start: float) -> None:
        self._statsd = statsd
        self.stats = Stats(start)

    def attempted(self) -> None:
        self.stats.attempted += 1
        self._statsd.increment("attempts")

    def went(self, way: Way) -> None:
        name, metric = _OF_WAY[way]
        setattr(self.stats, name, getattr(self.stats, name) + 1)
        self._statsd.increment(metric)

    def capped(self) -> None:
        self.stats.diff_capped += 1
        self._statsd.increment("diff_caps")

    def removed(self, device: str) -> None:
        self.stats.remove += 1
        self._statsd.increment(f"removes.{device}")

    def succeeded(self) -> None:
        self.stats.success += 1
        self._statsd.increment("successes")

    def failed(self, node: Device) -> None:
        self.stats.failure += 1
        by_device = self.stats.failure_nodes.setdefault(node.replication_ip, {})
        by_device[node.device] = by_device.get(node.device, 0) + 1
        self._statsd.increment("failures")

    def took(self, seconds: float) -> None:
        self._statsd.timing("timing", seconds)
