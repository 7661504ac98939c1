"""What a sweep counts, and which containers have waited longest: for log, statsd and recon."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from swiftlite.obj.updater.pendings import Waiting

NAMES = (
    "successes", "failures", "quarantines", "unlinks", "outdated_unlinks", "errors", "redirects",
    "skips", "deferrals", "drains",
)  # fmt: skip


def sentence(counts: Counter[str]) -> str:
    """All counters with Swift's names, as one line."""
    return ", ".join(f"{counts[name]} {name}" for name in NAMES)


class OldestFailures:
    """The oldest undelivered update of each of so many containers."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._oldest: dict[tuple[str, str], float] = {}

    def add(self, failed: Iterable[Waiting]) -> None:
        for one in failed:
            known = self._oldest.get(one.container)
            moment = one.timestamp.seconds
            if known is None or moment < known:
                self._oldest[one.container] = moment
        while len(self._oldest) > self._most:
            del self._oldest[max(self._oldest, key=lambda name: self._oldest[name])]

    def clear(self) -> None:
        self._oldest.clear()

    def as_recon(self, now: float, most: int) -> dict[str, object]:
        """In the form of Swift's `object_updater_stats`."""
        in_order = sorted((moment, name) for name, moment in self._oldest.items())
        oldest = in_order[0][0] if in_order else None
        entries = [
            {"timestamp": moment, "account": name[0], "container": name[1]}
            for moment, name in in_order[:most]
        ]
        return {
            "failures_oldest_timestamp": oldest,
            "failures_oldest_timestamp_age": None if oldest is None else now - oldest,
            "failures_account_container_count": len(in_order),
            "failures_oldest_timestamp_account_containers": {
                "oldest_count": len(entries),
                "oldest_entries": entries,
            },
        }
