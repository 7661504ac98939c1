"""What another ring moves: which partitions to which devices, and how many bytes. Pure.

Every replica that a device is newly given is copied to it, by whoever has it; every replica that a
device gives up is removed there once all of the partition's devices have it. So what a device
receives is known exactly, and who sends it only in the mean: all holders try, the first one wins.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from swiftlite.plan.shortage import Progress, silent
from swiftlite.ring import Device, Ring

_EVERY = 1 << 14


class Weight(NamedTuple):
    """Of a partition: bytes as they lie on a disk, and objects (or databases)."""

    bytes: float
    files: float


@dataclass(frozen=True, slots=True)
class Sizes:
    """What partitions weigh: those that were measured, and the mean for all others."""

    mean: Weight
    measured: Mapping[int, Weight] = field(default_factory=dict)
    is_complete: bool = False

    @property
    def quality(self) -> str:
        """measured, estimated or unknown."""
        if self.is_complete:
            return "measured"
        return "estimated" if self.mean.bytes else "unknown"

    def of(self, partition: int) -> Weight:
        if self.is_complete:
            return self.measured.get(partition, Weight(0, 0))
        return self.measured.get(partition, self.mean)


class Move(NamedTuple):
    """A replica that a device is newly given. sources: who has the partition now. Ids are
    those of both rings."""

    partition: int
    target: int
    sources: tuple[int, ...]


@dataclass(slots=True)
class Flow:
    """One device: replicas and bytes that it receives and gives up, and has before and after."""

    device: Device
    receives: int = 0
    gives: int = 0
    bytes_in: float = 0.0
    bytes_out: float = 0.0
    bytes_before: float = 0.0
    bytes_after: float = 0.0


@dataclass(slots=True)
class Moves:
    """flows: by device id. links: bytes by sender's and receiver's address, as they come in the
    mean. moving[n]: partitions that n devices are newly given. giving: by device, the partitions
    that it gives up. orphans: partitions that nobody in the new ring has: they are not copied."""

    flows: dict[int, Flow]
    moves: list[Move] = field(default_factory=list)
    links: dict[tuple[str, str], float] = field(default_factory=dict)
    regions: dict[tuple[int, int], float] = field(default_factory=dict)
    moving: Counter[int] = field(default_factory=Counter)
    giving: dict[int, set[int]] = field(default_factory=dict)
    orphans: int = 0

    @property
    def bytes(self) -> float:
        return sum(flow.bytes_in for flow in self.flows.values())


class RingsDiffer(ValueError):
    """The two are not one ring before and after; the message says why."""


def moves_between(
    old: Ring,
    new: Ring,
    sizes: Sizes,
    *,
    out: frozenset[int] = frozenset(),
    progress: Progress = silent,
) -> Moves:
    """out: devices that send nothing; nor do those that the new ring has no more, whose
    replicators do not look at them. Raises RingsDiffer for another part power."""
    if old.partition_count != new.partition_count:
        raise RingsDiffer(
            f"it has {new.partition_count} partitions and the ring in force {old.partition_count}:"
            " the part power is changed by swiftlite-ring-builder prepare_increase_partition_power"
            " and what follows it, not by replication"
        )
    moved_addresses(old, new)
    found = Moves({device.id: Flow(device) for device in (*_present(old), *_present(new))})
    devices = {number: flow.device for number, flow in found.flows.items()}
    silent_ones = out | (devices.keys() - {device.id for device in _present(new)})
    total = new.partition_count
    for partition in range(total):
        if partition % _EVERY == 0:
            progress("weighing what moves", partition, total)
        before = set(old.table.ids(partition))
        after = set(new.table.ids(partition))
        weight = sizes.of(partition)
        for number in before:
            found.flows[number].bytes_before += weight.bytes
        for number in after:
            found.flows[number].bytes_after += weight.bytes
        if before != after:
            _note(found, devices, partition, before, after, weight, silent_ones)
    progress("weighing what moves", total, total)
    return found


def _note(
    found: Moves,
    devices: Mapping[int, Device],
    partition: int,
    before: set[int],
    after: set[int],
    weight: Weight,
    silent_ones: frozenset[int],
) -> None:
    arriving, leaving = sorted(after - before), sorted(before - after)
    sources = tuple(sorted(before - silent_ones))
    if arriving:
        found.moving[len(arriving)] += 1
        found.orphans += not sources
    for number in leaving:
        flow = found.flows[number]
        flow.gives += 1
        flow.bytes_out += weight.bytes
        found.giving.setdefault(number, set()).add(partition)
    for number in arriving:
        flow = found.flows[number]
        flow.receives += 1
        flow.bytes_in += weight.bytes if sources else 0
        found.moves.append(Move(partition, number, sources))
        for source in sources:
            share = weight.bytes / len(sources)
            from_device, to_device = devices[source], devices[number]
            link = from_device.replication_ip, to_device.replication_ip
            found.links[link] = found.links.get(link, 0.0) + share
            far = from_device.region, to_device.region
            found.regions[far] = found.regions.get(far, 0.0) + share


def moved_addresses(old: Ring, new: Ring) -> list[tuple[Device, Device]]:
    """Devices that keep id and name at another address. Raises RingsDiffer for an id that means
    another device now."""
    found = []
    for before, after in zip(old.devices, new.devices, strict=False):
        if before is None or after is None or before.address == after.address:
            continue
        if before.device != after.device:
            raise RingsDiffer(
                f"device {before.id} is {before.ip}/{before.device} in the ring in force and"
                f" {after.ip}/{after.device} in this one: it is of another builder, or a ring"
                " between the two was never put in force"
            )
        found.append((before, after))
    return found


def _present(ring: Ring) -> Iterator[Device]:
    return (device for device in ring.devices if device is not None)
