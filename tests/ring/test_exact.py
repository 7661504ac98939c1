"""What a rebalance ends with is the best that could be: checked against all other possibilities.

Clusters are so small that every outcome can be looked at: each partition keeps its replicas or
gives up one. Of the outcomes in which all devices with weight hold as much, and those without
together, none has fewer replicas too close together, nor as few with fewer moves.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import pytest

from swiftlite.ring import ImpossiblePlan, RingBuilder
from swiftlite.ring.preview import changes
from swiftlite.ring.wanted import Plan
from tools.interop.ring_reach import too_close

HOUR = 3600.0
STATES_MAX = 3_000

Cost = tuple[int, int]
"""(replicas too close together, replicas moved)"""


def small_cluster(rng: Random) -> RingBuilder:
    made = RingBuilder.create(rng.choice([2, 3]), rng.choice([2, 3]), 1)
    for number in range(rng.randint(4, 6)):
        add(made, rng, f"d{number}", rng.choice([100, 100, 50, 200, 300]))
    return made


def add(builder: RingBuilder, rng: Random, name: str, weight: float) -> None:
    builder.add_device(
        region=rng.randint(1, 2),
        zone=rng.randint(1, 3),
        ip=f"10.0.0.{rng.randint(1, 3)}",
        port=6200,
        device=name,
        weight=weight,
    )


def change(builder: RingBuilder, rng: Random) -> None:
    for device in rng.sample(builder.listed(), 2):
        builder.set_weight(device.id, rng.choice([0, 20, 50, 150, 300]))
    if rng.random() < 0.5:
        add(builder, rng, "new", 100)


def outcomes(plan: Plan, ids: list[int]) -> Iterator[tuple[list[int], int]]:
    """(device ids, moves) of a partition that may give up one replica, within the plan."""
    path = plan.tree.path
    yield ids, 0
    for at, leaving in enumerate(ids):
        others = ids[:at] + ids[at + 1 :]
        for number in path:
            if number not in ids and all(
                node == path[leaving][level]
                or sum(path[other][level] == node for other in others) < plan.most[node]
                for level, node in enumerate(path[number])
            ):
                yield [*others, number], 1


def best(
    plan: Plan, rows: list[list[int]], held: dict[int, int], weights: dict[int, float]
) -> Cost | None:
    """The least cost of all ways to come to these counts; None when there are too many."""
    groups = [[n] for n in sorted(plan.tree.path) if weights[n]]
    groups.append([n for n in sorted(plan.tree.path) if not weights[n]])
    states: dict[tuple[int, ...], Cost] = {(0,) * len(groups): (0, 0)}
    for partition in range(len(rows[0])):
        options: dict[tuple[int, ...], Cost] = {}
        for ids, moves in outcomes(plan, [row[partition] for row in rows]):
            counts = tuple(sum(number in ids for number in group) for group in groups)
            cost = too_close(plan, ids), moves
            options[counts] = min(cost, options.get(counts, cost))
        reached: dict[tuple[int, ...], Cost] = {}
        for state, (close, moved) in states.items():
            for counts, cost in options.items():
                sums = tuple(map(sum, zip(state, counts, strict=True)))
                total = close + cost[0], moved + cost[1]
                reached[sums] = min(total, reached.get(sums, total))
        if len(reached) > STATES_MAX:
            return None
        states = reached
    return states[tuple(sum(held.get(number, 0) for number in group) for group in groups)]


@pytest.mark.parametrize("seed", range(40))
def test_no_other_outcome_is_better(seed: int) -> None:
    rng = Random(seed)
    builder = small_cluster(rng)
    builder.rebalance(0.0, seed="1")
    change(builder, rng)
    before = [list(row) for row in builder.rows()]
    try:
        plan = builder.plan()
    except ImpossiblePlan:
        return
    old = builder.rows()
    builder.rebalance(2 * HOUR, seed="2")
    weights = {device.id: device.weight for device in builder.listed()}
    least = best(plan, before, builder.held(), weights)
    if least is not None:
        partitions = range(builder.partition_count)
        close = sum(too_close(plan, builder.assigned(partition)) for partition in partitions)
        assert (close, len(changes(old, builder.rows()))) == least
