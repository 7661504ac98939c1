"""What a pass has to do, from what lies on the devices and what the rings say. Pure.

A partition whose primaries are all elsewhere is a handoff here: pushed to them, then let go of.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, MutableSequence
from dataclasses import dataclass, field
from typing import NamedTuple

from swiftlite.formats.ondisk_names import is_partition
from swiftlite.formats.suffix_hashes import SuffixHash
from swiftlite.ring import Device, Ring

BATCH = 128
"""Partitions of one device that are compared together."""
RELIST_EVERY = 10
"""One partition of so many is listed anew in each pass, for suffixes that nobody marked."""


@dataclass(frozen=True, slots=True)
class Job:
    """One partition on one device. targets: the primaries elsewhere."""

    policy_index: int
    device: Device
    partition: int
    targets: tuple[Device, ...]
    is_handoff: bool


def job_for(ring: Ring, policy_index: int, device: Device, partition: int) -> Job:
    primaries = ring.primaries(partition)
    targets = tuple(primary for primary in primaries if primary.id != device.id)
    return Job(policy_index, device, partition, targets, len(targets) == len(primaries))


@dataclass(slots=True)
class Share:
    """All partitions of a policy on a device, in four bytes each."""

    policy_index: int
    device: Device
    primaries: array[int] = field(default_factory=lambda: array("I"))
    handoffs: array[int] = field(default_factory=lambda: array("I"))
    beyond: list[int] = field(default_factory=list)  # the ring has no such partition

    def __len__(self) -> int:
        return len(self.primaries) + len(self.handoffs)


def share_of(
    ring: Ring,
    policy_index: int,
    device: Device,
    names: Iterable[str],
    wanted: Collection[int] = (),
) -> Share:
    """names: of what is in the policy's directory. wanted: only these partitions; empty: all."""
    share = Share(policy_index, device)
    for name in names:
        if not is_partition(name) or name != str(int(name)):
            continue
        partition = int(name)
        if wanted and partition not in wanted:
            continue
        if partition >= ring.partition_count:
            share.beyond.append(partition)
        elif any(primary.id == device.id for primary in ring.primaries(partition)):
            share.primaries.append(partition)
        else:
            share.handoffs.append(partition)
    return share


class Batch(NamedTuple):
    """Some partitions of a device, all of one kind."""

    policy_index: int
    device: Device
    partitions: tuple[int, ...]
    are_handoffs: bool


Shuffle = Callable[[MutableSequence[int]], None]


def batches(
    shares: Iterable[Share], shuffle: Shuffle, *, handoffs_first: bool, size: int = BATCH
) -> Iterator[Batch]:
    """Everything once, in an order that spreads over devices and that no two nodes share."""
    all_shares = list(shares)
    for share in all_shares:
        shuffle(share.primaries)
        shuffle(share.handoffs)
    handoffs = [_cut(share, share.handoffs, size, True) for share in all_shares]
    primaries = [_cut(share, share.primaries, size, False) for share in all_shares]
    if handoffs_first:
        yield from _in_turn(handoffs)
        yield from _in_turn(primaries)
    else:
        yield from _in_turn([*handoffs, *primaries])


def _cut(share: Share, partitions: array[int], size: int, are_handoffs: bool) -> Iterator[Batch]:
    for at in range(0, len(partitions), size):
        some = tuple(partitions[at : at + size])
        yield Batch(share.policy_index, share.device, some, are_handoffs)


def _in_turn(sources: list[Iterator[Batch]]) -> Iterator[Batch]:
    while sources:
        for source in list(sources):
            batch = next(source, None)
            if batch is None:
                sources.remove(source)
            else:
                yield batch


def is_relisted(partition: int, cycle: int) -> bool:
    return (partition + cycle) % RELIST_EVERY == 0


def differing(local: Mapping[str, SuffixHash], remote: Mapping[str, SuffixHash]) -> list[str]:
    """Suffixes of ours that the other side lacks or has otherwise. What only it has is its own
    to push. A hash that is not known differs from everything but another unknown one."""
    missing = object()
    return sorted(s for s, digest in local.items() if remote.get(s, missing) != digest)


def needed(targets: int, handoff_delete: int) -> int:
    """Primaries that must have a handoff before it may go. handoff_delete: 0 means all."""
    return min(handoff_delete, targets) if handoff_delete else targets
