"""Verdicts about stopping and pulling, from rings alone."""

from __future__ import annotations

import pytest

from swiftlite.plan import Answer, Verdict, judge_pull, judge_stop
from swiftlite.plan.standing import Standing
from tests.plan.rings import make_builder, ring_of, standing


def stop(one: Standing, *numbers: int, least: int | None = None) -> Verdict:
    return judge_stop("stop?", [one], {"object": frozenset(numbers)}, least=least)


def pull(one: Standing, *numbers: int) -> Verdict:
    return judge_pull("pull?", [one], {"object": frozenset(numbers)})


def test_one_node_of_four_may_be_stopped() -> None:
    verdict = stop(standing(ring_of(make_builder())), 0)
    assert verdict.answer is Answer.SAFE
    assert verdict.code == 0
    assert "two copies or more left" in verdict.reasons[0]


def test_a_second_node_may_not() -> None:
    out = {1: "its server does not answer"}
    verdict = stop(standing(ring_of(make_builder()), out=out), 0)
    assert verdict.answer is Answer.UNSAFE
    assert verdict.code == 1
    assert "would have one copy left" in verdict.reasons[0]
    assert "10.0.0.2/sda (its server does not answer)" in verdict.reasons[0]


def test_a_node_that_is_away_already_changes_nothing() -> None:
    verdict = stop(standing(ring_of(make_builder()), out={0: "unmounted"}), 0)
    assert verdict.answer is Answer.SAFE
    assert "nothing changes" in verdict.reasons[0]


def test_with_one_replica_nothing_may_be_stopped() -> None:
    verdict = stop(standing(ring_of(make_builder(replicas=1))), 0)
    assert "could not be read meanwhile" in verdict.reasons[0]


def test_with_two_replicas_one_copy_is_enough_and_a_note_says_so() -> None:
    verdict = stop(standing(ring_of(make_builder(replicas=2))), 0)
    assert verdict.answer is Answer.SAFE
    assert "2 replicas" in verdict.notes[0]
    assert stop(standing(ring_of(make_builder(replicas=2))), 0, least=2).answer is Answer.UNSAFE


def test_writes_need_a_quorum_of_those_that_are_asked() -> None:
    verdict = stop(standing(ring_of(make_builder(3)), out={1: "down"}), 0)
    assert any("refused (503)" in reason for reason in verdict.reasons)


def test_full_devices_take_no_writes() -> None:
    ring = ring_of(make_builder(3))
    verdict = stop(standing(ring, full=frozenset({1, 2})), 0)
    assert verdict.answer is Answer.UNSAFE
    assert "refused (503)" in verdict.reasons[0]


def test_what_leans_on_a_device_that_may_lack_something_cannot_be_told() -> None:
    verdict = stop(standing(ring_of(make_builder()), lacking={1: "failed"}), 0)
    assert verdict.answer is Answer.UNKNOWN
    assert verdict.code == 2
    assert "10.0.0.2/sda" in verdict.reasons[0]


def test_a_ring_whose_replication_is_not_through_cannot_be_told_without_the_one_before() -> None:
    verdict = stop(standing(ring_of(make_builder()), settled=False), 0)
    assert verdict.answer is Answer.UNKNOWN
    assert "backups" in verdict.reasons[0]


def test_with_the_ring_before_the_old_holders_count() -> None:
    builder = make_builder(5)
    old = standing(ring_of(builder))
    builder.set_weight(4, 0)
    builder.rebalance(0, seed="1")
    new = ring_of(builder)
    now = standing(new, settled=False, earlier=old)
    moved = next(p for p in range(32) if 4 in old.primaries(p))
    assert now.holders(moved) == set(old.primaries(moved))
    # Pulling the drained disk too early: where its partitions went, nothing has come yet, but two
    # others have them.
    assert pull(now, 4).answer is Answer.SAFE
    away = next(iter(now.holders(moved) - {4}))
    assert pull(now, 4, away).answer is Answer.UNSAFE


def test_a_device_that_has_left_the_ring_holds_nothing_for_clients() -> None:
    builder = make_builder(5)
    old = standing(ring_of(builder))
    builder.remove_device(4)
    builder.rebalance(0, seed="1")
    now = standing(ring_of(builder), settled=False, earlier=old)
    assert all(4 not in now.holders(partition) for partition in range(32))


def test_what_is_not_known_of_servers_is_said() -> None:
    one = standing(ring_of(make_builder()))
    verdict = judge_stop("stop?", [one], {"object": frozenset({0})}, unknown=["no recon there"])
    assert verdict.answer is Answer.UNKNOWN
    assert verdict.reasons == ["no recon there"]


@pytest.mark.parametrize("seen", ["lines", "json"])
def test_a_verdict_is_told_to_people_and_to_programs(seen: str) -> None:
    verdict = stop(standing(ring_of(make_builder())), 0)
    if seen == "lines":
        assert next(iter(verdict.lines())).startswith("stop? yes: each of the ")
    else:
        assert verdict.to_json()["answer"] == "safe"
        assert verdict.to_json()["rings"][0]["touched"] == 24  # type: ignore[index]  # JSON


def test_a_partition_with_fewer_replicas_has_fewer_devices_asked_for_it() -> None:
    """A proxy asks twice as many as the partition has replicas, not twice as many as the ring."""
    ring = ring_of(make_builder(8, replicas=2.5))
    asked = {
        len(standing(ring).primaries(partition)): len(list(standing(ring).in_order(partition)))
        for partition in range(ring.partition_count)
    }
    assert asked == {2: 4, 3: 6}
    assert standing(ring).asked == 4
