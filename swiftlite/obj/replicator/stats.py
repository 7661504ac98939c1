"""What a pass has done, per device; under the names that recon's readers know. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from swiftlite.ring import Device

COUNTS = (
    "attempted", "failure", "hashmatch", "remove", "rsync", "success", "suffix_count",
    "suffix_hash", "suffix_sync",
)  # fmt: skip
RECON_FILE = "object.recon"
PER_DISK = "object_replication_per_disk"


@dataclass(slots=True)
class Stats:
    """rsync counts pushes, whatever their method; suffix_hash those that had to be computed."""

    attempted: int = 0
    failure: int = 0
    hashmatch: int = 0
    remove: int = 0
    rsync: int = 0
    success: int = 0
    suffix_count: int = 0
    suffix_hash: int = 0
    suffix_sync: int = 0
    failure_nodes: dict[str, dict[str, int]] = field(default_factory=dict)

    @property
    def mended(self) -> bool:
        """Whether there was anything to mend, done or not."""
        return bool(self.rsync or self.remove or self.failure)

    def finish_job(self, tried: Iterable[Device], failed: Iterable[Device]) -> None:
        """Count the devices of a job, each once."""
        failures = {(device.replication_ip, device.device) for device in failed}
        targets = {(device.replication_ip, device.device) for device in tried}
        self.success += len(targets - failures)
        self.failure += len(failures)
        for ip, name in failures:
            at_ip = self.failure_nodes.setdefault(ip, {})
            at_ip[name] = at_ip.get(name, 0) + 1

    def add(self, counts: Mapping[str, object]) -> None:
        """Add what to_recon() of another gave; strange values count as nothing."""
        for name in COUNTS:
            value = counts.get(name)
            setattr(self, name, getattr(self, name) + (value if isinstance(value, int) else 0))
        nodes = counts.get("failure_nodes")
        for ip, devices in nodes.items() if isinstance(nodes, dict) else ():
            at_ip = self.failure_nodes.setdefault(ip, {})
            for name, count in devices.items() if isinstance(devices, dict) else ():
                at_ip[name] = at_ip.get(name, 0) + count

    def to_recon(self) -> dict[str, object]:
        found: dict[str, object] = {name: getattr(self, name) for name in COUNTS}
        found["failure_nodes"] = {ip: dict(names) for ip, names in self.failure_nodes.items()}
        return found


def total(every: Iterable[Stats]) -> Stats:
    whole = Stats()
    for one in every:
        whole.add(one.to_recon())
    return whole


def recon_of(stats: Stats, minutes: float, ended: float) -> dict[str, object]:
    """What recon keeps of a pass. ended: wall time in seconds."""
    return {
        "replication_stats": stats.to_recon(),
        "replication_time": minutes,
        "replication_last": ended,
        "object_replication_time": minutes,
        "object_replication_last": ended,
    }


def recon_of_workers(per_disk: object, devices: Iterable[str]) -> dict[str, object]:
    """The node's entry once each device's worker has left its own: sums, and the oldest times."""
    entries = per_disk if isinstance(per_disk, dict) else {}
    found = [entries[name] for name in devices if isinstance(entries.get(name), dict)]
    if not found or len(found) < len(set(devices)):
        return {}
    whole = Stats()
    for entry in found:
        counts = entry.get("replication_stats")
        whole.add(counts if isinstance(counts, dict) else {})
    minutes = min(float(entry.get("object_replication_time") or 0.0) for entry in found)
    ended = min(float(entry.get("object_replication_last") or 0.0) for entry in found)
    return recon_of(whole, minutes, ended)
