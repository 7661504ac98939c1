"""One rebalance, from the state of a builder to a new table. Pure: the same input, the same result.

Either everything is new (layout), or as little as possible moves: replicas without a holder get
one, crowded ones move apart, then surplus goes to where it is missing, a swap pass resolves what
single moves cannot, and what was decided greedily is decided again where that gains something. In
the end the result is held against plain ones, and moves that bought nothing are taken back.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from operator import ne
from random import Random

from .assignment import Assignment
from .gather import Progress, drain, even_out, fill_holes, spread_apart
from .ground import Ground, Question
from .layout import lay_out
from .refine import Refinement
from .swap import swap_leftovers
from .wanted import Plan
from .yardstick import no_worse_than_plain


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


def rebalance(question: Question, progress: Progress) -> Outcome:
    """Raises ImpossiblePlan when there are fewer devices with weight than replicas."""
    rng = Random(question.seed)
    ground = Ground.of(question)
    start = ground.turned(rng)
    if not question.rows:
        progress("placing all replicas", 0, 1)
        table = _laid_out(ground, rng)
        return _outcome(ground, table, sum(ground.lengths), start, range(question.parts))
    table = ground.opened()
    free = bytearray(table.free)
    holes = table.unfilled()
    demand = len(holes) + table.surplus()
    fill_holes(table, holes, rng, progress)
    drain(table, rng, progress)
    crowded = spread_apart(table, rng, progress)
    even_out(table, start, rng, progress)
    swap_leftovers(table, rng)
    Refinement(table, ground.plan, ground.ideal, rng).of_changes(free, holes, crowded)
    table = no_worse_than_plain(ground, table, free, holes, rng)
    Refinement(table, ground.plan, ground.ideal, rng).send_back(free, holes, demand)
    touched = sorted({partition for _, partition in table.moved()})
    return _outcome(ground, table, len(holes), start, touched)


def _laid_out(ground: Ground, rng: Random) -> Assignment:
    question = ground.question
    rows = lay_out(
        ground.tree, ground.quotas, question.parts, ground.lengths, question.typecode, rng
    )
    table = ground.table(rows, ground.quotas, bytearray(question.parts))
    Refinement(table, ground.plan, ground.ideal, rng).of_layout()
    return no_worse_than_plain(ground, table, table.free, None, rng)


def _outcome(
    ground: Ground, table: Assignment, forced: int, start: int, touched: Sequence[int]
) -> Outcome:
    question = ground.question
    rows = [
        row if len(row) == length else row[:length]
        for row, length in zip(table.rows, ground.lengths, strict=True)
    ]
    moved = 0
    for at, row in enumerate(rows):
        old = question.rows[at] if at < len(question.rows) else array(question.typecode)
        known = min(len(old), len(row))
        moved += sum(map(ne, row, old)) + len(row) - known
    held = {number: count for number, count in enumerate(table.held) if count}
    return Outcome(rows, moved, forced, touched, ground.plan, ground.quotas, start, held)
