"""Takes back moves that turn out to be detours: x to y beside z to x is z to y.

Devices hold as much as before, and no replicas stand closer together.
"""

from __future__ import annotations

from .choices import Choices

EFFORT = 20_000  # Pairs of moves looked at, 4 µs each.

Slots = dict[int, list[tuple[int, int]]]


def take_back_detours(choices: Choices) -> None:
    """One pass over all that moved."""
    table = choices.table
    left: Slots = {}
    arrived: Slots = {}
    for partition, row in choices.moved.items():
        left.setdefault(table.origin[row, partition], []).append((row, partition))
        arrived.setdefault(table.rows[row][partition], []).append((row, partition))
    for row, partition in sorted(choices.homeless):
        arrived.setdefault(table.rows[row][partition], []).append((row, partition))
    effort = EFFORT
    for number, slots in left.items():
        came = arrived.get(number, [])
        for slot in slots:
            if effort <= 0:
                return
            effort -= _take_back(choices, slot, number, came[:effort])


def _take_back(
    choices: Choices, slot: tuple[int, int], number: int, came: list[tuple[int, int]]
) -> int:
    """Return the replica in `slot` to the device that it left; what came there goes on instead.
    Gives how many pairs it looked at."""
    table = choices.table
    row, partition = slot
    now = table.rows[row][partition]
    if choices.moved.get(partition) != row or now == number:
        return 1
    steps = choices.ways(row, partition, number)
    if steps is None:
        return 1
    closer = choices.risk(partition, steps) - choices.risk(partition)
    held, want = table.held, table.want
    if closer <= 0 and held[now] > want[now] and held[number] < want[number]:
        choices.do(steps)
        return 1
    for looked, (at, other) in enumerate(came, 1):
        if other == partition or table.rows[at][other] != number:
            continue
        onward = choices.ways(at, other, now)
        if onward is None or choices.cost(onward) > 0:
            continue
        if closer + choices.risk(other, onward) - choices.risk(other) <= 0:
            choices.do([*steps, *onward])
            return looked
    return len(came) + 1
