"""What another ring moves, and how long that takes."""

from __future__ import annotations

import pytest

from swiftlite.plan import Answer, Limits, Sizes, judge_change, moves_between, timetable
from swiftlite.plan.change import Room
from swiftlite.plan.moves import RingsDiffer, Weight
from swiftlite.plan.picture import draw
from swiftlite.plan.standing import Disk
from swiftlite.ring import Ring
from tests.plan.rings import make_builder, ring_of, standing

MEGABYTE = Sizes(Weight(1e6, 1))


def drained() -> tuple[Ring, Ring]:
    builder = make_builder(5)
    old = ring_of(builder)
    builder.set_weight(4, 0)
    builder.rebalance(0, seed="1")
    return old, ring_of(builder)


def test_a_drained_device_gives_all_it_has() -> None:
    old, new = drained()
    held = sum(4 in old.table.ids(partition) for partition in range(32))
    found = moves_between(old, new, MEGABYTE)
    assert found.flows[4].gives == held
    assert found.flows[4].bytes_out == held * 1e6
    assert found.bytes == held * 1e6
    assert found.moving == {1: held}
    assert sum(found.links.values()) == pytest.approx(found.bytes)


def test_measured_partitions_weigh_what_they_weigh() -> None:
    old, new = drained()
    moved = next(p for p in range(32) if 4 in old.table.ids(p))
    sizes = Sizes(Weight(0, 0), {moved: Weight(5e6, 3)}, is_complete=True)
    assert moves_between(old, new, sizes).bytes == 5e6


def test_who_has_left_the_ring_sends_nothing() -> None:
    builder = make_builder(5)
    old = ring_of(builder)
    builder.remove_device(4)
    builder.rebalance(0, seed="1")
    found = moves_between(old, ring_of(builder), MEGABYTE)
    assert all(4 not in move.sources for move in found.moves)


def test_what_nobody_has_any_more_is_copied_by_nobody() -> None:
    builder = make_builder(3, replicas=1)
    old = ring_of(builder)
    builder.remove_device(2)
    builder.rebalance(0, seed="1")
    change = judge_change("ring?", standing(old), ring_of(builder), MEGABYTE, Limits())
    assert change.moves.orphans > 0
    assert change.moves.bytes == 0
    assert any("copied by nobody" in reason for reason in change.verdict.reasons)


def test_another_part_power_is_no_rebalance() -> None:
    with pytest.raises(RingsDiffer, match="part power"):
        moves_between(ring_of(make_builder()), ring_of(make_builder(part_power=6)), MEGABYTE)


def test_a_reused_id_is_not_taken_for_the_same_device() -> None:
    builder = make_builder()
    builder.set_info(3, ip="10.0.0.9", device="sdz")
    with pytest.raises(RingsDiffer, match="device 3"):
        moves_between(ring_of(make_builder()), ring_of(builder), MEGABYTE)


def _seconds(limits: Limits) -> float:
    old, new = drained()
    found = moves_between(old, new, MEGABYTE)
    peers = {partition: new.table.ids(partition) for partition in range(32)}
    return timetable(found, MEGABYTE, limits, peers).seconds


def test_half_the_rate_takes_twice_the_time() -> None:
    slow = _seconds(Limits(talk=0, per_file=0, queue=0, notice=0, slots=0, disk=1e12, link=1e6))
    fast = _seconds(Limits(talk=0, per_file=0, queue=0, notice=0, slots=0, disk=1e12, link=2e6))
    assert slow == pytest.approx(2 * fast, rel=0.05)


def test_a_limit_for_each_stream_counts() -> None:
    assert _seconds(Limits(stream=1e5, notice=0)) > 5 * _seconds(Limits(notice=0))


def test_the_time_until_nodes_notice_counts() -> None:
    assert _seconds(Limits(notice=100)) == pytest.approx(_seconds(Limits(notice=0)) + 100)


def test_a_change_that_moves_one_replica_of_a_partition_is_safe() -> None:
    old, new = drained()
    change = judge_change("ring?", standing(old), new, MEGABYTE, Limits())
    assert change.verdict.answer is Answer.SAFE
    assert "with 2 of 3 replicas in place" in change.verdict.notes[0]


def test_one_that_takes_too_many_devices_away_is_not() -> None:
    builder = make_builder(6)
    old = ring_of(builder)
    for number in (3, 4, 5):
        builder.remove_device(number)
    builder.rebalance(0, seed="1")
    change = judge_change("ring?", standing(old), ring_of(builder), MEGABYTE, Limits())
    assert change.verdict.answer is Answer.UNSAFE


def test_a_disk_must_have_room_for_what_comes_before_anything_goes() -> None:
    old, new = drained()
    rooms = {Disk("10.0.0.1", "sda"): Room(20_000_000, 19_000_000)}
    change = judge_change("ring?", standing(old), new, MEGABYTE, Limits(), rooms=rooms)
    assert change.verdict.answer is Answer.UNSAFE
    assert "10.0.0.1/sda would be" in change.verdict.reasons[0]


def test_the_picture_is_a_picture() -> None:
    from xml.etree import ElementTree

    old, new = drained()
    text = draw("a & b", moves_between(old, new, MEGABYTE))
    root = ElementTree.fromstring(text)
    assert len(root.findall(".//{http://www.w3.org/2000/svg}g")) == 5
