"""The table while it changes: who holds which replica, what each device still wants.

All moves go through `put`, which keeps the counts true. Rows are padded to full length with the
number of a device that does not exist (`hole`), so that no loop has to ask how long a row is.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping
from copy import copy
from itertools import compress, repeat

from .tiers import TierTree
from .wanted import Plan


class Assignment:
    """`want[d]` and `held[d]` are partitions by device id, `wanted` and `inside` their sums by
    node; `room[node]` sums what devices below their quota still want.

    `most` and `least` bound the replicas of one partition in a node. `free[p]` is 1 while a
    replica of p may be moved. `soft` is `most` without what the plan concedes to weight; `cap` is
    the one of the two that `fits` goes by now. `origin` remembers the first holder of every
    (row, partition) that changed.
    """

    __slots__ = (
        "cap",
        "free",
        "held",
        "hole",
        "inside",
        "least",
        "most",
        "origin",
        "parts",
        "path",
        "room",
        "rows",
        "short",
        "soft",
        "tree",
        "want",
        "wanted",
    )

    def __init__(
        self,
        tree: TierTree,
        plan: Plan,
        rows: list[array[int]],
        parts: int,
        quotas: Mapping[int, int],
        held: Mapping[int, int],
        hole: int,
        free: bytearray,
    ) -> None:
        """Takes the rows over, all of full length; `short` is set by who knows the last one's."""
        self.tree = tree
        self.rows = rows
        self.parts = parts
        self.short = parts
        self.hole = hole
        self.free = free
        self.most, self.least = plan.most, plan.least
        self.soft = [
            min(most, max(int(allowed), least))
            for most, least, allowed in zip(plan.most, plan.least, plan.allowed, strict=True)
        ]
        self.cap = self.most
        self.want = [quotas.get(number, 0) for number in range(hole)] + [0]
        self.held = [held.get(number, 0) for number in range(hole)] + [0]
        nowhere = (-1, -1, -1, -1)
        self.path = [tree.path.get(number, nowhere) for number in range(hole)] + [nowhere]
        self.room = [0] * len(tree)
        self.inside = [0] * len(tree)
        self.wanted = [0] * len(tree)
        for number, path in tree.path.items():
            for node in path:
                self.inside[node] += self.held[number]
                self.wanted[node] += self.want[number]
            short = self.want[number] - self.held[number]
            if short > 0:
                self.room[0] += short
                for node in path:
                    self.room[node] += short
        self.origin: dict[tuple[int, int], int] = {}

    def copy(self) -> Assignment:
        """An independent table in the same state."""
        twin = copy(self)
        twin.rows = [row[:] for row in self.rows]
        twin.held, twin.room, twin.inside = self.held[:], self.room[:], self.inside[:]
        twin.free, twin.origin = self.free[:], dict(self.origin)
        return twin

    def others(self, partition: int, row: int) -> list[int]:
        """Who holds the other replicas of a partition."""
        hole = self.hole
        return [
            number
            for at, held in enumerate(self.rows)
            if at != row and (number := held[partition]) != hole
        ]

    def holders(self, partition: int) -> list[tuple[int, int]]:
        """(row, device id) of every replica that has a holder."""
        hole = self.hole
        return [
            (at, number) for at, held in enumerate(self.rows) if (number := held[partition]) != hole
        ]

    def put(self, row: int, partition: int, number: int) -> None:
        """Give a replica to a device, or to nobody (`hole`)."""
        before = self.rows[row][partition]
        self.rows[row][partition] = number
        self.origin.setdefault((row, partition), before)
        if before != self.hole:
            self.held[before] -= 1
            for node in self.path[before]:
                self.inside[node] -= 1
            if self.held[before] < self.want[before]:
                self._change_room(before, 1)
        if number != self.hole:
            self.held[number] += 1
            for node in self.path[number]:
                self.inside[node] += 1
            if self.held[number] <= self.want[number]:
                self._change_room(number, -1)

    def _change_room(self, number: int, change: int) -> None:
        room = self.room
        a, b, c, d = self.path[number]
        room[0] += change
        room[a] += change
        room[b] += change
        room[c] += change
        room[d] += change

    def fits(self, number: int, others: list[int], leaving: int) -> bool:
        """May the device take a replica beside those of `others`, which `leaving` gives up?

        Domains that the replica stays within are not asked: the move does not change them.
        """
        path, most = self.path, self.cap
        target, source = path[number], path[leaving]
        fellows = len(others)
        for level in (0, 1, 2, 3):
            node = target[level]
            cap = most[node]
            if fellows < cap or node == source[level]:
                continue
            count = 0
            for other in others:
                if path[other][level] == node:
                    count += 1
                    if count >= cap:
                        return False
        return True

    def spared(self, number: int, others: list[int], leaving: int) -> bool:
        """Do the domains that lose the replica keep the least that is meant for them?"""
        path, least = self.path, self.least
        target, source = path[number], path[leaving]
        for level in (0, 1, 2):
            node = source[level]
            floor = least[node]
            if not floor or node == target[level]:
                continue
            for other in others:
                if path[other][level] == node:
                    floor -= 1
                    if not floor:
                        break
            if floor:
                return False
        return True

    def slots_of(self, numbers: Iterable[int]) -> dict[int, list[tuple[int, int]]]:
        """(row, partition) of everything that these devices hold; 40 ns a slot looked at."""
        slots: dict[int, list[tuple[int, int]]] = {number: [] for number in numbers}
        for at, row in enumerate(self.rows):
            for partition in compress(range(self.parts), map(slots.__contains__, row)):
                slots[row[partition]].append((at, partition))
        return slots

    def further(self, number: int, change: int) -> int:
        """By how many partitions a change takes a device away from what it wants."""
        off = self.held[number] - self.want[number]
        return abs(off + change) - abs(off)

    def surplus(self) -> int:
        """Replicas that devices hold beyond what they want."""
        return sum(max(0, held - want) for held, want in zip(self.held, self.want, strict=True))

    def unfilled(self) -> list[tuple[int, int]]:
        """(row, partition) of every replica that nobody holds."""
        hole = self.hole
        last = len(self.rows) - 1
        return [
            (at, partition)
            for at, row in enumerate(self.rows)
            for partition in compress(
                range(self.short if at == last else self.parts), map(hole.__eq__, row)
            )
        ]

    def moved(self) -> list[tuple[int, int]]:
        """(row, partition) of every replica that ended with another holder than it began with."""
        return [
            (row, partition)
            for (row, partition), before in self.origin.items()
            if self.rows[row][partition] != before
        ]


def padded(row: array[int], parts: int, hole: int) -> array[int]:
    """The row at full length; the missing replicas are held by nobody."""
    if len(row) == parts:
        return row
    return row + array(row.typecode, repeat(hole, parts - len(row)))
