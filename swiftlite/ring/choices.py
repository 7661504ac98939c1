"""What a rebalance may still decide otherwise: the replicas that it moved, and those it may move.

A partition gives up one replica per rebalance. Which one, and where to, can be decided again at no
further cost until the rebalance ends; a replica without a holder can go anywhere. Knows the table
and how close together a partition's replicas stand, not what would be better.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import compress

from .assignment import Assignment

Step = tuple[int, int, int]
"""(row, partition, device id): this replica to that device."""


class Choices:
    """`slots[d]` are the (row, partition) on device d that may leave it; `moved[p]` the row of
    partition p that has moved; `homeless` the slots that had no holder."""

    __slots__ = ("allowed", "homeless", "moved", "slots", "table")

    def __init__(
        self,
        table: Assignment,
        free: bytearray,
        homeless: frozenset[tuple[int, int]],
        allowed: Sequence[int],
    ) -> None:
        """`free` as it was before the first move; `allowed` replicas of a partition, by node."""
        self.table = table
        self.homeless = homeless
        self.allowed = allowed
        self.moved = {
            partition: row
            for row, partition in table.moved()
            if free[partition] and (row, partition) not in homeless
        }
        self.slots: list[dict[tuple[int, int], None]] = [{} for _ in range(table.hole + 1)]
        for row, held in enumerate(table.rows):
            for partition in compress(range(table.parts), free):
                self.slots[held[partition]][row, partition] = None
        for row, partition in sorted(homeless):
            self.slots[table.rows[row][partition]][row, partition] = None
        self.slots[table.hole].clear()

    def do(self, steps: Sequence[Step]) -> list[Step]:
        """Take the steps; gives those that undo them."""
        table, back = self.table, []
        for row, partition, number in steps:
            before = table.rows[row][partition]
            back.append((row, partition, before))
            del self.slots[before][row, partition]
            self.slots[number][row, partition] = None
            table.put(row, partition, number)
            if (row, partition) not in self.homeless:
                if table.origin[row, partition] == number:
                    self.moved.pop(partition, None)
                else:
                    self.moved[partition] = row
        back.reverse()
        return back

    def ways(self, row: int, partition: int, number: int) -> list[Step] | None:
        """The steps that bring a replica in `slots` to a device: one, or two where another replica
        of the partition has moved and has to stay instead. None: it does not fit."""
        table = self.table
        held = table.rows[row][partition]
        if number == held:
            return None
        others = table.others(partition, row)
        first = self.moved.get(partition)
        if first is None or first == row or (row, partition) in self.homeless:
            if number in others or not table.fits(number, others, held):
                return None
            return [(row, partition, number)]
        home = table.origin[first, partition]
        others.remove(table.rows[first][partition])
        if number == home or number in others or home in others:
            return None
        others.append(home)
        if not table.fits(number, others, held):
            return None
        return [(first, partition, home), (row, partition, number)]

    def cost(self, steps: Sequence[Step]) -> int:
        """How many more replicas will have moved."""
        table, more = self.table, 0
        for row, partition, number in steps:
            if (row, partition) in self.homeless:
                continue
            now = table.rows[row][partition]
            before = table.origin.get((row, partition), now)
            more += (number != before) - (now != before)
        return more

    def risk(self, partition: int, steps: Sequence[Step] = ()) -> int:
        """Replicas of a partition that stand closer together than they would have to."""
        table, allowed = self.table, self.allowed
        ids = [row[partition] for row in table.rows]
        for row, _, number in steps:
            ids[row] = number
        if table.hole in ids:
            ids = [number for number in ids if number != table.hole]
        paths = [table.path[number] for number in ids]
        worst = 0
        for nodes in zip(*paths, strict=True):
            if len(set(nodes)) < len(nodes):
                over = 0
                for node in set(nodes):
                    excess = nodes.count(node) - allowed[node]
                    if excess > 0:
                        over += excess
                worst = max(worst, over)
        return worst

    def risks(self) -> int:
        """Of all partitions."""
        return sum(map(self.risk, range(self.table.parts)))

    def of_partition(self, partition: int) -> Iterator[tuple[int, int]]:
        """(row, device) of the replicas of a partition that may leave."""
        for row, held in enumerate(self.table.rows):
            number = held[partition]
            if (row, partition) in self.slots[number]:
                yield row, number
