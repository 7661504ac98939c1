"""The last few: a device has too much and another too little, but no single move may join them.

A replica then goes over a third device: what that one was given in this same rebalance goes on to
the hungry device, and it takes the surplus in its stead. So no replica moves that need not. Where a
device would stay the worst of all, more is tried afterwards; see nearer.py.
"""

from __future__ import annotations

from random import Random

from .assignment import Assignment

TRIES = 200
SURPLUS_TRIES = 40


def swap_leftovers(table: Assignment, rng: Random) -> None:
    """Resolve as many pairs of surplus and need as can be found within the tries."""
    held, want = table.held, table.want
    over = [n for n in range(table.hole) if held[n] > want[n]]
    hungry = [n for n in range(table.hole) if held[n] < want[n]]
    if not over or not hungry:
        return
    moved = table.moved()
    if not moved:
        return
    slots = table.slots_of(over)
    rng.shuffle(moved)
    rng.shuffle(over)
    for number in over:
        own = [(r, p) for r, p in slots[number] if table.free[p] and table.rows[r][p] == number]
        rng.shuffle(own)
        while held[number] > want[number] and own:
            hungry = [n for n in hungry if held[n] < want[n]]
            if not hungry or not _one(table, number, own, hungry, moved, rng):
                break


def _one(
    table: Assignment,
    number: int,
    own: list[tuple[int, int]],
    hungry: list[int],
    moved: list[tuple[int, int]],
    rng: Random,
) -> bool:
    for needy in rng.sample(hungry, min(4, len(hungry))):
        for _ in range(TRIES):
            row, partition = moved[int(rng.random() * len(moved))]
            between = table.rows[row][partition]
            if between in (table.hole, number, needy):
                continue
            if not table.fits(needy, table.others(partition, row), between):
                continue
            if _pass_on(table, number, own, between, partition):
                table.put(row, partition, needy)
                return True
    return False


def _pass_on(
    table: Assignment, number: int, own: list[tuple[int, int]], between: int, avoid: int
) -> bool:
    """Give one of the surplus replicas to the device between."""
    for at in range(len(own) - 1, max(-1, len(own) - 1 - SURPLUS_TRIES), -1):
        row, partition = own[at]
        if partition == avoid or not table.free[partition]:
            continue
        others = table.others(partition, row)
        if table.fits(between, others, number) and table.spared(between, others, number):
            table.put(row, partition, between)
            table.free[partition] = 0
            own[at] = own[-1]
            own.pop()
            return True
    return False
