"""The last part of a rebalance: decides again what was decided greedily, where something is gained.

The worst device comes nearer to its share (nearer), then replicas that stand too close move apart
(apart), then moves that turn out to be detours are taken back (detours). None of them pays for one
aim with another: what balance and dispersion cost each other, weights and overload have decided in
the plan. Usually there is nothing to do, which is found out at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random

from .apart import Apart
from .assignment import Assignment
from .choices import Choices
from .crowded import over_full
from .detours import take_back_detours
from .nearer import Nearer

WORKING_SET = 1 << 14  # Partitions looked at in a larger ring: some of each kind, and some others.


def refine(
    table: Assignment,
    free: bytearray,
    holes: Sequence[tuple[int, int]],
    crowded: Sequence[int],
    ideal: Mapping[int, float],
    allowed: Sequence[float],
    rng: Random,
) -> None:
    """`free` are the partitions that might move when the rebalance began, `holes` the replicas
    without a holder then; `crowded` is a superset of those that exceed the plan, `allowed` what
    counts as far enough apart by node, `ideal` each device's share by weight."""
    caps = [int(share) for share in allowed]
    if any(most > cap for most, cap in zip(table.most, caps, strict=True)):
        crowded = over_full(table.rows, table.tree, caps, table.parts, table.hole)
    uneven = any(
        held > want or (held < want and ideal.get(number, 0.0) > 0)
        for number, (held, want) in enumerate(zip(table.held, table.want, strict=True))
    )
    moved = table.moved()
    wandering = len(moved) > len(holes) + _surplus_given(table, moved)
    if not (crowded or uneven or wandering):
        return
    touched = sorted({partition for _, partition in moved})
    subset = _working_set(table.parts, [crowded, touched], rng)
    if subset is not None:
        free = bytearray(map(min, free, subset))
        holes = [slot for slot in holes if subset[slot[1]]]
    choices = Choices(table, free, frozenset(holes), caps)
    if uneven:
        Nearer(choices, ideal, rng).run()
    if crowded:
        Apart(choices, ideal, rng).run([p for p in crowded if subset is None or subset[p]])
    take_back_detours(choices)


def _surplus_given(table: Assignment, moved: Sequence[tuple[int, int]]) -> int:
    """Of the replicas that moved, how many left devices that had too much."""
    left: dict[int, int] = {}
    for slot in moved:
        before = table.origin[slot]
        left[before] = left.get(before, 0) + 1
    came: dict[int, int] = {}
    for row, partition in moved:
        now = table.rows[row][partition]
        came[now] = came.get(now, 0) + 1
    return sum(
        max(0, count - came.get(number, 0))
        for number, count in left.items()
        if number != table.hole
    )


def _working_set(parts: int, kinds: Sequence[Sequence[int]], rng: Random) -> bytearray | None:
    """1 for every partition worth looking at; None when that is all of them."""
    if parts <= WORKING_SET:
        return None
    subset = bytearray(parts)
    for kind in (*kinds, range(parts)):
        for partition in rng.sample(kind, min(len(kind), WORKING_SET // (len(kinds) + 1))):
            subset[partition] = 1
    return subset
