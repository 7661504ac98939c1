"""Moving what has to move: homes for replicas without one, apart what is too close, and then from
devices above their quota to devices below it, until one of them is used up.

Guess first (a random hungry device, 2 µs a try), descend the tree when guesses fail.
At most one replica of a partition is moved, except those that nobody holds any more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from random import Random

from .assignment import Assignment
from .crowded import over_full
from .homes import find_home

GUESSES = 8
FAILURES_MAX = 3_000  # Descents in a row that find nothing: the rest is left to the swap pass.

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and how much there is."""


class Hungry:
    """The devices below their quota, each as often as it misses partitions; drawn at random."""

    def __init__(self, table: Assignment, rng: Random, supply: int | None = None) -> None:
        """With less `supply` than is missing, only those who lack the most of their share."""
        self._table = table
        self._random = rng.random
        self.list: list[int] = []
        for number in range(table.hole):
            missing = table.want[number] - table.held[number]
            if missing > 0:
                self.list += [number] * missing
        if supply is not None and supply < len(self.list):
            needs = [
                ((table.held[number] + count) / table.want[number], number)
                for number in sorted(set(self.list))
                for count in range(table.want[number] - table.held[number])
            ]
            self.list = [number for _, number in sorted(needs)[:supply]]

    def take(
        self, others: list[int], leaving: int, *, spare: bool, strict: bool = False
    ) -> int | None:
        """A device that fits, removed from the multiset; None when the guesses did not find one."""
        hungry, table, random = self.list, self._table, self._random
        stay = table.hole if strict else leaving
        for _ in range(GUESSES):
            if not hungry:
                return None
            at = int(random() * len(hungry))
            number = hungry[at]
            if table.held[number] >= table.want[number]:
                hungry[at] = hungry[-1]  # It got its share through a descent.
                hungry.pop()
                continue
            if table.fits(number, others, stay) and (
                not spare or table.spared(number, others, leaving)
            ):
                hungry[at] = hungry[-1]
                hungry.pop()
                return number
        return None


def fill_holes(
    table: Assignment, holes: Sequence[tuple[int, int]], rng: Random, progress: Progress
) -> None:
    """Give every replica in `holes` a holder; the plan's bounds always leave one."""
    order = list(holes)
    rng.shuffle(order)
    hungry = Hungry(table, rng, len(order))
    must = [node for node, least in enumerate(table.least) if node and least]
    for done, (row, partition) in enumerate(order):
        if not done & 0x3FFF:
            progress("placing replicas without a holder", done, len(order))
        others = table.others(partition, row)
        table.cap = table.soft
        home: int | None = None
        if not must or not _lacking(table, others, must):
            home = hungry.take(others, table.hole, spare=False)
        if home is None:
            home = find_home(table, others, table.hole, hungry=True)
        table.cap = table.most
        if home is None and table.soft != table.most:
            home = find_home(table, others, table.hole, hungry=True)
        if home is None:
            home = find_home(table, others, table.hole, hungry=False)
        if home is None:
            home = _least_bad(table, others)
        table.put(row, partition, home)


def _lacking(table: Assignment, others: list[int], must: list[int]) -> bool:
    """Is there a domain that every partition should be in, and this one is not?"""
    counts: dict[int, int] = {}
    for other in others:
        for node in table.path[other]:
            counts[node] = counts.get(node, 0) + 1
    return any(counts.get(node, 0) < table.least[node] for node in must)


def _least_bad(table: Assignment, others: list[int]) -> int:
    """When recent moves keep a partition crowded: any device that does not hold it yet."""
    taken = set(others)
    live = [
        number
        for number, path in enumerate(table.path[:-1])
        if number not in taken and path[3] >= 0 and table.tree.live[path[3]]
    ]
    assert live, "fewer devices than replicas is refused before"
    return min(live, key=lambda number: (table.held[number] + 1) / (table.want[number] + 0.1))


def spread_apart(table: Assignment, rng: Random, progress: Progress) -> list[int]:
    """Move one replica of each partition that is more crowded than the plan allows; gives them."""
    found = over_full(table.rows, table.tree, table.most, table.parts, table.hole)
    crowded = [p for p in found if table.free[p] or _doubled(table, p)]
    rng.shuffle(crowded)
    hungry = Hungry(table, rng)
    for done, partition in enumerate(crowded):
        if not done & 0x3FFF:
            progress("moving replicas apart", done, len(crowded))
        choices = _crowding(table, partition, table.most)
        homes = (
            lambda others, number: hungry.take(others, number, spare=False, strict=True),
            lambda others, number: find_home(table, others, number, hungry=True, strict=True),
            lambda others, number: find_home(table, others, number, hungry=False, strict=True),
        )
        for find in homes:
            if _move_first(table, partition, choices, find):
                break
    return found


def drain(table: Assignment, rng: Random, progress: Progress) -> None:
    """Empty the devices that are to hold nothing; their replicas go before all others."""
    held, want = table.held, table.want
    leaving = [n for n in range(table.hole) if held[n] and not want[n]]
    if not leaving:
        return
    slots = [slot for listed in table.slots_of(leaving).values() for slot in listed]
    rng.shuffle(slots)
    # Where one partition has several such replicas, one on a device without weight goes first.
    slots.sort(key=lambda slot: table.tree.live[table.path[table.rows[slot[0]][slot[1]]][3]])
    hungry = Hungry(table, rng)
    for done, (row, partition) in enumerate(slots):
        if not done & 0x3FFF:
            progress("emptying devices", done, len(slots))
        if not table.free[partition]:
            continue
        number = table.rows[row][partition]
        others = table.others(partition, row)
        home: int | None = None
        for cap in (table.soft, table.most):
            table.cap = cap
            home = hungry.take(others, number, spare=True)
            if home is None:
                home = find_home(table, others, number, hungry=True)
            if home is not None:
                break
        table.cap = table.most
        if home is None:
            home = find_home(table, others, number, hungry=False)
        if home is not None and home != number:
            table.put(row, partition, home)
            table.free[partition] = 0


def _doubled(table: Assignment, partition: int) -> bool:
    numbers = [number for _, number in table.holders(partition)]
    return len(set(numbers)) < len(numbers)


def _move_first(
    table: Assignment,
    partition: int,
    choices: list[tuple[int, int]],
    find: Callable[[list[int], int], int | None],
) -> bool:
    for row, number in choices:
        others = table.others(partition, row)
        home = find(others, number)
        if home is not None:
            table.put(row, partition, home)
            table.free[partition] = 0
            return True
    return False


def _crowding(table: Assignment, partition: int, caps: Sequence[int]) -> list[tuple[int, int]]:
    """(row, device) of the replicas in the largest over-full domain, fullest first."""
    holders = table.holders(partition)
    for level in range(4):
        counts = Counter(table.path[number][level] for _, number in holders)
        bad = {node for node, count in counts.items() if count > caps[node]}
        if bad:
            guilty = [(r, n) for r, n in holders if table.path[n][level] in bad]
            return sorted(guilty, key=lambda g: -table.held[g[1]] / (table.want[g[1]] + 0.1))
    return []


def even_out(table: Assignment, start: int, rng: Random, progress: Progress) -> None:
    """Move replicas from devices above their quota to devices below it."""
    hungry = Hungry(table, rng)
    if table.soft != table.most:
        # Where weight makes crowding unavoidable: first the moves that lessen it, then those that
        # do not add to it.
        table.cap = table.soft
        _relieve(table, hungry)
        _sweep(table, start, hungry, progress)
        table.cap = table.most
    _sweep(table, start, hungry, progress)
    if table.room[0] > 0:
        _thorough(table, progress)


def _relieve(table: Assignment, hungry: Hungry) -> None:
    """Let crowded partitions be the ones that give replicas to hungry devices."""
    for partition in over_full(table.rows, table.tree, table.soft, table.parts, table.hole):
        if not table.free[partition]:
            continue
        for row, number in _crowding(table, partition, table.soft):
            if table.held[number] <= table.want[number]:
                continue
            others = table.others(partition, row)
            home = hungry.take(others, number, spare=True, strict=True)
            if home is None:
                home = find_home(table, others, number, hungry=True, spare=True, strict=True)
            if home is not None:
                table.put(row, partition, home)
                table.free[partition] = 0
                break


def _sweep(table: Assignment, start: int, hungry: Hungry, progress: Progress) -> None:
    """One pass over all partitions with guesses only."""
    rows, parts, free, hole = table.rows, table.parts, table.free, table.hole
    surplus = [h - w for h, w in zip(table.held, table.want, strict=True)]
    surplus[hole] = 0
    # Where few partitions may move, those that hold the worst devices' replicas serve these.
    load = [h / (w + 0.1) for h, w in zip(table.held, table.want, strict=True)]
    left = sum(s for s in surplus if s > 0)
    total = left
    for step in range(parts):
        if not left or not hungry.list:
            return
        partition = start + step if start + step < parts else start + step - parts
        if not free[partition]:
            continue
        ids = [row[partition] for row in rows]
        most, fullest = 0.0, -1
        for row, number in enumerate(ids):
            if surplus[number] > 0 and load[number] > most:
                most, fullest = load[number], row
        if fullest < 0:
            continue
        leaving = ids[fullest]
        del ids[fullest]
        if hole in ids:
            ids = [number for number in ids if number != hole]
        home = hungry.take(ids, leaving, spare=True)
        if home is None:
            continue
        table.put(fullest, partition, home)
        free[partition] = 0
        surplus[leaving] -= 1
        left -= 1
        if not left & 0x3FFF:
            progress("evening out", total - left, total)


def _thorough(table: Assignment, progress: Progress) -> None:
    """A second pass that searches: first sparing the domains that lose a replica, then not."""
    held, want = table.held, table.want
    for spare in (True, False):
        failures = 0
        over = [n for n in range(table.hole) if held[n] > want[n]]
        slots = table.slots_of(over)
        progress("searching homes", 0, len(over))
        for number in over:
            for row, partition in slots[number]:
                if held[number] <= want[number] or table.room[0] <= 0:
                    break
                if failures > FAILURES_MAX:
                    return
                if not table.free[partition] or table.rows[row][partition] != number:
                    continue
                others = table.others(partition, row)
                home = find_home(table, others, number, hungry=True, spare=spare)
                if home is None:
                    failures += 1
                    continue
                failures = 0
                table.put(row, partition, home)
                table.free[partition] = 0
