"""The failure domains as a tree: cluster, regions, zones, servers, devices.

Nodes are numbered, parents before children, so that everything computed per node is a plain list.
Devices without weight have a place here too: what they still hold counts against their domains.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .device import Device, Tier

LEVEL_NAMES = ("cluster", "region", "zone", "server", "device")
ROOT = 0


@dataclass(frozen=True, slots=True)
class TierTree:
    """Lists indexed by node number; `path[device id]` are its region, zone, server, device nodes.

    `live[node]` counts the devices with weight at or below the node. `device[node]` is -1 for
    all but the leaves. Children are ordered by name, so equal clusters give equal trees.
    """

    tier: list[Tier]
    parent: list[int]
    children: list[list[int]]
    level: list[int]
    device: list[int]
    live: list[int]
    path: dict[int, tuple[int, int, int, int]]

    @classmethod
    def of(cls, devices: Iterable[Device]) -> TierTree:
        tree = cls([()], [-1], [[]], [0], [-1], [0], {})
        number: dict[Tier, int] = {(): ROOT}
        ordered = sorted(devices, key=lambda d: (d.region, d.zone, d.ip, d.id))
        for level in range(1, 5):
            for device in ordered:
                tier = device.tiers[level - 1]
                if tier not in number:
                    number[tier] = tree._append(tier, number[tier[:-1]], level)
        for device in ordered:
            region, zone, server, leaf = (number[tier] for tier in device.tiers)
            tree.path[device.id] = (region, zone, server, leaf)
            tree.device[leaf] = device.id
            if device.weight > 0:
                for node in (ROOT, region, zone, server, leaf):
                    tree.live[node] += 1
        return tree

    def _append(self, tier: Tier, parent: int, level: int) -> int:
        node = len(self.tier)
        self.tier.append(tier)
        self.parent.append(parent)
        self.children.append([])
        self.level.append(level)
        self.device.append(-1)
        self.live.append(0)
        self.children[parent].append(node)
        return node

    def __len__(self) -> int:
        return len(self.tier)

    def live_children(self, node: int) -> list[int]:
        """The children that have devices with weight."""
        return [child for child in self.children[node] if self.live[child]]

    def summed(self, leaves: dict[int, float]) -> list[float]:
        """Per node the sum over its devices; `leaves` is keyed by device id."""
        sums = [0.0] * len(self)
        for number in sorted(self.path):
            share = leaves.get(number, 0.0)
            for node in (ROOT, *self.path[number]):
                sums[node] += share
        return sums


def tier_name(tier: Tier, devices: Iterable[Device | None] = ()) -> str:
    """A domain as operators read it: r1, r1z2, r1z2-10.0.0.1, r1z2-10.0.0.1/sdb."""
    if not tier:
        return "cluster"
    text = f"r{tier[0]}"
    if len(tier) > 1:
        text += f"z{tier[1]}"
    if len(tier) > 2:
        text += f"-{tier[2]}"
    if len(tier) > 3:
        name = next((d.device for d in devices if d is not None and d.id == tier[3]), f"d{tier[3]}")
        text += f"/{name}"
    return text
