"""What a rebalance could reach at all from a state: a search, and a proof where the search fails.

The rules are those of both builders: of a partition that has rested one replica may move, replicas
without a holder go anywhere, none onto a device without weight or beside itself. Asked is for a
table with a balance and a dispersion no worse than given ones.

The proof is one of prices. Every device is given a price for each partition that it holds, and
every partition takes the cheapest of all its possible outcomes: replicas too close plus prices. The
sum, less what the devices would pay for as many partitions as the balance lets them hold, is never
more than the replicas too close of any table within that balance (duality). Prices are raised where
too much is held, lowered where too little, until the sum is beyond what was asked for, or time is
up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from heapq import nsmallest
from math import ceil, floor

from swiftlite.ring import RingBuilder
from swiftlite.ring.ground import row_lengths
from swiftlite.ring.measures import BALANCE_MAX, ideal_parts
from swiftlite.ring.wanted import Plan

ROUNDS = 150
NEARLY = 1e-6

Kept = tuple[int, ...]
"""Device ids that hold replicas of a partition."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The replicas that stay, how many are to be placed, and what is too close without those."""

    kept: Kept
    placed: int
    risk: int


def too_close(plan: Plan, ids: Sequence[int]) -> int:
    """Replicas of a partition on these devices, all different, that stand closer than they would
    have to."""
    paths = [plan.tree.path[number] for number in ids]
    levels = ([path[level] for path in paths] for level in range(3))
    return max(
        (
            sum(max(0, n - int(plan.allowed[node])) for node, n in Counter(nodes).items())
            for nodes in levels
            if len(set(nodes)) < len(nodes)
        ),
        default=0,
    )


class Prices:
    """The lower bound of replicas too close, for one state and one balance."""

    def __init__(self, before: RingBuilder, now: float, balance: float) -> None:
        plan = before.plan()
        self.path = plan.tree.path
        self.plan = plan
        self.live = [d.id for d in before.listed() if plan.tree.live[self.path[d.id][3]]]
        self.partitions = _partitions(before, now, self)
        self._classes: dict[Kept, dict[int, list[int]]] = {}
        slots = before.replica_count * before.partition_count
        ideal = ideal_parts(before.listed(), slots)
        error = balance / 100 + NEARLY
        self.least = {n: ceil(ideal[n] * (1 - error)) for n in self.live}
        self.most = {n: floor(ideal[n] * (1 + error)) for n in self.live}
        for device in before.listed():
            if device.id not in self.most and device.id not in before.removed:
                self.least[device.id] = 0
                self.most[device.id] = int(slots) if balance >= BALANCE_MAX - NEARLY else 0

    def exceed(self, risks: int) -> bool:
        """Is it proved that more than so many replicas are too close?"""
        price = dict.fromkeys(self.most, 0.0)
        for _ in range(ROUNDS):
            total, held = self._cheapest(price)
            off: dict[int, int] = {}
            for number, rate in price.items():
                count, least, most = held[number], self.least[number], self.most[number]
                total -= rate * (most if rate > 0 else least)
                bound = most if rate > 0 or (not rate and count > most) else least
                if rate or not least <= count <= most:
                    off[number] = count - bound
            if total > risks + NEARLY:
                return True
            length = sum(step * step for step in off.values())
            if not length:
                return False
            for number, step in off.items():
                price[number] += (risks + 1 - total) / length * step
        return False

    def risk(self, ids: Sequence[int]) -> int:
        """Replicas that stand closer together than they would have to."""
        return too_close(self.plan, ids)

    def _cheapest(self, price: dict[int, float]) -> tuple[float, Counter[int]]:
        """What all partitions' cheapest outcomes cost, and what the devices hold in them."""
        total, held = 0.0, Counter[int]()
        best: dict[tuple[Kept, int], list[int]] = {}
        cheap = nsmallest(8, self.live, key=price.__getitem__)
        for outcomes in self.partitions:
            costs = [self._cost(outcome, price, best, cheap) for outcome in outcomes]
            cost, ids = min(costs)
            total += cost
            held.update(ids)
        return total, held

    def _cost(
        self,
        outcome: Outcome,
        price: dict[int, float],
        best: dict[tuple[Kept, int], list[int]],
        cheap: list[int],
    ) -> tuple[float, Kept]:
        kept = outcome.kept
        base = sum([price[number] for number in kept])
        if outcome.placed != 1:  # More than one: as if nothing came closer by them.
            new = [number for number in cheap if number not in kept][: outcome.placed]
            return base + outcome.risk + sum([price[n] for n in new]), (*kept, *new)
        found: tuple[float, Kept] | None = None
        shape = tuple(sorted([self.path[number][2] for number in kept]))
        for risk, devices in self._by_risk(shape, kept).items():
            few = best.get((shape, risk))
            if few is None:
                few = best[shape, risk] = nsmallest(5, devices, key=price.__getitem__)
            home = next((number for number in few if number not in kept), None)
            if home is not None:
                cost = base + risk + price[home], (*kept, home)
                found = cost if found is None or cost < found else found
        return found if found is not None else (float("inf"), kept)

    def _by_risk(self, shape: Kept, kept: Kept) -> dict[int, list[int]]:
        """Devices by what is too close when one of them joins."""
        classes = self._classes.get(shape)
        if classes is None:
            classes = self._classes[shape] = {}
            for number in self.live:
                classes.setdefault(self.risk((*kept, number)), []).append(number)
        return classes


def _partitions(before: RingBuilder, now: float, prices: Prices) -> list[list[Outcome]]:
    """All that may become of each partition."""
    free = before.movable(now)
    rows = before.rows()
    lengths = row_lengths(before.replica_count, before.partition_count)
    found = []
    for partition in range(before.partition_count):
        wanted = sum(partition < length for length in lengths)
        ids = [row[partition] for row in rows[: len(lengths)] if partition < len(row)][:wanted]
        kept = tuple(number for number in ids if number not in before.removed)
        holes = wanted - len(kept)
        may_move = free[partition] and len(kept) == len(ids)
        outcomes = [Outcome(kept, holes, prices.risk(kept))]
        if may_move:
            for number in kept:
                rest = tuple(other for other in kept if other != number)
                outcomes.append(Outcome(rest, holes + 1, prices.risk(rest)))
        found.append(outcomes)
    return found


def risks_of(builder: RingBuilder, dispersion: float) -> int:
    """Replicas too close that a dispersion in percent stands for."""
    return round(dispersion * builder.partition_count * builder.replica_count / 100)


def impossible(before: RingBuilder, now: float, balance: float, dispersion: float) -> bool:
    """Is it proved that no rebalance from here leads to numbers as good as these?"""
    return Prices(before, now, balance).exceed(risks_of(before, dispersion))
