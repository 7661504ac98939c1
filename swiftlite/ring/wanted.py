"""How many replicas of a partition each failure domain should hold.

Three answers, in replicas per partition (fractions allowed) for every node of a TierTree:
by weight alone; as far apart as the domains allow; and between the two, as far towards the second
as the overload lets a device exceed its weight. Nothing here knows partitions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor

from .errors import ImpossiblePlan
from .tiers import ROOT, TierTree

NEARLY = 1e-9  # Sums of thousands of floats differ from whole numbers by less.


@dataclass(frozen=True, slots=True)
class Plan:
    """Per node of `tree`: the replicas meant for it, the most and least of one partition, and how
    many of one partition are `allowed` there before they count as too close together."""

    tree: TierTree
    weighted: list[float]
    dispersed: list[float]
    target: list[float]
    most: list[int]
    least: list[int]
    allowed: list[float]
    overload: float
    required_overload: float


def make_plan(
    tree: TierTree, weights: Mapping[int, float], replicas: float, overload: float
) -> Plan:
    """The plan that a rebalance follows. Raises ImpossiblePlan."""
    weighted = tree.summed(by_weight(weights, replicas))
    dispersed = far_apart(tree, weighted, replicas)
    required = 0.0
    for leaf, number in enumerate(tree.device):
        if number >= 0 and weighted[leaf] > 0:
            required = max(required, dispersed[leaf] / weighted[leaf] - 1)
    if required <= NEARLY:
        target = list(dispersed)
    else:
        part = min(overload, required) / required
        target = [w + (d - w) * part for w, d in zip(weighted, dispersed, strict=True)]
    return Plan(
        tree=tree,
        weighted=weighted,
        dispersed=dispersed,
        target=target,
        most=[ceil(t - NEARLY) for t in target],
        least=[floor(t + NEARLY) for t in target],
        allowed=equal_shares(tree, replicas, whole=True),
        overload=overload,
        required_overload=required,
    )


def by_weight(weights: Mapping[int, float], replicas: float) -> dict[int, float]:
    """Replicas per device id, proportional to weight, but never more than one of a partition.

    What a heavy device cannot take goes to the others in proportion.
    """
    live = {number: weight for number, weight in weights.items() if weight > 0}
    if not live:
        raise ImpossiblePlan("there are no devices with weight in this builder")
    if len(live) < replicas:
        raise ImpossiblePlan(
            f"{replicas:g} replicas need at least {ceil(replicas)} devices with weight,"
            f" and there are {len(live)}"
        )
    shares: dict[int, float] = {}
    missing, total = replicas, sum(live.values())
    for number, weight in sorted(live.items(), key=lambda item: (-item[1], item[0])):
        if missing * weight >= total * (1 - 1e-12):
            shares[number] = 1.0
            missing -= 1.0
            total -= weight
        else:
            shares[number] = missing * weight / total
    return shares


def equal_shares(tree: TierTree, replicas: float, *, whole: bool) -> list[float]:
    """Replicas per node if every domain split them equally among its live children.

    With `whole`, rounded up at every level: the most that a domain may hold of one partition
    before its replicas count as too close together. A device never more than one.
    """
    shares = [0.0] * len(tree)
    shares[ROOT] = replicas
    for node in range(len(tree)):
        children = tree.live_children(node)
        for child in children:
            share = shares[node] / len(children)
            if whole:
                share = ceil(share)
            shares[child] = min(1.0, share) if tree.device[child] >= 0 else share
    return shares


def far_apart(tree: TierTree, weighted: Sequence[float], replicas: float) -> list[float]:
    """Replicas per node when staying apart comes first and weight second."""
    equal = equal_shares(tree, replicas, whole=False)
    placed = [0.0] * len(tree)
    placed[ROOT] = replicas
    for node in range(len(tree)):
        children = tree.live_children(node)
        if not children or not placed[node]:
            continue
        weights = [weighted[child] for child in children]
        room = [float(tree.live[child]) for child in children]
        least = [min(floor(equal[c] + NEARLY), r) for c, r in zip(children, room, strict=True)]
        most = [min(ceil(equal[c] - NEARLY), r) for c, r in zip(children, room, strict=True)]
        amount = placed[node]
        if sum(most) < amount - NEARLY:
            least, most = most, room
        elif sum(least) > amount + NEARLY:
            least = [0.0] * len(children)
        for child, share in zip(children, poured(amount, weights, least, most), strict=True):
            placed[child] = share
    return placed


def poured(
    amount: float, weights: Sequence[float], least: Sequence[float], most: Sequence[float]
) -> list[float]:
    """`amount` shared in proportion to weight as far as each share's bounds allow.

    Share i is min(most, max(least, level * weight)) for one common level: like water poured into
    vessels, which keeps the largest excess over the proportional share as small as can be.
    """
    turns = sorted(
        {b / w for bounds in (least, most) for b, w in zip(bounds, weights, strict=True)} | {0.0}
    )

    def shares(level: float) -> list[float]:
        return [
            min(high, max(low, level * weight))
            for low, high, weight in zip(least, most, weights, strict=True)
        ]

    first, last = 0, len(turns) - 1
    if sum(shares(turns[last])) <= amount:
        return shares(turns[last])
    while last - first > 1:
        middle = (first + last) // 2
        if sum(shares(turns[middle])) <= amount:
            first = middle
        else:
            last = middle
    below, above = sum(shares(turns[first])), sum(shares(turns[last]))
    if above <= below:
        return shares(turns[first])
    level = turns[first] + (turns[last] - turns[first]) * (amount - below) / (above - below)
    return shares(level)
