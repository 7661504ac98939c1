"""What the recon filters of the storage servers have told, as far as a plan needs it.

A server that does not answer is away with all of its devices; what one without a recon filter has
is not known, and the plan says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from swiftlite.cli.recon.ask import SERVER_TYPE, Reply, Server
from swiftlite.plan.change import Room
from swiftlite.plan.moves import Weight
from swiftlite.ring import Device

PATHS = (
    SERVER_TYPE, "unmounted", "diskusage", "async", "quarantined", "partitions",
    "replication/account", "replication/container", "replication/object",
)  # fmt: skip
RESERVE_PERCENT = 1.0  # fallocate_reserve as it comes
Refuses = Callable[[str, str, str], bool]
"""Whether the server at an address, of a kind, answers 507 for a device."""


@dataclass(frozen=True, slots=True)
class Pass:
    """The last replication that a server's node came to the end of. failed: by replication
    address and device, how often that device could not be brought up to date."""

    began: float
    ended: float
    attempted: int
    failures: int
    failed: Mapping[tuple[str, str], int]


@dataclass(slots=True)
class Told:
    """kinds: of the servers asked. silent: those that do not answer, and why. passes: by server.
    partitions: by server, then by directory (objects, objects-1, containers, accounts) and device,
    what each partition weighs."""

    kinds: Mapping[Server, str]
    silent: dict[Server, str] = field(default_factory=dict)
    mute: list[Server] = field(default_factory=list)
    unmounted: dict[Server, dict[str, str]] = field(default_factory=dict)
    rooms: dict[tuple[Server, str], Room] = field(default_factory=dict)
    passes: dict[Server, Pass] = field(default_factory=dict)
    partitions: dict[Server, dict[str, dict[str, Measured]]] = field(default_factory=dict)
    pendings: dict[Server, int] = field(default_factory=dict)
    quarantined: dict[Server, int] = field(default_factory=dict)

    def why_out(self, device: Device) -> str | None:
        if device.address in self.silent:
            return "its server does not answer"
        return self.unmounted.get(device.address, {}).get(device.device)

    def is_full(self, device: Device) -> bool:
        room = self.rooms.get((device.address, device.device))
        if room is None or not room.size:
            return False
        return 100 * (room.size - room.used) <= RESERVE_PERCENT * room.size


@dataclass(frozen=True, slots=True)
class Measured:
    """A device's partitions: count, and bytes and files in all; each: by partition."""

    count: int
    total: Weight
    each: Mapping[int, Weight]


def read(
    kinds: Mapping[Server, str], replies: Mapping[str, Sequence[Reply]], refuses: Refuses
) -> Told:
    """Understand what was answered; what is strange counts as not told."""
    told = Told(kinds)
    for reply in replies[SERVER_TYPE]:
        if reply.status == -1:
            told.silent[reply.server] = str(reply.content)
    for reply in replies["unmounted"]:
        if reply.ok and isinstance(reply.content, list):
            told.unmounted[reply.server] = dict(_unmounted(reply, kinds[reply.server], refuses))
        elif reply.server not in told.silent:
            told.mute.append(reply.server)
    for reply in _good(replies["diskusage"], list):
        for one in _dicts(reply.content):
            size, used, free = (one.get(key) for key in ("size", "used", "avail"))
            if isinstance(size, int) and isinstance(free, int) and isinstance(used, int):
                told.rooms[reply.server, str(one.get("device"))] = Room(size, size - free)
    for kind in ("account", "container", "object"):
        for reply in _good(replies[f"replication/{kind}"], dict):
            found = _pass(reply.content, kind)
            if kinds[reply.server] == kind and found is not None:
                told.passes[reply.server] = found
    for reply in _good(replies["partitions"], dict):
        told.partitions[reply.server] = _partitions(reply.content.get("partitions"))
    for reply in _good(replies["async"], dict):
        waiting = reply.content.get("async_pending")
        if kinds[reply.server] == "object" and isinstance(waiting, int):
            told.pendings[reply.server] = waiting
    for reply in _good(replies["quarantined"], dict):
        counts = (reply.content.get(name) for name in ("accounts", "containers", "objects"))
        told.quarantined[reply.server] = sum(n for n in counts if isinstance(n, int))
    return told


def _good(replies: Sequence[Reply], kind: type) -> Iterator[Reply]:
    return (reply for reply in replies if reply.ok and isinstance(reply.content, kind))


def _unmounted(reply: Reply, kind: str, refuses: Refuses) -> Iterator[tuple[str, str]]:
    for one in _dicts(reply.content):
        name, mounted = str(one.get("device")), one.get("mounted")
        if refuses(reply.netloc, kind, name):  # a sandbox has no mounts, and mount_check = false
            yield name, "not mounted" if mounted is False else f"broken: {mounted}"


def _pass(content: Mapping[str, Any], kind: str) -> Pass | None:
    took, ended = content.get("replication_time"), content.get("replication_last")
    if kind == "object":
        took = content.get("object_replication_time", took)
        ended = content.get("object_replication_last", ended)
        took = took * 60 if isinstance(took, int | float) else None  # it tells minutes
    if not isinstance(took, int | float) or not isinstance(ended, int | float) or not ended:
        return None
    stats = content.get("replication_stats")
    stats = stats if isinstance(stats, dict) else {}
    failed = {
        (str(ip), str(device)): times
        for ip, devices in _items(stats.get("failure_nodes"))
        for device, times in _items(devices)
        if isinstance(times, int) and times
    }
    attempted, failures = stats.get("attempted") or 0, stats.get("failure") or 0
    return Pass(ended - took, ended, attempted, failures, failed)


def _partitions(content: object) -> dict[str, dict[str, Measured]]:
    """{device: {directory: {"count": n, "bytes": b, "files": f, "each": {partition: [b, f]}}}}"""
    found: dict[str, dict[str, Measured]] = {}
    for device, directories in _items(content):
        for directory, one in _items(directories):
            with suppress(TypeError, ValueError, KeyError):
                each = {int(p): Weight(*pair) for p, pair in _items(one["each"])}
                total = Weight(one["bytes"], one["files"])
                found.setdefault(directory, {})[device] = Measured(one["count"], total, each)
    return found


def _dicts(content: list[Any]) -> Iterator[dict[str, Any]]:
    return (one for one in content if isinstance(one, dict))


def _items(content: object) -> Iterator[tuple[str, Any]]:
    return iter(content.items() if isinstance(content, dict) else ())
