"""Holds a rebalance against plain ones from the same state, and mends it where one is better.

What a plain pass reaches shows where balance and dispersion come to rest when nobody looks ahead,
and how far one of them can be bought with the other. A rebalance that is behind such a pass in
either number goes on from both results, until one is behind in neither. One that is only as far
apart as the luckiest of them, and ahead in balance of all that such a pass can come to, pays with
that lead. Small rings only: there it costs milliseconds, and a partition more or less is seen in
the numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from .assignment import Assignment
from .ground import Ground
from .plain import PlainPass, rough_quotas
from .refine import Refinement

RUNS = 8  # Plain passes: chance is a part of them.
SLOTS_MAX = 1 << 15  # Replicas placed by all of them together, 20 µs each.
NEARLY = 1e-6  # Percent.


@dataclass(frozen=True, slots=True)
class Attempt:
    """A table and what it came to: both numbers in percent, replicas that devices have too much of,
    replicas moved."""

    table: Assignment
    balance: float
    dispersion: float
    misplaced: int
    moved: int

    @classmethod
    def of(cls, ground: Ground, table: Assignment) -> Attempt:
        return cls(table, *ground.measured(table), table.surplus(), len(table.moved()))

    def worse(self, other: Attempt) -> bool:
        """In one number at least?"""
        return self.balance > other.balance + NEARLY or self.dispersion > other.dispersion + NEARLY

    def behind(self, other: Attempt) -> bool:
        """Worse, or not better in anything and more moved?"""
        return self.worse(other) or (
            not other.worse(self) and self.misplaced >= other.misplaced and self.moved > other.moved
        )


def no_worse_than_plain(
    ground: Ground,
    table: Assignment,
    free: bytearray,
    holes: Sequence[tuple[int, int]] | None,
    rng: Random,
) -> Assignment:
    """This table, or one that stands better beside plain passes. `free` and `holes` as they were
    when the rebalance began; None: everything was a hole."""
    runs = min(RUNS, SLOTS_MAX // sum(ground.lengths))
    if not runs:
        return table
    if holes is None:
        holes = ground.opened().unfilled()
    mine = Attempt.of(ground, table)
    plain = [one for _ in range(runs) if (one := _plain(ground, rng)) is not None]
    if not plain:
        return table
    # The two ends of what the plain passes found.
    level = min(plain, key=lambda one: (one.balance, one.dispersion))
    apart = min(plain, key=lambda one: (one.dispersion, one.balance))

    def aimed(one: Attempt, balance: float, dispersion: float) -> Attempt:
        twin = one.table.copy()
        slots = ground.question.parts * ground.question.replicas / 100
        refinement = Refinement(twin, ground.plan, ground.ideal, rng)
        refinement.towards(free, holes, balance / 100, round(dispersion * slots))
        return Attempt.of(ground, twin)

    if not any(mine.behind(one) for one in plain):
        limit = min(level.balance, _best_balance(ground))
        if mine.balance > limit - NEARLY or not _by_luck(mine.dispersion, plain):
            return table
        other = aimed(mine, limit, apart.dispersion)
        better = other.dispersion < mine.dispersion - NEARLY
        return other.table if better and other.balance <= limit + NEARLY else table
    found = [mine, *plain]
    for one in (mine, apart, level):
        found.append(aimed(one, level.balance, apart.dispersion))
        if not any(found[-1].behind(other) for other in plain):
            break
    else:
        found += [aimed(one, one.balance, one.dispersion) for one in (apart, level)]

    def rank(one: Attempt) -> tuple[float, ...]:
        """Behind as few as can be; then the order of goals."""
        return (
            sum(one.worse(other) for other in plain),
            round(max(one.balance, 100 * ground.plan.overload), 6),
            one.dispersion,
            round(one.balance, 6),
            one.misplaced,
            one.moved,
        )

    return min(found, key=rank).table


def _best_balance(ground: Ground) -> float:
    """What a plain pass comes to when it meets its quotas."""
    parts, total = ground.question.parts, sum(ground.lengths)
    return ground.balance(rough_quotas(ground.tree, ground.plan.target, parts, total))


def _by_luck(dispersion: float, plain: Sequence[Attempt]) -> bool:
    """Are some of the plain passes as good as this, and most not? Then another chance of theirs
    may be better."""
    as_good = sum(one.dispersion <= dispersion + NEARLY for one in plain)
    return dispersion > NEARLY and 0 < as_good <= len(plain) // 2


def _plain(ground: Ground, rng: Random) -> Attempt | None:
    """None where replicas found no home."""
    table = ground.opened()
    shrunk = {n: ground.question.held[n] - count for n, count in ground.held.items()}
    total, rests = sum(ground.lengths), ground.question.rests
    plain = PlainPass(table, ground.plan, total, shrunk, rng, rests=rests)
    return Attempt.of(ground, table) if plain.run(ground.turned(rng)) else None
