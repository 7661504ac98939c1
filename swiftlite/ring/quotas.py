"""Whole numbers of partitions for every device, from the plan's fractions.

A domain meant to hold exactly one replica of everything does so. Among all such roundings the worst
relative error of a device is the smallest possible (as far as it is beyond the overload); among
those, domains that weight crowds are rounded down where they can be, and then the choice stays as
close as it can to what each device holds already: rounding alone moves nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import floor

from .errors import ImpossiblePlan
from .tiers import ROOT, TierTree
from .wanted import Plan

SNAP = 1e-6  # Partitions: closer to a whole number than this is that number.


def device_quotas(
    plan: Plan, parts: int, total: int, ideal: Mapping[int, float], held: Mapping[int, int]
) -> dict[int, int]:
    """Partitions per device id, summing to `total`.

    `ideal` are a device's partitions by weight alone, against which balance is measured; `held` is
    what it has now. A domain planned for more than is allowed of a partition is rounded down where
    it can be: each partition less is one less at risk.
    """
    tree = plan.tree
    below, above = _whole_bounds(plan, parts, total)
    below, above = _tightest(tree, below, above, total, ideal, plan.overload)
    above = _rounded_down(tree, below, above, plan.target, plan.allowed)
    low, high = _tightest(tree, below, above, total, ideal)
    return _closest(tree, low, high, total, plan.target, parts, held)


def _whole_bounds(plan: Plan, parts: int, total: int) -> tuple[list[int], list[int]]:
    """Devices, and domains that weight crowds, go to the next whole number below or above. Other
    domains may be anything between the least and the most of a partition that is planned."""
    below: list[int] = []
    above: list[int] = []
    for node, share in enumerate(plan.target):
        real = share * parts
        near = round(real)
        inner = plan.tree.device[node] < 0 and share <= plan.allowed[node] + SNAP
        if inner:
            below.append(plan.least[node] * parts)
            above.append(plan.most[node] * parts)
        elif abs(real - near) < SNAP:
            below.append(near)
            above.append(near)
        else:
            below.append(floor(real))
            above.append(floor(real) + 1)
    below[ROOT] = above[ROOT] = total
    return below, above


def _rounded_down(
    tree: TierTree,
    below: list[int],
    above: list[int],
    target: Sequence[float],
    allowed: Sequence[float],
) -> list[int]:
    """`above`, lowered to `below` for domains over what is allowed, as far as sums work out."""
    lowered = {node for node in range(1, len(tree)) if target[node] > allowed[node] + SNAP}
    while lowered:
        tight = [below[node] if node in lowered else high for node, high in enumerate(above)]
        short = _first_short(tree, below, tight)
        if short is None:
            return tight
        freed = lowered & _below(tree, short)
        if not freed:
            return above  # Fractions that do not add up by a hair; see _loose.
        lowered -= freed
    return above


def _below(tree: TierTree, node: int) -> set[int]:
    """The domain and everything in it."""
    found = {node}
    for child in range(node + 1, len(tree)):
        if tree.parent[child] in found:
            found.add(child)
    return found


def _first_short(tree: TierTree, below: list[int], above: list[int]) -> int | None:
    """The first domain whose children cannot take up what it must hold; lowest levels first."""
    sums = [0] * len(tree)
    for node in range(len(tree) - 1, -1, -1):
        if tree.device[node] >= 0:
            sums[node] = above[node]
        elif sums[node] < below[node]:
            return node
        else:
            sums[node] = min(sums[node], above[node])
        if node:
            sums[tree.parent[node]] += sums[node]
    return None


def _tightest(
    tree: TierTree,
    below: list[int],
    above: list[int],
    total: int,
    ideal: Mapping[int, float],
    enough: float = 0.0,
) -> tuple[list[int], list[int]]:
    """Bounds per node at the smallest worst error for which whole numbers still add up; an error
    up to `enough` is as good as none."""
    leaves = [node for node, number in enumerate(tree.device) if number >= 0]
    costs: dict[int, tuple[float, float]] = {}
    for leaf in leaves:
        share = ideal.get(tree.device[leaf], 0.0)
        if share > 0:
            costs[leaf] = abs(below[leaf] / share - 1), abs(above[leaf] / share - 1)
    steps = sorted({max(cost, enough) for pair in costs.values() for cost in pair})
    first, last = 0, len(steps) - 1
    best = _bounded(tree, below, above, costs, steps[last] if steps else 0.0)
    if best is None:
        # Rounding of the fractions themselves: let every domain's children make up the difference.
        return _loose(tree, below, above, total)
    while first < last:
        middle = (first + last) // 2
        found = _bounded(tree, below, above, costs, steps[middle])
        if found is None:
            first = middle + 1
        else:
            best, last = found, middle
    return best


def _bounded(
    tree: TierTree,
    below: list[int],
    above: list[int],
    costs: Mapping[int, tuple[float, float]],
    worst: float,
) -> tuple[list[int], list[int]] | None:
    """Sums that each node can take when no device errs by more than `worst`; None: impossible."""
    low = [0] * len(tree)
    high = [0] * len(tree)
    parent, device = tree.parent, tree.device
    for node in range(len(tree) - 1, -1, -1):
        if device[node] >= 0:
            least, most = below[node], above[node]
            pair = costs.get(node)
            if pair is not None and least != most:
                if pair[0] > worst:
                    least = most
                if pair[1] > worst:
                    most = below[node]
                    if least > most:
                        return None
            elif pair is not None and pair[0] > worst:
                return None
        else:
            least = low[node] if low[node] > below[node] else below[node]
            most = high[node] if high[node] < above[node] else above[node]
            if least > most:
                return None
        low[node], high[node] = least, most
        if node:
            low[parent[node]] += least
            high[parent[node]] += most
    return low, high


def _loose(
    tree: TierTree, below: list[int], above: list[int], total: int
) -> tuple[list[int], list[int]]:
    """Wider bounds, one partition either way, for sums that fractions cannot meet exactly."""
    low = [0] * len(tree)
    high = [0] * len(tree)
    for node in range(len(tree) - 1, -1, -1):
        if tree.device[node] >= 0:
            live = tree.live[node]
            low[node] = max(0, below[node] - live)
            high[node] = above[node] + live
        if node:
            low[tree.parent[node]] += low[node]
            high[tree.parent[node]] += high[node]
    if not low[ROOT] <= total <= high[ROOT]:
        raise ImpossiblePlan(f"{total} partitions cannot be shared out among the devices")
    low[ROOT] = high[ROOT] = total
    return low, high


def _closest(
    tree: TierTree,
    low: list[int],
    high: list[int],
    total: int,
    target: Sequence[float],
    parts: int,
    held: Mapping[int, int],
) -> dict[int, int]:
    """Whole numbers within the bounds, as near to `held` as they can be."""
    liked = [0] * len(tree)
    for node in range(len(tree) - 1, -1, -1):
        if tree.device[node] >= 0:
            liked[node] = held.get(tree.device[node], 0)
        liked[node] = min(high[node], max(low[node], liked[node]))
        if node:
            liked[tree.parent[node]] += liked[node]
    given = [0] * len(tree)
    given[ROOT] = total
    for node in range(len(tree)):
        children = tree.children[node]
        if not children:
            continue
        missing = given[node] - sum(liked[child] for child in children)
        for child in children:
            given[child] = liked[child]
        if missing:
            # The largest fraction goes up first, the smallest down first.
            ordered = sorted(
                children, key=lambda c: (-(target[c] * parts) % 1.0, c), reverse=missing < 0
            )
            _spread(given, ordered, low, high, missing)
    return {number: given[node] for node, number in enumerate(tree.device) if number >= 0}


def _spread(
    given: list[int], ordered: list[int], low: list[int], high: list[int], missing: int
) -> None:
    for child in ordered:
        room = high[child] - given[child] if missing > 0 else low[child] - given[child]
        change = min(missing, room) if missing > 0 else max(missing, room)
        given[child] += change
        missing -= change
        if not missing:
            return
    raise AssertionError("bounds were checked to allow this sum")
