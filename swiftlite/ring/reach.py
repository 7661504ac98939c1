"""What it would cost to bring a replica from one device to another, for all pairs of devices.

A replica may go directly; or, where another replica of its partition has moved, that one goes back
and this one takes its place. Of the many that a device could give, the cheapest are kept. Costs are
whole numbers: RISK for every replica that comes too close to its fellows, 1 for every replica that
moves because of it, each less where it is the other way round.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, pairwise
from random import Random

from .choices import Choices, Step

RISK = 1000
KEPT = 4  # Of the replicas that could make the same way: two ways may need the same partition.
SLOTS_MIN = 16  # Replicas looked at on one device, at least; of more some are drawn at random.
EFFORT = 100_000  # Replicas looked at in one rebalance, 10 µs each.

Way = tuple[int, int, int]
"""(cost, row, partition): this replica may make the way at this cost."""
Ways = dict[int, list[Way]]
Graph = dict[int, dict[int, int]]
"""The cheapest cost by device and device."""


class Reach:
    """`targets` are the devices that may receive replicas; `weightless` ones only give theirs, or
    have one back that has left them. `spent` is the effort so far."""

    def __init__(
        self,
        choices: Choices,
        targets: list[int],
        crowded: Sequence[int],
        rng: Random,
    ) -> None:
        """Where not all can be looked at, `crowded` partitions come first."""
        self.choices = choices
        self.rng = rng
        self.spent = 0
        table = choices.table
        self.targets = targets
        self._takes = frozenset(self.targets)
        self._on: dict[tuple[int, ...], list[int]] = {}
        for number in self.targets:
            self._on.setdefault(table.path[number][:3], []).append(number)
        self._crowded = frozenset(crowded)
        weightless = [n for n in range(table.hole) if not table.want[n] and n not in self._takes]
        self._givers = [*targets, *weightless]
        self.weightless = frozenset(weightless)
        self._sample = max(SLOTS_MIN, EFFORT // 8 // len(self._givers))
        self._known: dict[int, Ways] = {}
        self._missed: dict[int, dict[int, int]] = {}  # What the cheapest way not kept costs.
        self._shapes: dict[tuple[int, ...], list[tuple[int, list[int]]]] = {}

    @property
    def exhausted(self) -> bool:
        """Has this rebalance searched enough?"""
        return self.spent > EFFORT

    def graph(self) -> Graph:
        """Of all devices that have something to give."""
        slots = self.choices.slots
        self.spent += len(self.targets) ** 2 // 40
        return {
            number: {target: ways[0][0] for target, ways in self.ways(number).items()}
            for number in self._givers
            if slots[number]
        }

    def ways(self, number: int) -> Ways:
        """By device id where a replica of this device could go: the cheapest ways."""
        known = self._known.get(number)
        if known is None:
            known = self._known[number] = {}
            self._missed[number] = {}
            slots = list(self.choices.slots[number])
            if len(slots) > self._sample:
                first = [s for s in slots if s[1] in self._crowded][: self._sample // 2]
                slots = first + self.rng.sample(slots, self._sample - len(first))
            for slot in slots:
                self._look(known, number, *slot)
        return known

    def go(self, *lines: Sequence[int]) -> bool:
        """Each device of a line gives a replica to the next. False, and nothing done, where two of
        them could only give one of the same partition."""
        used: set[int] = set()
        steps: list[Step] = []
        for number, target in chain.from_iterable(map(pairwise, lines)):
            way = next((w for w in self.ways(number)[target] if w[2] not in used), None)
            if way is None:
                return False
            used.add(way[2])
            steps += self._steps(way, target)
        self.do(steps)
        return True

    def do(self, steps: Sequence[Step]) -> None:
        """Take steps."""
        partitions = {partition for _, partition, _ in steps}
        self._forget(partitions)
        self.choices.do(steps)
        self._learn(partitions)

    def _steps(self, way: Way, number: int) -> list[Step]:
        """What is to be done to bring a replica to this device."""
        choices = self.choices
        _, row, partition = way
        first = choices.moved.get(partition)
        if first is None or first == row or (row, partition) in choices.homeless:
            return [(row, partition, number)]
        between = choices.table.rows[first][partition]
        return [(first, partition, number), (row, partition, between)]

    def _forget(self, partitions: set[int]) -> None:
        """Strike these partitions out of all ways."""
        for number in self._holders(partitions):
            known = self._known.get(number, {})
            for target, ways in list(known.items()):
                left = [way for way in ways if way[2] not in partitions]
                missed = self._missed[number].get(target)
                if missed is not None and (not left or left[0][0] > missed):
                    del self._known[number]
                    break
                if left:
                    known[target] = left
                else:
                    del known[target]

    def _learn(self, partitions: set[int]) -> None:
        """Look at these partitions anew."""
        for number in self._holders(partitions):
            known = self._known.get(number)
            if known is None:
                continue
            for partition in partitions:
                for row, held in enumerate(self.choices.table.rows):
                    if held[partition] == number and (row, partition) in self.choices.slots[number]:
                        self._look(known, number, row, partition)

    def _holders(self, partitions: set[int]) -> set[int]:
        return {row[p] for row in self.choices.table.rows for p in partitions}

    def _look(self, known: Ways, number: int, row: int, partition: int) -> None:
        """Enter where this replica could go."""
        self.spent += 1
        choices = self.choices
        table = choices.table
        first = choices.moved.get(partition)
        homeless = (row, partition) in choices.homeless
        if first is not None and first != row and not homeless:
            for target, way in self._hand_over(row, partition, first):
                self._keep(known, number, target, way)
            return
        others = table.others(partition, row)
        if number in others:
            return
        moves = 1 if first is None and not homeless else 0
        path = table.path
        shape = (path[number][2], *sorted([path[n][2] for n in others]))
        found = self._shapes.get(shape)
        if found is None:
            found = self._shapes[shape] = self._shape(number, others)
        origin = table.origin[row, partition] if first == row and not homeless else -1
        for risk, targets in found:
            way = (risk * RISK + moves, row, partition)
            for target in targets:
                if target == number or target in others:
                    continue
                if target == origin:
                    self._keep(known, number, target, (risk * RISK - 1, row, partition))
                else:
                    self._keep(known, number, target, way)
        if origin in self.weightless and (steps := choices.ways(row, partition, origin)):
            worse = choices.risk(partition, steps) - choices.risk(partition)
            self._keep(known, number, origin, (worse * RISK - 1, row, partition))

    def _hand_over(self, row: int, partition: int, first: int) -> Iterator[tuple[int, Way]]:
        """The replica goes where the first one went, and that one back."""
        choices = self.choices
        home = choices.table.origin[first, partition]
        if home in self._takes or home in self.weightless:
            steps = choices.ways(row, partition, choices.table.rows[first][partition])
            if steps is not None:
                risk = choices.risk(partition, steps) - choices.risk(partition)
                yield home, (risk * RISK + choices.cost(steps), row, partition)

    def _shape(self, number: int, others: list[int]) -> list[tuple[int, list[int]]]:
        """Replicas more at risk, and the devices for which that is so. The same for all partitions
        whose replicas stand on the same servers."""
        choices = self.choices
        table = choices.table
        caps, allowed = table.most, choices.allowed
        source = table.path[number]
        counts = [[table.path[n][level] for n in others] for level in range(3)]
        base = [
            sum(max(0, nodes.count(node) - allowed[node]) for node in set(nodes))
            for nodes in counts
        ]

        def risk(path: Sequence[int]) -> int:
            return max(
                base[level] + (counts[level].count(path[level]) >= allowed[path[level]])
                for level in range(3)
            )

        before = risk(source)
        found: dict[int, list[int]] = {}
        for path, devices in self._on.items():
            if all(
                path[level] == source[level] or counts[level].count(path[level]) < caps[path[level]]
                for level in range(3)
            ):
                found.setdefault(risk(path) - before, []).extend(devices)
        return sorted(found.items())

    def _keep(self, known: Ways, number: int, target: int, way: Way) -> None:
        kept = known.get(target)
        if kept is None:
            known[target] = [way]
        elif len(kept) < KEPT:
            kept.append(way)
            kept.sort()
        else:
            if way < kept[-1]:
                way, kept[-1] = kept[-1], way
                kept.sort()
            missed = self._missed[number]
            missed[target] = min(missed.get(target, way[0]), way[0])
