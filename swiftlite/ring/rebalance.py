"""One rebalance, from the state of a builder to a new table. Pure: the same input, the same result.

Either everything is new (layout), or as little as possible moves: replicas without a holder get
one, crowded ones move apart, then surplus goes to where it is missing, a swap pass resolves what
single moves cannot, and what was decided greedily is decided again where that gains something.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import modf
from operator import ne
from random import Random

from .assignment import Assignment, padded
from .device import Device
from .gather import Progress, drain, even_out, fill_holes, spread_apart
from .layout import lay_out
from .measures import ideal_parts
from .quotas import device_quotas
from .refine import Refinement
from .swap import swap_leftovers
from .tiers import TierTree
from .wanted import Plan, make_plan


@dataclass(slots=True)
class Outcome:
    """`moved` counts replicas with another holder than before (new ones included); `touched` are
    the partitions whose cooling-off time begins anew; `forced` replicas had lost their holder;
    `held` are the partitions of each device afterwards."""

    rows: list[array[int]]
    moved: int
    forced: int
    touched: Sequence[int]
    plan: Plan
    quotas: dict[int, int]
    start: int
    held: dict[int, int]


@dataclass(slots=True)
class Question:
    """What a rebalance starts from; `rows` stay. `free[p]` is 1 where a replica may move.

    `removed` are device ids that leave with this rebalance; they have weight 0 in `devices`.
    `held` are partitions by device id, as `rows` have them.
    """

    devices: Sequence[Device]
    removed: frozenset[int]
    rows: list[array[int]]
    held: Mapping[int, int]
    parts: int
    replicas: float
    overload: float
    typecode: str
    free: bytearray
    last_start: int
    seed: str


def row_lengths(replicas: float, parts: int) -> list[int]:
    """2.5 replicas of 64 partitions: [64, 64, 32]."""
    fraction, whole = modf(replicas)
    lengths = [parts] * int(whole)
    if int(parts * fraction):
        lengths.append(int(parts * fraction))
    return lengths


def rebalance(question: Question, progress: Progress) -> Outcome:
    """Raises ImpossiblePlan when there are fewer devices with weight than replicas."""
    rng = Random(question.seed)
    tree = TierTree.of(question.devices)
    weights = {d.id: d.weight for d in question.devices if d.id not in question.removed}
    plan = make_plan(tree, weights, question.replicas, question.overload)
    lengths = row_lengths(question.replicas, question.parts)
    start = (
        question.last_start + question.parts // 4 + rng.randint(0, question.parts // 2)
    ) % question.parts
    held = {n: count for n, count in question.held.items() if n not in question.removed}
    ideal = ideal_parts(question.devices, sum(lengths))
    quotas = device_quotas(plan, question.parts, sum(lengths), ideal, held)
    if not question.rows:
        progress("placing all replicas", 0, 1)
        rows = lay_out(tree, quotas, question.parts, lengths, question.typecode, rng)
        everything = range(question.parts)
        fixed = bytearray(question.parts)
        table = _table(question, tree, plan, quotas, quotas, rows, lengths, fixed)
        Refinement(table, plan, ideal, question.overload, rng).of_layout()
        return _outcome(question, table, plan, quotas, sum(lengths), start, everything)
    table = _opened(question, tree, plan, lengths, quotas)
    free = bytearray(table.free)
    holes = table.unfilled()
    fill_holes(table, holes, rng, progress)
    drain(table, rng, progress)
    crowded = spread_apart(table, rng, progress)
    even_out(table, start, rng, progress)
    swap_leftovers(table, rng)
    Refinement(table, plan, ideal, question.overload, rng).of_changes(free, holes, crowded)
    touched = sorted({partition for _, partition in table.moved()})
    return _outcome(question, table, plan, quotas, len(holes), start, touched)


def _opened(
    question: Question,
    tree: TierTree,
    plan: Plan,
    lengths: list[int],
    quotas: Mapping[int, int],
) -> Assignment:
    """The old table as a working copy: rows of the new lengths, removed devices' replicas free."""
    rows: list[array[int]] = []
    free = bytearray(question.free)
    held = {n: count for n, count in question.held.items() if n not in question.removed}
    for at, length in enumerate(lengths):
        old = question.rows[at] if at < len(question.rows) else array(question.typecode)
        for number in old[length:]:
            if number in held:
                held[number] -= 1
        rows.append(old[:length])
    for gone in question.rows[len(lengths) :]:
        for number in gone:
            if number in held:
                held[number] -= 1
    table = _table(question, tree, plan, quotas, held, rows, lengths, free)
    for row in table.rows:
        for number in question.removed:
            _vacate(row, number, table.hole, free)
    return table


def _table(
    question: Question,
    tree: TierTree,
    plan: Plan,
    quotas: Mapping[int, int],
    held: Mapping[int, int],
    rows: list[array[int]],
    lengths: list[int],
    free: bytearray,
) -> Assignment:
    """A working copy of these rows."""
    hole = 1 + max(device.id for device in question.devices)
    whole = [padded(row, question.parts, hole) for row in rows]
    table = Assignment(tree, plan, whole, question.parts, quotas, held, hole, free)
    table.short = lengths[-1]
    return table


def _vacate(row: array[int], number: int, hole: int, free: bytearray) -> None:
    """Take a device's replicas away. Their partitions move now, so nothing else of them may."""
    at = -1
    try:
        while True:
            at = row.index(number, at + 1)
            row[at] = hole
            free[at] = 0
    except ValueError:
        return


def _outcome(
    question: Question,
    table: Assignment,
    plan: Plan,
    quotas: dict[int, int],
    forced: int,
    start: int,
    touched: Sequence[int],
) -> Outcome:
    lengths = row_lengths(question.replicas, question.parts)
    rows = [
        row if len(row) == length else row[:length]
        for row, length in zip(table.rows, lengths, strict=True)
    ]
    moved = 0
    for at, row in enumerate(rows):
        old = question.rows[at] if at < len(question.rows) else array(question.typecode)
        known = min(len(old), len(row))
        moved += sum(map(ne, row, old)) + len(row) - known
    held = {number: count for number, count in enumerate(table.held) if count}
    return Outcome(rows, moved, forced, touched, plan, quotas, start, held)
