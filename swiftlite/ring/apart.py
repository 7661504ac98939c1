"""Moves replicas apart that stand closer together than their domains would allow.

One goes elsewhere alone where devices have room for that, or in exchange for a replica of another
partition. No device becomes worse than the worst one is, nor leaves its quota by more than SLIP.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random

from .choices import Choices, Step
from .nearer import NEARLY, Errors

SLIP = 1  # Partitions off its quota that a device may be for the sake of dispersion.
EXCHANGE_COST = 1  # Replicas that an exchange may move beyond those that move anyhow.


class Apart(Errors):
    """One run."""

    def __init__(self, choices: Choices, ideal: Mapping[int, float], rng: Random) -> None:
        super().__init__(choices, ideal)
        self.rng = rng
        worst = self.worst()
        self.bound = (0.0 if worst is None else self.error(worst)) + NEARLY

    def run(self, crowded: Sequence[int]) -> None:
        """Of each of these partitions as many replicas as can be; single moves before exchanges."""
        order = [p for p in crowded if any(True for _ in self.choices.of_partition(p))]
        self.rng.shuffle(order)
        for alone in (True, False):
            for partition in order:
                while self.effort > 0 and (before := self.choices.risk(partition)):
                    if not self.part(partition, before, alone):
                        break

    def part(self, partition: int, before: int, alone: bool) -> bool:
        """One replica of the partition less at risk; the cheapest way that gains most."""
        choices = self.choices
        options: list[tuple[int, int, int, list[Step]]] = []
        for row, number in choices.of_partition(partition):
            for other in self.live:
                steps = self.look((row, partition), other)
                if steps is None:
                    continue
                gained = before - choices.risk(partition, steps)
                if gained > 0:
                    options.append((choices.cost(steps) - gained, len(options), number, steps))
        for _, _, number, steps in sorted(options):
            if alone:
                if self.within(self.changes(steps)):
                    choices.do(steps)
                    return True
            elif self.exchange(partition, steps, number, before):
                return True
        return False

    def within(self, changed: Mapping[int, int]) -> bool:
        """Do these devices stay near their quotas?"""
        table = self.table
        for number, change in changed.items():
            off = table.held[number] + change - table.want[number]
            now = table.held[number] - table.want[number]
            if abs(off) < abs(now):
                continue
            if abs(off) > SLIP or self.error(number, change) > self.bound:
                return False
        return True

    def exchange(self, partition: int, steps: list[Step], number: int, before: int) -> bool:
        """Take the steps, and bring another replica the other way."""
        choices = self.choices
        target = steps[-1][2]
        gained = before - choices.risk(partition, steps)
        slots = list(choices.slots[target])
        self.rng.shuffle(slots)
        for slot in slots:
            if self.effort <= 0:
                return False
            back = self.look(slot, number) if slot[1] != partition else None
            if back is None or choices.cost(steps) + choices.cost(back) > EXCHANGE_COST:
                continue
            if choices.risk(slot[1], back) - choices.risk(slot[1]) >= gained:
                continue
            if self.within(self.changes([*steps, *back])):
                choices.do([*steps, *back])
                return True
        return False
