"""How many replicas of a partition each failure domain should hold.

Three answers, in replicas per partition (fractions allowed) for every node of a TierTree:
by weight alone; as far apart as the domains allow; and between the two, as far towards the second
as the overload lets a device exceed its weight. Nothing here knows partitions.

Sums are taken in the order of device ids, what is left over is shared out in rounds: as OpenStack
Swift does it, so that targets equal its own to the last bit. A share that comes to a whole number
of partitions there, or falls short of one by a hair, does so here (see plain.rough_quotas).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor

from .errors import ImpossiblePlan
from .tiers import ROOT, TierTree

NEARLY = 1e-9  # Sums of thousands of floats differ from whole numbers by less.
HAIR = 1e-10  # Replicas per partition: so little may be left over.
TINY = 1e-300  # A share that weight makes smaller vanishes, and could not grow.


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
            required = max(required, (dispersed[leaf] - weighted[leaf]) / weighted[leaf])
    if required <= 0:
        target = list(dispersed)
    else:
        extra = min(overload, required)
        target = [(d - w) / required * extra + w for w, d in zip(weighted, dispersed, strict=True)]
    return Plan(
        tree=tree,
        weighted=weighted,
        dispersed=dispersed,
        target=target,
        most=[ceil(t - NEARLY) for t in target],
        least=[floor(t + NEARLY) for t in target],
        allowed=equal_shares(tree, replicas, whole=True),
        overload=overload,
        required_overload=required if required > NEARLY else 0.0,
    )


def by_weight(weights: Mapping[int, float], replicas: float) -> dict[int, float]:
    """Replicas per device id, proportional to weight, but never more than one of a partition.

    What a heavy device cannot take goes to the others in proportion.
    """
    live = {number: weight for number, weight in sorted(weights.items()) if weight > 0}
    if not live:
        raise ImpossiblePlan("there are no devices with weight in this builder")
    if len(live) < replicas:
        raise ImpossiblePlan(
            f"{replicas:g} replicas need at least {ceil(replicas)} devices with weight,"
            f" and there are {len(live)}"
        )
    each = replicas / sum(live.values())
    shares = {number: min(1.0, max(weight * each, TINY)) for number, weight in live.items()}
    while (missing := replicas - sum(shares.values())) >= HAIR:
        growth = 1 + missing / sum([share for share in shares.values() if share < 1])
        shares = {number: min(1.0, share * growth) for number, share in shares.items()}
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
        least = [min(floor(equal[c]), r) for c, r in zip(children, room, strict=True)]
        most = [min(ceil(equal[c]), r) for c, r in zip(children, room, strict=True)]
        shares = poured(placed[node], weights, least, most, room)
        for child, share in zip(children, shares, strict=True):
            placed[child] = share
    return placed


def poured(
    amount: float,
    weights: Sequence[float],
    least: Sequence[float],
    most: Sequence[float],
    room: Sequence[float],
) -> list[float]:
    """`amount` shared in proportion to weight as far as each share's bounds allow.

    `most` gives way to `room` where it would leave something over. What bounds cut off or add is
    made good by those that still can, in rounds; each round but the last brings one to its bound.
    """
    shares = [0.0] * len(weights)
    able, left = list(range(len(weights))), amount
    while abs(left) > HAIR and able:
        level = left / sum([weights[at] for at in able])
        for at in able:
            shares[at] = min(most[at], max(least[at], shares[at] + weights[at] * level))
        left = amount - sum(shares)
        if left < 0:
            able = [at for at, share in enumerate(shares) if share > least[at]]
            continue
        able = [at for at, share in enumerate(shares) if share < most[at]]
        if not able:
            most = room
            able = [at for at, share in enumerate(shares) if share < most[at]]
    return shares
