"""What a rebalance starts from, and what every attempt at it shares: plan, quotas, the old table.

Attempts (ways of moving replicas) each work on a table of their own and are compared by the same
two numbers that a builder reports.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import modf
from random import Random

from .assignment import Assignment, padded
from .device import Device
from .measures import balances, dispersion, ideal_parts, worst_balance
from .quotas import device_quotas
from .tiers import TierTree
from .wanted import Plan, make_plan


@dataclass(slots=True)
class Question:
    """What a rebalance starts from; `rows` stay. `free[p]` is 1 where a replica may move.

    `removed` are device ids that leave with this rebalance; they have weight 0 in `devices`.
    `held` are partitions by device id, as `rows` have them. `rests`: is min_part_hours above 0?
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
    rests: bool
    last_start: int
    seed: str


def row_lengths(replicas: float, parts: int) -> list[int]:
    """2.5 replicas of 64 partitions: [64, 64, 32]."""
    fraction, whole = modf(replicas)
    lengths = [parts] * int(whole)
    if int(parts * fraction):
        lengths.append(int(parts * fraction))
    return lengths


@dataclass(frozen=True, slots=True)
class Ground:
    """`held` leaves out removed devices, and replicas that there are too many of now; `ideal` is a
    device's share of partitions by weight."""

    question: Question
    tree: TierTree
    plan: Plan
    lengths: list[int]
    held: dict[int, int]
    ideal: dict[int, float]
    quotas: dict[int, int]

    @classmethod
    def of(cls, question: Question) -> Ground:
        """Raises ImpossiblePlan when there are fewer devices with weight than replicas."""
        tree = TierTree.of(question.devices)
        weights = {d.id: d.weight for d in question.devices if d.id not in question.removed}
        plan = make_plan(tree, weights, question.replicas, question.overload)
        lengths = row_lengths(question.replicas, question.parts)
        held = {n: count for n, count in question.held.items() if n not in question.removed}
        for at, row in enumerate(question.rows):
            _give_up(held, row[lengths[at] if at < len(lengths) else 0 :])
        ideal = ideal_parts(question.devices, sum(lengths))
        quotas = device_quotas(plan, question.parts, sum(lengths), ideal, held)
        return cls(question, tree, plan, lengths, held, ideal, quotas)

    def turned(self, rng: Random) -> int:
        """The partition where a search for surplus begins: on another side than the last time."""
        question = self.question
        turn = question.parts // 4 + rng.randint(0, question.parts // 2)
        return (question.last_start + turn) % question.parts

    def opened(self) -> Assignment:
        """The old table as a working copy: rows of the new lengths, nobody holds what removed
        devices held."""
        question = self.question
        rows: list[array[int]] = []
        free = bytearray(question.free)
        for at, length in enumerate(self.lengths):
            old = question.rows[at] if at < len(question.rows) else array(question.typecode)
            rows.append(old[:length])
        table = self.table(rows, self.held, free)
        for row in table.rows:
            for number in question.removed:
                _vacate(row, number, table.hole, free)
        return table

    def table(self, rows: list[array[int]], held: Mapping[int, int], free: bytearray) -> Assignment:
        """A working copy of these rows."""
        question = self.question
        hole = 1 + max(device.id for device in question.devices)
        whole = [padded(row, question.parts, hole) for row in rows]
        table = Assignment(
            self.tree, self.plan, whole, question.parts, self.quotas, held, hole, free
        )
        table.short = self.lengths[-1]
        return table

    def measured(self, table: Assignment) -> tuple[float, float]:
        """Balance and dispersion of a table, in percent."""
        question = self.question
        held = {number: count for number, count in enumerate(table.held) if count}
        close = dispersion(
            self.tree, table.rows, held, question.parts, question.replicas, table.hole
        )
        return self.balance(held), close.percent

    def balance(self, held: Mapping[int, int]) -> float:
        """In percent, where devices hold so many partitions."""
        question = self.question
        devices = [d for d in question.devices if d.id not in question.removed]
        return worst_balance(balances(devices, held, question.replicas * question.parts))


def _give_up(held: dict[int, int], row: array[int]) -> None:
    for number in row:
        if number in held:
            held[number] -= 1


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
