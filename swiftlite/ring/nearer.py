"""Brings the worst device nearer to its share, again and again, until that is no longer possible.

A replica goes from it (or to it) directly, or over devices in between that pass one on. Nothing
else may become as bad as the worst device was, and no replicas may come closer together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from random import Random

from .choices import Choices, Step

EFFORT = 20_000  # Ways looked at, 4 µs each.
DEPTH = 3  # Devices that may stand in between.
NEARLY = 1e-9
WEIGHTLESS = 1e9  # The error of a device that should hold nothing and does.


class Errors:
    """How far devices are from their shares; `ideal[d]` is what balance is measured against."""

    def __init__(self, choices: Choices, ideal: Mapping[int, float]) -> None:
        self.choices = choices
        self.table = choices.table
        self.ideal = [ideal.get(number, 0.0) for number in range(self.table.hole)]
        self.live = [n for n, share in enumerate(self.ideal) if share > 0 and self.table.want[n]]
        self.effort = EFFORT

    def error(self, number: int, change: int = 0) -> float:
        """How far a device is from its share, relative to it; after a change of its partitions."""
        held, share = self.table.held[number] + change, self.ideal[number]
        if share > 0:
            return abs(held / share - 1)
        return WEIGHTLESS if held > 0 else 0.0

    def worst(self) -> int | None:
        """The device with weight that is furthest from its share."""
        self.effort -= len(self.ideal) // 10  # As long as this takes.
        return max(
            (n for n, share in enumerate(self.ideal) if share > 0), key=self.error, default=None
        )

    def look(self, slot: tuple[int, int], number: int) -> list[Step] | None:
        """See Choices.ways."""
        self.effort -= 1
        return self.choices.ways(*slot, number)

    def changes(self, steps: Iterable[Step]) -> dict[int, int]:
        """By device id, how many partitions more or less it holds after the steps."""
        changed: dict[int, int] = {}
        for row, partition, number in steps:
            before = self.table.rows[row][partition]
            changed[before] = changed.get(before, 0) - 1
            changed[number] = changed.get(number, 0) + 1
        return {number: change for number, change in changed.items() if change}


class Nearer(Errors):
    """One run. `bound` is the error that all devices but the one in hand must stay below."""

    def __init__(self, choices: Choices, ideal: Mapping[int, float], rng: Random) -> None:
        super().__init__(choices, ideal)
        self.rng = rng
        self.bound = WEIGHTLESS

    def run(self) -> None:
        """Empty what should hold nothing, then bring the worst device nearer to its share."""
        held, ideal = self.table.held, self.ideal
        for number, share in enumerate(ideal):
            while not share and held[number] and self.effort > 0:
                if not self.shed(number, DEPTH, {number}):
                    break
        while self.effort > 0:
            worst = self.worst()
            if worst is None:
                return
            self.bound = self.error(worst) - NEARLY
            over = held[worst] > ideal[worst]
            if self.error(worst, -1 if over else 1) >= self.bound:
                return
            search = self.shed if over else self.gain
            if not search(worst, DEPTH, {worst}):
                return

    def shed(self, number: int, depth: int, seen: set[int]) -> bool:
        """One replica off a device, to one that stays within the bound or can pass it on."""
        takers = self.takers(seen)
        slots = list(self.choices.slots[number])
        self.rng.shuffle(slots)
        if self.first(((slot, taker) for slot in slots for taker in takers), number):
            return True
        if not depth:
            return False
        for slot in slots:
            for middle in self.live:
                if middle in seen:
                    continue
                if self.effort <= 0:
                    return False
                steps = self.look(slot, middle)
                if steps is None or not self.harmless(slot, steps, {number, middle}):
                    continue
                seen.add(middle)
                back = self.choices.do(steps)
                if self.shed(middle, depth - 1, seen):
                    return True
                self.choices.do(back)
        return False

    def gain(self, number: int, depth: int, seen: set[int]) -> bool:
        """One replica more for a device, from one that can do without or can get another."""
        givers = [
            n for n in self.givers(seen) if self.error(n, -1) < self.bound or not self.ideal[n]
        ]
        pairs = ((slot, number) for n in givers for slot in list(self.choices.slots[n]))
        if self.first(pairs, number):
            return True
        if not depth:
            return False
        for middle in self.live:
            if middle in seen:
                continue
            for slot in list(self.choices.slots[middle]):
                if self.effort <= 0:
                    return False
                steps = self.look(slot, number)
                if steps is None or not self.harmless(slot, steps, {number, middle}):
                    continue
                seen.add(middle)
                back = self.choices.do(steps)
                if self.gain(middle, depth - 1, seen):
                    return True
                self.choices.do(back)
                break
        return False

    def takers(self, seen: set[int]) -> list[int]:
        """Devices that may have one more; those furthest below their quota first."""
        table = self.table
        found = [n for n in self.live if n not in seen and self.error(n, 1) < self.bound]
        return sorted(found, key=lambda n: (table.held[n] - table.want[n], self.error(n, 1)))

    def givers(self, seen: set[int]) -> list[int]:
        """All others; those furthest above their quota first."""
        table = self.table
        found = [n for n in range(table.hole) if n not in seen and table.held[n]]
        return sorted(found, key=lambda n: (table.want[n] - table.held[n], n))

    def harmless(self, slot: tuple[int, int], steps: list[Step], but: set[int]) -> bool:
        """Does everybody except `but` stay within the bound or come nearer to its share, and do no
        replicas come closer together?"""
        for number, change in self.changes(steps).items():
            if number not in but:
                error = self.error(number, change)
                if error >= self.bound and error >= self.error(number):
                    return False
        return self.choices.risk(slot[1], steps) <= self.choices.risk(slot[1])

    def first(self, pairs: Iterable[tuple[tuple[int, int], int]], but: int) -> bool:
        """Take the first way that harms nobody."""
        for slot, number in pairs:
            if self.effort <= 0:
                break
            steps = self.look(slot, number)
            if steps is not None and self.harmless(slot, steps, {but}):
                self.choices.do(steps)
                return True
        return False
