"""Brings the worst device nearer to its share, again and again, until that is no longer possible.

A replica goes from it (or to it) directly, or over devices in between that pass one on; of all ways
the cheapest. Nothing else may become as bad as the worst device was, and no replicas may come
closer together.
"""

from __future__ import annotations

from .choices import Step
from .reach import RISK, Graph, Reach
from .shares import NEARLY, WEIGHTLESS, Shares

HOPS = 4  # Devices that one after the other pass on a replica.
TRIES = 4  # Ways that may turn out to need one partition twice.


class Nearer:
    """`risks` replicas may come closer together; `steps` have been taken."""

    def __init__(self, reach: Reach, shares: Shares) -> None:
        self.reach = reach
        self.table = reach.choices.table
        self.risks = 0
        self.steps = 0
        self.shares = shares
        self.ideal = shares.ideal

    def run(self, risks: int = 0) -> bool:
        """Empty what should hold nothing, then bring the worst device nearer to its share; so many
        replicas may come closer together for that. Has anything been done?"""
        begun = self.steps
        self.risks = risks
        for number, share in enumerate(self.ideal):
            while not share and self.reach.choices.slots[number]:
                if not self.step(number, WEIGHTLESS):
                    break
        while not self.reach.exhausted:
            error, number = self.shares.worst()
            if not self.step(number, error - NEARLY):
                break
        return self.steps > begun

    def step(self, number: int, bound: float) -> bool:
        """One replica less, or more, for a device. False: there is no way."""
        less = self.table.held[number] > self.ideal[number]
        change = -1 if less else 1
        if self.shares.error(number, change) >= bound:
            return False
        graph = self.reach.graph() if less else _turned_round(self.reach.graph())
        for cost, line in self.lines(graph, number, bound, -change):
            more = max(0, round(cost / RISK))
            if more > self.risks:
                return False
            if not less:
                line.reverse()
            if self.reach.go(line):
                self.risks -= more
                self.steps += 1
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
                    self.steps += 1
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
            all(self.shares.error(n, change) < bound for n, change in changed.items() if n != but)
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
                if self.shares.error(number, change) < bound or (
                    change < 0 and not self.ideal[number]
                ):
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
