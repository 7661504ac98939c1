"""A rebalance as builders in this field have long done it, without looking ahead: the yardstick.

Replicas that stand too close or on devices without weight are taken up, then those of devices with
a surplus; all are put down again, partition by partition, each replica where its domains miss the
most. Some rounds of this, for what came to rest on a device that had enough. 20 µs a replica, and
no search.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import cycle, islice
from math import floor
from random import Random

from .assignment import Assignment
from .crowded import over_full
from .tiers import ROOT, TierTree
from .wanted import Plan

ROUNDS = 3
EVERYTHING = 1 << 40  # What a device without weight would give away.


def rough_quotas(tree: TierTree, target: Sequence[float], parts: int, total: int) -> dict[int, int]:
    """Partitions per device with weight: rounded down, a whole number that floats miss by a hair
    too, and what is left to the smallest."""
    given = [0] * len(tree)
    given[ROOT] = total
    for node in range(len(tree)):
        children = tree.live_children(node)
        left = given[node]
        for child in children:
            given[child] = min(left, floor(target[child] * parts))
            left -= given[child]
        for child in islice(cycle(sorted(children, key=lambda c: target[c])), left):
            given[child] += 1
    return {number: given[path[3]] for number, path in tree.path.items() if tree.live[path[3]]}


class PlainPass:
    """One such rebalance of a table. `shrunk`: replicas by device that are gone because there are
    fewer of each partition now. This kind of builder looks at its devices before it drops them.
    `rests`: a partition that has only got new replicas keeps its others for now."""

    def __init__(
        self,
        table: Assignment,
        plan: Plan,
        total: int,
        shrunk: Mapping[int, int],
        rng: Random,
        *,
        rests: bool,
    ) -> None:
        self.table = table
        self._rests = rests
        self.rng = rng
        self.up = table.unfilled()  # (row, partition) of replicas in the air
        wanted = rough_quotas(table.tree, plan.target, table.parts, total)
        self._wanted = [
            wanted[number] - shrunk.get(number, 0) if number in wanted else -EVERYTHING
            for number in range(table.hole)
        ]

    def run(self, start: int) -> bool:
        """Surplus is looked for from the partition `start` on. False: some replica had no home."""
        table = self.table
        self._take_crowded()
        for round_ in range(ROUNDS):
            order = [*range(start, table.parts), *range(start)]
            self._take_surplus(order, far_apart=not round_)
            if not self.up:
                return True
            if not self._put_down():
                return False
            if all(self._missing(number) >= 0 for number in range(table.hole)):
                return True
            start += table.parts // 4 + self.rng.randint(0, table.parts // 2)
            start %= table.parts
        return True

    def _missing(self, number: int) -> int:
        """Partitions that a device lacks; below zero: a surplus."""
        wanted, held = self._wanted[number], self.table.held[number]
        return wanted - held if held or wanted > -EVERYTHING else 0

    def _take(self, row: int, partition: int) -> None:
        self.table.put(row, partition, self.table.hole)
        self.table.free[partition] = 0
        self.up.append((row, partition))

    def _take_crowded(self) -> None:
        table = self.table
        found = set(over_full(table.rows, table.tree, table.most, table.parts, table.hole))
        live = table.tree.live
        drained = [n for n in range(table.hole) if table.held[n] and not live[table.path[n][3]]]
        for slots in table.slots_of(drained).values():
            found.update(partition for _, partition in slots)
        for partition in sorted(found):
            if table.free[partition]:
                counts = self._counts(partition)
                guilty = [
                    (self._missing(number), row)
                    for row, number in table.holders(partition)
                    if any(counts[node] > table.most[node] for node in table.path[number])
                ]
                self._take(min(guilty)[1], partition)

    def _take_surplus(self, order: Sequence[int], *, far_apart: bool) -> None:
        """First only replicas that the plan's bounds do not keep where they are, then any."""
        room = self._room()
        for careful in (True, False) if far_apart else (False,):
            for partition in order:
                if not self.table.free[partition]:
                    continue
                over = sorted(
                    (missing, row, number)
                    for row, number in self.table.holders(partition)
                    if (missing := self._missing(number)) < 0
                )
                counts = self._counts(partition) if over and careful else Counter()
                for _, row, number in over:
                    if not careful or self._may_leave(number, counts, room):
                        self._take(row, partition)
                        for node in self.table.path[number]:
                            room[node] -= 1
                        break

    def _may_leave(self, number: int, counts: Mapping[int, int], room: Sequence[int]) -> bool:
        """Is a place missed where the plan would have this replica?"""
        table = self.table
        path = table.path[number]
        if any(table.least[node] <= counts[node] < table.most[node] for node in path):
            return False
        bound = [node for node in path if counts[node] - 1 < table.least[node]]
        within = bound[-1] if bound else path[0]
        return sum(room[c] for c in table.tree.live_children(within) if c not in path) > 0

    def _put_down(self) -> bool:
        table, room = self.table, self._room()
        neediest = [0] * len(room)
        for number, path in table.tree.path.items():
            for node in path:
                neediest[node] = max(neediest[node], self._missing(number))
        among_equals = [(-need, self.rng.random()) for need in neediest]
        rows: dict[int, list[int]] = {}
        for row, partition in self.up:
            rows.setdefault(partition, []).append(row)
        self.up = []
        partitions = list(rows)
        self.rng.shuffle(partitions)
        for partition in partitions:
            counts = self._counts(partition)
            for row in rows[partition]:
                home = self._home(counts, room, among_equals)
                if home is None:
                    return False
                table.put(row, partition, home)
                counts.update(table.path[home])
                for node in table.path[home]:
                    room[node] -= 1
            if self._rests:
                table.free[partition] = 0
        return True

    def _home(
        self, counts: Counter[int], room: Sequence[int], among_equals: Sequence[tuple[int, float]]
    ) -> int | None:
        """Down the tree, to the child that misses the most among those with room by the plan."""
        tree, most = self.table.tree, self.table.most
        node = ROOT
        while tree.device[node] < 0:
            fit = [child for child in tree.live_children(node) if counts[child] < most[child]]
            if not fit:
                return None
            node = max(fit, key=lambda child: (room[child], among_equals[child]))
        return tree.device[node]

    def _counts(self, partition: int) -> Counter[int]:
        """Replicas of a partition by node."""
        counts: Counter[int] = Counter()
        for _, number in self.table.holders(partition):
            counts.update(self.table.path[number])
        return counts

    def _room(self) -> list[int]:
        """Partitions that are missed, by node."""
        room = [0] * len(self.table.tree)
        for number, path in self.table.tree.path.items():
            missing = self._missing(number)
            if missing > 0:
                for node in path:
                    room[node] += missing
        return room
