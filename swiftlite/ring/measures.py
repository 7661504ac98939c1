"""Two numbers that say how good an assignment is, and the table behind the second.

Balance: how far the worst device is from its share by weight, in percent. Dispersion: the share
of replicas that stand closer together than the domains would allow, in percent. Zero is best for
both. Both mean what they mean in Swift, except that dispersion counts every partition where the
replica count is fractional (Swift stops at the end of the short row).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress

from .crowded import company
from .device import Device, Tier
from .tiers import TierTree
from .wanted import equal_shares

BALANCE_MAX = 999.99  # A device without weight that still holds partitions.


def part_counts(rows: Iterable[Sequence[int]]) -> dict[int, int]:
    """Partitions held, by device id."""
    counts: Counter[int] = Counter()
    for row in rows:
        counts.update(row)
    return dict(counts)


def ideal_parts(devices: Iterable[Device], slots: float) -> dict[int, float]:
    """Each device's share of all `slots` by weight alone, by device id."""
    listed = list(devices)
    total = sum(device.weight for device in listed)
    if not total:
        return {device.id: 0.0 for device in listed}
    return {device.id: slots * device.weight / total for device in listed}


def balances(devices: Iterable[Device], held: Mapping[int, int], slots: float) -> dict[int, float]:
    """Per device id: percent above (or below) its share by weight."""
    listed = list(devices)
    ideal = ideal_parts(listed, slots)
    result: dict[int, float] = {}
    for device in listed:
        count = held.get(device.id, 0)
        if not device.weight:
            result[device.id] = BALANCE_MAX if count else 0.0
        elif not ideal[device.id]:
            result[device.id] = 0.0
        else:
            result[device.id] = 100.0 * count / ideal[device.id] - 100.0
    return result


def worst_balance(per_device: Mapping[int, float]) -> float:
    """The balance of a ring: the largest deviation of a device, either way."""
    return max((abs(value) for value in per_device.values()), default=0.0)


@dataclass(frozen=True, slots=True)
class Dispersion:
    """`percent` of replicas at risk; `graph[tier][n]` partitions with n replicas in that tier;
    `allowed[tier]` the most replicas that may share it. `partitions_at_risk` have any."""

    percent: float
    graph: dict[Tier, list[int]]
    allowed: dict[Tier, int]
    partitions_at_risk: int


def dispersion(
    tree: TierTree,
    rows: Sequence[Sequence[int]],
    held: Mapping[int, int],
    parts: int,
    replicas: float,
    hole: int,
) -> Dispersion:
    """Looks at every partition; rows hold `hole` where there is no replica."""
    allowed = [int(share) for share in equal_shares(tree, replicas, whole=True)]
    depth = len(rows) + 1
    graph = [[0] * depth for _ in range(len(tree))]
    totals = [int(count) for count in tree.summed({n: float(c) for n, c in held.items()})]
    at_risk: dict[int, int] = {}
    shared = [0] * len(tree)  # replicas already counted with company
    for _, partitions, nodes in company(rows, tree, parts, hole):
        excess: dict[tuple[int, ...], int] = {}
        for combo, count in Counter(nodes).items():
            over = 0
            for node, replicas_here in Counter(combo).items():
                if node < 0:
                    continue
                if replicas_here > 1:
                    graph[node][replicas_here] += count
                    shared[node] += count * replicas_here
                over += max(0, replicas_here - allowed[node])
            if over:
                excess[combo] = over
        if excess:
            guilty = list(map(excess.__contains__, nodes))
            for partition, combo in zip(
                compress(partitions, guilty), compress(nodes, guilty), strict=True
            ):
                at_risk[partition] = max(at_risk.get(partition, 0), excess[combo])
    for node in range(1, len(tree)):
        graph[node][1] = totals[node] - shared[node]
        graph[node][0] = parts - sum(graph[node][1:])
    seen = {tree.tier[node]: graph[node] for node in range(1, len(tree)) if totals[node]}
    return Dispersion(
        percent=100.0 * sum(at_risk.values()) / (parts * replicas),
        graph=seen,
        allowed={tree.tier[node]: allowed[node] for node in range(1, len(tree))},
        partitions_at_risk=len(at_risk),
    )
