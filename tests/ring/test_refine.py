"""What is decided again at the end of a rebalance gains something and costs nothing."""

from __future__ import annotations

from random import Random

import pytest

from swiftlite.ring import ImpossiblePlan, RingBuilder, rebalance, refine
from swiftlite.ring.preview import changes

HOUR = 3600.0


def crowded_cluster(rng: Random) -> RingBuilder:
    """Few partitions, uneven domains and weights: nothing comes out even."""
    made = RingBuilder.create(rng.choice([5, 6, 7]), rng.choice([2, 2.5, 3, 4]), 1)
    for number in range(rng.randint(6, 20)):
        made.add_device(
            region=rng.randint(1, 2),
            zone=rng.randint(1, 3),
            ip=f"10.0.0.{rng.randint(1, 3)}",
            port=6200,
            device=f"d{number}",
            weight=rng.choice([100, 100, 100, 50, 200, 3000, 1]),
        )
    return made


def change(builder: RingBuilder, rng: Random) -> None:
    some = rng.sample(builder.listed(), 2)
    builder.set_weight(some[0].id, rng.choice([0, 50, 100, 300]))
    builder.remove_device(some[1].id)


def badness(builder: RingBuilder) -> tuple[float, float]:
    return builder.balance(), builder.dispersion_report().percent


@pytest.mark.parametrize("seed", range(40))
def test_neither_number_gets_worse_by_deciding_again(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = Random(seed)
    builder = crowded_cluster(rng)
    builder.rebalance(0.0, seed="1")
    change(builder, rng)
    plain, refined = builder.copy(), builder.copy()
    monkeypatch.setattr(rebalance, "no_worse_than_plain", lambda _, table, *rest: table)
    try:
        refined.rebalance(2 * HOUR, seed="2")
    except ImpossiblePlan:
        return
    with monkeypatch.context() as patch:
        patch.setattr(refine.Refinement, "_run", lambda *_: None)
        plain.rebalance(2 * HOUR, seed="2")
    assert not list(refined.violations())
    for before, after in zip(badness(plain), badness(refined), strict=True):
        assert after <= before + 1e-6


@pytest.mark.parametrize("seed", range(20))
def test_a_partition_still_gives_up_one_replica_only(seed: int) -> None:
    rng = Random(seed)
    builder = crowded_cluster(rng)
    builder.rebalance(0.0, seed="1")
    before = builder.rows()
    builder.set_weight(builder.listed()[0].id, 700)
    builder.set_weight(builder.listed()[1].id, 20)
    builder.rebalance(2 * HOUR, seed="2")
    moved = [move.partition for move in changes(before, builder.rows())]
    assert len(moved) == len(set(moved))


def test_a_second_rebalance_finds_nothing_more_to_do() -> None:
    rng = Random(7)
    builder = crowded_cluster(rng)
    builder.rebalance(0.0, seed="1")
    later = [builder.rebalance((2 + step) * 2 * HOUR, seed="2") for step in range(6)]
    assert [done.balance for done in later] == sorted((d.balance for d in later), reverse=True)
    assert later[-1].moved == 0
