"""Ways from device to device: after any steps, what is known is what a fresh look finds."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import pytest

from swiftlite.ring import RingBuilder
from swiftlite.ring.choices import Choices
from swiftlite.ring.ground import Ground
from swiftlite.ring.reach import Graph, Reach


def reach(seed: int) -> Iterator[Reach]:
    """The same choices again and again, each time with nothing known of them yet."""
    rng = Random(seed)
    builder = RingBuilder.create(6, rng.choice([2, 2.5, 3]), 1)
    for number in range(5):
        builder.add_device(
            region=rng.randint(1, 2),
            zone=rng.randint(1, 2),
            ip=f"10.0.0.{rng.randint(1, 2)}",
            port=6200,
            device=f"d{number}",
            weight=rng.choice([50, 100, 200]),
        )
    builder.rebalance(0.0, seed="1")
    builder.set_weight(0, 0)
    ground = Ground.of(builder._question(bytearray(b"\xff") * 64, "2", None))
    table = ground.opened()
    choices = Choices(table, table.free, frozenset(), [int(share) for share in ground.plan.allowed])
    targets = [number for number, share in ground.ideal.items() if share > 0]
    while True:
        yield Reach(choices, targets, [], rng)


def known(reach: Reach) -> Graph:
    return {number: dict(sorted(ways.items())) for number, ways in sorted(reach.graph().items())}


@pytest.mark.parametrize("seed", range(6))
def test_the_cheapest_ways_are_known_after_every_step(seed: int) -> None:
    rng, fresh = Random(seed), reach(seed)
    one = next(fresh)
    for _ in range(100):
        graph = known(one)
        assert graph == known(next(fresh))
        number = rng.choice(sorted(number for number, ways in graph.items() if ways))
        one.go([number, min(graph[number], key=graph[number].__getitem__)])
