"""A ring and how its devices stand: who holds a partition, and whom a client would find.

Copies on handoffs are counted only where an earlier ring says that they are there: what else lies
on handoffs nobody has told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple

from swiftlite.ring import Device, Ring


class Disk(NamedTuple):
    """What an operator pulls: the same in every ring that names it."""

    ip: str
    device: str

    def __str__(self) -> str:
        return f"{self.ip}/{self.device}"


def disk_of(device: Device) -> Disk:
    return Disk(device.ip, device.device)


@dataclass(frozen=True, slots=True)
class Standing:
    """One ring now. Device ids are the ring's.

    quorum: answers that make a write done. needed: copies that a read takes, one but for erasure
    codes. out: devices that can be neither read nor written, and why. full: those that cannot be
    written. lacking: those that the last passes could not bring up to date, and why. earlier: the
    ring before, where replication has not come to an end since this one; None where it has, or,
    with settled False, where that ring is not known.
    """

    name: str
    ring: Ring
    quorum: int
    needed: int = 1
    out: Mapping[int, str] = field(default_factory=dict)
    full: frozenset[int] = frozenset()
    lacking: Mapping[int, str] = field(default_factory=dict)
    settled: bool = True
    earlier: Standing | None = None

    @property
    def kind(self) -> str:
        return self.name.partition("-")[0]

    @property
    def replicas(self) -> int:
        """Of the partitions that have most."""
        return self.ring.table.row_count

    @property
    def is_guessed(self) -> bool:
        """Whether it is not known who holds the partitions that the last ring moved."""
        if self.settled:
            return False
        return self.earlier is None or self.earlier.is_guessed

    @property
    def asked(self) -> int:
        """How many devices a proxy asks for a request at least: request_node_count as it comes,
        2 * replicas, of the partition."""
        return 2 * int(self.ring.replica_count)

    def primaries(self, partition: int) -> list[int]:
        return list(dict.fromkeys(self.ring.table.ids(partition)))

    def holders(self, partition: int) -> set[int]:
        """Devices that are there and have the partition, those among them that may lack some of
        it. Where it is not known which replica the last ring moved, that one is counted by
        whoever asks."""
        if self.settled or self.earlier is None:
            found = set(self.primaries(partition))
        else:
            found = self.earlier.holders(partition)
        return {number for number in found if number not in self.out and self.has(number)}

    def has(self, number: int) -> bool:
        """A device that has left the ring is asked by nobody, whatever it holds."""
        return number < len(self.ring.devices) and self.ring.devices[number] is not None

    def in_order(self, partition: int) -> Iterator[int]:
        """The devices that a proxy asks, those that do not answer among them."""
        primaries = self.primaries(partition)
        yield from primaries
        for handoff in islice(self.ring.handoffs(partition), len(primaries)):
            yield handoff.device.id

    def found(self, partition: int) -> set[int]:
        """The holders that a client's request would come to."""
        holders = self.holders(partition)
        primaries = set(self.primaries(partition))
        if holders <= primaries:
            return holders
        return holders.intersection(self.in_order(partition))

    def takes_writes(self, partition: int, without: frozenset[int]) -> bool:
        """Whether a quorum of the devices that a proxy would ask can take a write."""
        bad = without | self.full
        able = 0
        for number in self.in_order(partition):
            if number not in bad and number not in self.out:
                able += 1
                if able >= self.quorum:
                    return True
        return False

    def describe(self, number: int) -> str:
        """10.0.0.3/sdb, with what is wrong with it."""
        device = self.ring.devices[number]
        assert device is not None
        why = self.out.get(number) or self.lacking.get(number)
        return f"{disk_of(device)} ({why})" if why else str(disk_of(device))
