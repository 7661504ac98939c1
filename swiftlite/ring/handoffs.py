"""Which devices come after the primaries of a partition: Swift's order, device for device.

The order is part of the contract between nodes: it says where data lies that could not reach its
primaries. Source: doc/formats/ring-file.md, "Handoffs".
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from struct import unpack_from

from .device import Device, Handoff
from .table import Table

LEVELS = 4  # region, zone, ip, device: each walk looks for what is new at its level


@dataclass(frozen=True, slots=True)
class Breadth:
    """How many regions, zones, addresses and devices hold partitions.

    `keys[device id][level]` names the device's domain at that level, as a small number.
    """

    totals: tuple[int, int, int, int]
    keys: Sequence[tuple[int, int, int, int]]

    @classmethod
    def of(cls, devices: Sequence[Device | None], assigned: frozenset[int]) -> Breadth:
        numbers: dict[object, int] = {}
        keys: list[tuple[int, int, int, int]] = []
        seen: tuple[set[int], ...] = (set(), set(), set(), set())
        for place, device in enumerate(devices):
            if device is None:
                keys.append((-1, -1, -1, -1))
                continue
            region, zone, ip, _ = (numbers.setdefault(tier, len(numbers)) for tier in device.tiers)
            key = (region, zone, ip, place)
            keys.append(key)
            if place in assigned:
                for level in range(LEVELS):
                    seen[level].add(key[level])
        return cls((len(seen[0]), len(seen[1]), len(seen[2]), len(seen[3])), tuple(keys))


def handoffs(
    table: Table,
    part_shift: int,
    devices: Sequence[Device | None],
    breadth: Breadth,
    partition: int,
) -> Iterator[Handoff]:
    """The partition's handoffs, found one at a time as they are asked for."""
    flat, width, nothing, keys = table.flat, table.row_count, table.nothing, breadth.keys
    parts = table.partition_count
    seen: list[set[int]] = [set(), set(), set(), set()]
    for number in table.ids(partition):
        for level in range(LEVELS):
            seen[level].add(keys[number][level])
    used = seen[3]
    digest = hashlib.md5(b"%d" % partition, usedforsecurity=False).digest()
    start: int = unpack_from(">I", digest)[0] >> part_shift
    step = max(1, parts // 65536)
    second = step - (parts - start) % step  # With step 1 this is 1: partition 0 is passed over.
    handoff_index = 0
    for level, total in enumerate(breadth.totals):
        reached = seen[level]
        if len(reached) == total:
            continue
        for place in chain(range(start, parts, step), range(second, start, step)):
            at = place * width
            for number in flat[at : at + width]:
                if number in used or number == nothing or keys[number][level] in reached:
                    continue
                device = devices[number]
                assert device is not None
                yield Handoff(device, handoff_index)
                handoff_index += 1
                for deeper in range(level, LEVELS):
                    seen[deeper].add(keys[number][deeper])
                if len(reached) == total:
                    break
            if len(reached) == total:
                break
