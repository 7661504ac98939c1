"""Brings the worst device nearer to its share, again and again, until that is no longer possible.

A replica goes from it (or to it) directly, or over devices in between that pass one on; of all ways
the cheapest. Nothing else may become as bad as the worst device was, and no replicas may come
closer together.
"""

from __future__ import annotations

from collections.abc import Mapping

from .choices import Step
from .reach import RISK, Graph, Reach

HOPS = 4  # Devices that one after the other pass on a replica.
TRIES = 4  # Ways that may turn out to need one partition twice.
NEARLY = 1e-9
WEIGHTLESS = 1e9  # The error of a device that should hold nothing and does.


class Nearer:
    """One run. `ideal[d]` is what balance is measured against."""

    def __init__(self, reach: Reach, ideal: Mapping[int, float]) -> None:
        self.reach = reach
        self.table = reach.choices.table
        self.ideal = [ideal.get(number, 0.0) for number in range(self.table.hole)]

    def error(self, number: int, change: int = 0) -> float:
        """How far a device is from its share, relative to it; after a change of its partitions."""
        held, share = self.table.held[number] + change, self.ideal[number]
        if share > 0:
            return abs(held / share - 1)
        return WEIGHTLESS if held > 0 else 0.0

    def worst(self) -> tuple[float, int]:
        """The largest error of a device with weight, and the device."""
        return max((self.error(n), n) for n, share in enumerate(self.ideal) if share > 0)

    def run(self) -> None:
        """Empty what should hold nothing, then bring the worst device nearer to its share."""
        for number, share in enumerate(self.ideal):
            while not share and self.reach.choices.slots[number]:
                if not self.step(number, WEIGHTLESS):
                    break
        while not self.reach.exhausted:
            error, number = self.worst()
            if not self.step(number, error - NEARLY):
                return

    def step(self, number: int, bound: float) -> bool:
        """One replica less, or more, for a device. False: there is no way."""
        less = self.table.held[number] > self.ideal[number]
        change = -1 if less else 1
        if self.error(number, change) >= bound:
            return False
        graph = self.reach.graph() if less else _turned_round(self.reach.graph())
        for cost, line in self.lines(graph, number, bound, -change):
            if cost > RISK // 2:
                return False
            if not less:
                line.reverse()
            if self.reach.go(line):
                return True
        return self.at_others_cost(number, bound, less)

    def at_others_cost(self, number: int, bound: float, less: bool) -> bool:
        """Where replicas of one partition compete for its only move: the one that has made it goes
        back, although neither of its devices asks for that."""
        choices = self.reach.choices
        devices = self.reach.targets if less else list(range(self.table.hole))
        for source, target in ((number, n) if less else (n, number) for n in devices):
            for slot in list(choices.slots[source]):
                if self.reach.exhausted:
                    return False
                self.reach.spent += 1
                if slot[1] not in choices.moved:
                    continue
                steps = choices.ways(*slot, target)
                if steps is not None and self.harmless(steps, number, bound):
                    self.reach.do(steps)
                    return True
        return False

    def harmless(self, steps: list[Step], but: int, bound: float) -> bool:
        """Does everybody else stay below the bound, and nothing come closer together?"""
        changed: dict[int, int] = {}
        for row, partition, number in steps:
            before = self.table.rows[row][partition]
            changed[before] = changed.get(before, 0) - 1
            changed[number] = changed.get(number, 0) + 1
        partition = steps[0][1]
        return (
            all(self.error(n, change) < bound for n, change in changed.items() if n != but)
            and abs(changed[but]) == 1
            and self.reach.choices.risk(partition, steps) <= self.reach.choices.risk(partition)
        )

    def lines(
        self, graph: Graph, start: int, bound: float, change: int
    ) -> list[tuple[int, list[int]]]:
        """(cost, devices) from `start` to those that may change by so much; the cheapest first."""
        found: list[tuple[int, int, int, list[int]]] = []
        reached: dict[int, tuple[int, list[int]]] = {start: (0, [start])}
        for hop in range(HOPS):
            further: dict[int, tuple[int, list[int]]] = {}
            for cost, line in reached.values():
                for target, price in graph.get(line[-1], {}).items():
                    known = further.get(target)
                    if (known is None or cost + price < known[0]) and target not in line:
                        further[target] = (cost + price, [*line, target])
            for number, (cost, line) in further.items():
                if self.error(number, change) < bound or (change < 0 and not self.ideal[number]):
                    off = change * (self.table.held[number] - self.table.want[number])
                    found.append((cost, off, hop, line))
            if found and min(found)[0] <= 1:
                break
            reached = further
        return [(cost, line) for cost, _, _, line in sorted(found)[:TRIES]]


def _turned_round(graph: Graph) -> Graph:
    turned: Graph = {}
    for number, ways in graph.items():
        for target, cost in ways.items():
            turned.setdefault(target, {})[number] = cost
    return turned
