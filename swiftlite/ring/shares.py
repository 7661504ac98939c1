"""How far devices are from their shares by weight, as the table changes: what balance measures."""

from __future__ import annotations

from collections.abc import Mapping

from .assignment import Assignment

NEARLY = 1e-9
WEIGHTLESS = 1e9  # The error of a device that should hold nothing and does.


class Shares:
    """`ideal[d]` are the partitions of device d by weight alone."""

    def __init__(self, table: Assignment, ideal: Mapping[int, float]) -> None:
        self.table = table
        self.ideal = [ideal.get(number, 0.0) for number in range(table.hole)]

    def error(self, number: int, change: int = 0) -> float:
        """How far a device is from its share, relative to it; after a change of its partitions."""
        held, share = self.table.held[number] + change, self.ideal[number]
        if share > 0:
            return abs(held / share - 1)
        return WEIGHTLESS if held > 0 else 0.0

    def worst(self) -> tuple[float, int]:
        """The largest error of a device with weight, and the device."""
        return max((self.error(n), n) for n, share in enumerate(self.ideal) if share > 0)
