"""The builder: commands, rebalances that move little, and files shared with Swift."""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from swiftlite.ring import (
    BuilderError,
    DuplicateDevice,
    ImpossiblePlan,
    Ring,
    RingBuilder,
    RingFileError,
)
from swiftlite.ring.preview import changes, explain, preview
from swiftlite.vocab.hashing import HashPath

GOLDEN = Path(__file__).parents[1] / "golden" / "ring"
HASH_PATH = HashPath(b"prefix", b"suffix")
START = 1_700_000_000.0
HOUR = 3600.0


def add(
    builder: RingBuilder, count: int, zones: int = 4, weight: float = 100.0, **more: object
) -> None:
    for _ in range(count):
        number = len(builder.devices)
        zone = 1 + number % zones
        fields: dict[str, Any] = {
            "zone": zone,
            "ip": f"10.0.{zone}.{1 + number // zones % 3}",
            "port": 6200,
            "device": f"d{number}",
            "weight": weight,
        }
        builder.add_device(**(fields | more))


@pytest.fixture
def builder() -> RingBuilder:
    made = RingBuilder.create(8, 3, 1)
    add(made, 12)
    made.rebalance(START)
    return made


def sound(builder: RingBuilder) -> bool:
    return not list(builder.violations())


def test_a_first_rebalance_is_even_and_dispersed(builder: RingBuilder) -> None:
    assert sound(builder)
    assert set(builder.held().values()) == {64}
    assert builder.dispersion == 0
    assert builder.balance() == 0
    for partition in range(256):
        zones = {builder.device(number).zone for number in builder.assigned(partition)}
        assert len(zones) == 3


def test_nothing_moves_when_nothing_changed(builder: RingBuilder) -> None:
    before = builder.rows()
    done = builder.rebalance(START + 5 * HOUR)
    assert done.moved == 0
    assert builder.rows() == before


def test_a_new_device_receives_its_share_and_nothing_else_moves(builder: RingBuilder) -> None:
    add(builder, 4)
    before = builder.rows()
    done = builder.rebalance(START + 5 * HOUR)
    moves = changes(before, builder.rows())
    assert done.moved == len(moves) == 256 * 3 * 4 // 16
    assert {move.target for move in moves} == {12, 13, 14, 15}
    assert set(builder.held().values()) == {48}
    assert done.dispersion == 0


def test_a_removed_device_gives_up_everything_at_once(builder: RingBuilder) -> None:
    builder.remove_device(3)
    before = builder.rows()
    done = builder.rebalance(START + 60)  # min_part_hours has not passed
    assert done.removed == (3,)
    assert {move.source for move in changes(before, builder.rows())} == {3}
    assert builder.devices[3] is None
    assert 3 not in builder.held()
    assert sound(builder)


def test_a_freed_id_is_used_again(builder: RingBuilder) -> None:
    builder.remove_device(3)
    builder.rebalance(START + 2 * HOUR)
    add(builder, 1, device="new")
    assert builder.device(3).device == "new"


def test_partitions_rest_for_min_part_hours(builder: RingBuilder) -> None:
    add(builder, 4)
    assert builder.rebalance(START + 0.9 * HOUR).moved == 0
    assert any("min_part_hours" in reason for reason in explain(builder, START + 0.9 * HOUR))
    assert builder.rebalance(START + 1.1 * HOUR).moved > 0


def test_at_most_one_replica_of_a_partition_moves(builder: RingBuilder) -> None:
    for number in range(6):
        builder.set_weight(number, 0)
    before = builder.rows()
    builder.rebalance(START + 2 * HOUR)
    moved = [move.partition for move in changes(before, builder.rows())]
    assert len(moved) == len(set(moved))
    now = START + 2 * HOUR
    for _ in range(4):
        now += 2 * HOUR
        builder.rebalance(now)
    assert all(builder.held().get(number, 0) == 0 for number in range(6))


def test_pretending_lets_everything_move(builder: RingBuilder) -> None:
    add(builder, 4)
    builder.pretend_min_part_hours_passed()
    assert builder.rebalance(START + 1).moved > 0


def test_weights_are_followed_exactly() -> None:
    builder = RingBuilder.create(10, 2, 1)
    add(builder, 6, zones=6)
    builder.set_weight(0, 50)
    builder.rebalance(START)
    held = builder.held()
    assert held[0] == round(2048 * 50 / 550)
    assert max(held[n] for n in range(1, 6)) - min(held[n] for n in range(1, 6)) <= 1


def test_overload_trades_balance_for_distance() -> None:
    builder = RingBuilder.create(8, 3, 0)
    add(builder, 1, zone=1, weight=50)
    for zone in (2, 3):
        add(builder, 2, zone=zone)
    builder.rebalance(START)
    tight = builder.dispersion
    assert tight is not None
    assert tight > 0
    builder.set_overload(10)
    builder.rebalance(START + HOUR)
    assert builder.dispersion == 0
    assert builder.held()[0] == 256


@pytest.mark.parametrize(("replicas", "slots"), [(2.5, 640), (4, 1024), (1, 256), (3.1, 793)])
def test_replica_counts_grow_and_shrink(builder: RingBuilder, replicas: float, slots: int) -> None:
    builder.set_replicas(replicas)
    builder.rebalance(START + 2 * HOUR)
    assert sum(builder.held().values()) == slots
    assert sound(builder)
    assert builder.dispersion == 0


def test_the_same_seed_gives_the_same_bytes(builder: RingBuilder, tmp_path: Path) -> None:
    other = builder.copy()
    for one in (builder, other):
        add(one, 3)
        one.rebalance(START + 2 * HOUR, seed="x")
    for name, one in (("a", builder), ("b", other)):
        one.write_ring(str(tmp_path / name))
    a, b = (tmp_path / "a").read_bytes(), (tmp_path / "b").read_bytes()
    assert a.replace(b"a\0", b"b\0", 1) == b


def test_a_plan_is_what_the_rebalance_then_does(builder: RingBuilder) -> None:
    add(builder, 3, weight=170)
    builder.remove_device(1)
    before = builder.rows()
    found = preview(builder, START + 2 * HOUR)
    assert builder.rows() == before
    result = builder.rebalance(START + 2 * HOUR)
    assert result == found.result
    assert changes(before, builder.rows()) == found.moves
    assert sum(flow.entering for flow in found.devices.values()) == result.moved
    for number, flow in found.devices.items():
        assert flow.before + flow.entering - flow.leaving == flow.after
        assert builder.held().get(number, 0) == flow.after


def test_a_reason_is_given_when_nothing_is_left_to_do(builder: RingBuilder) -> None:
    assert "Every device holds" in explain(builder, START + 5 * HOUR)[0]


def test_more_than_65534_devices_need_four_bytes() -> None:
    builder = RingBuilder.create(2, 1, 1)
    add(builder, 1, id=70_000)
    assert builder.id_bytes == 4
    builder.rebalance(START)
    assert builder.image().rows[0].typecode == "I"
    with pytest.raises(BuilderError):
        builder.set_id_bytes(2)


def test_too_few_devices_change_nothing(builder: RingBuilder) -> None:
    for number in range(10):
        builder.remove_device(number)
    before = builder.to_dict()
    with pytest.raises(ImpossiblePlan):
        builder.rebalance(START + 2 * HOUR)
    assert builder.to_dict() == before


@pytest.mark.parametrize(
    "bad",
    [
        {"ip": "not an address!"},
        {"ip": "[host]"},
        {"port": 70000},
        {"weight": -1},
        {"weight": float("inf")},
        {"zone": -1},
        {"id": -5},
        {"id": 2**32},
        {"replication_ip": "::zz"},
    ],
)
def test_impossible_devices_are_refused(builder: RingBuilder, bad: dict[str, Any]) -> None:
    before = builder.to_dict()
    with pytest.raises(BuilderError):
        add(builder, 1, **bad)
    assert builder.to_dict() == before


def test_the_same_disk_twice_is_refused(builder: RingBuilder) -> None:
    device = builder.device(2)
    with pytest.raises(DuplicateDevice):
        add(builder, 1, ip=device.ip, device=device.device)
    with pytest.raises(DuplicateDevice):
        builder.set_info(1, ip=device.ip, device=device.device)


def test_addresses_are_kept_in_their_normal_form() -> None:
    builder = RingBuilder.create(2, 1, 1)
    add(builder, 1, ip="[2001:0DB8::0001]", replication_ip="Storage-1.Example")
    device = builder.device(0)
    assert device.ip == "2001:db8::1"
    assert device.replication_address == ("storage-1.example", 6200)


@pytest.mark.parametrize(
    ("power", "replicas", "hours"),
    [(-1, 3, 1), (33, 3, 1), (8, 0.5, 1), (8, float("nan"), 1), (8, 3, -1)],
)
def test_impossible_builders_are_refused(power: int, replicas: float, hours: int) -> None:
    with pytest.raises(BuilderError):
        RingBuilder.create(power, replicas, hours)


# --- files ---


@pytest.mark.parametrize("name", ["small", "fractional", "holes", "six"])
def test_a_builder_of_swift_goes_on_with_ours(name: str) -> None:
    builder = RingBuilder.load(str(GOLDEN / f"{name}.builder"))
    assert sound(builder)
    before = builder.rows()
    for disk in ("x", "y"):
        add(builder, 1, zone=1, region=1, ip="192.168.0.1", device=disk)
    builder.pretend_min_part_hours_passed()
    done = builder.rebalance(START)
    assert sound(builder)
    assert 0 < done.moved == len(changes(before, builder.rows()))


def test_a_saved_builder_loads_as_it_was(builder: RingBuilder, tmp_path: Path) -> None:
    path = str(tmp_path / "a.builder")
    builder.remove_device(4)
    builder.set_overload(0.1)
    builder.save(path, new_id="f" * 32)
    again = RingBuilder.load(path)
    assert again.to_dict() == builder.to_dict()
    assert again.id == "f" * 32
    builder.save(path, new_id="0" * 32)
    assert RingBuilder.load(path).id == "f" * 32


def test_a_builder_made_from_a_ring_goes_on(builder: RingBuilder, tmp_path: Path) -> None:
    path = str(tmp_path / "a.ring.gz")
    builder.write_ring(path, format_version=2)
    again = RingBuilder.from_ring(path, 2)
    assert again.rows() == builder.rows()
    assert again.held() == builder.held()
    add(again, 1)
    again.pretend_min_part_hours_passed()
    assert again.rebalance(START).moved == 256 * 3 // 13


def test_the_ring_in_memory_is_the_ring_in_the_file(builder: RingBuilder, tmp_path: Path) -> None:
    path = str(tmp_path / "a.ring.gz")
    builder.write_ring(path)
    loaded, made = Ring.load(path, HASH_PATH), builder.ring(HASH_PATH)
    assert loaded.table.rows() == made.table.rows()
    assert loaded.devices == made.devices
    assert loaded.version == builder.version


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("part_power", 99),
        ("replicas", "three"),
        ("devs", None),
        ("_last_part_moves", [0]),
        ("_replica2part2dev", [[0]]),
        ("dev_id_bytes", 3),
        ("_remove_devs", [{"id": 99}]),
        ("overload", float("nan")),
    ],
)
def test_builder_files_that_contradict_themselves_are_refused(
    builder: RingBuilder, tmp_path: Path, key: str, value: object
) -> None:
    from swiftlite.formats.builder_file import encode

    path = tmp_path / "a.builder"
    path.write_bytes(b"".join(encode(builder.to_dict() | {key: value})))
    with pytest.raises(RingFileError, match="not a usable builder file"):
        RingBuilder.load(str(path))


def test_a_failed_save_gives_no_id(builder: RingBuilder, tmp_path: Path) -> None:
    with pytest.raises(RingFileError):
        builder.save(str(tmp_path / "no" / "a.builder"), new_id="1" * 32)
    assert builder.id is None
    assert os.listdir(tmp_path) == []


# --- partition power ---


def test_the_steps_of_a_part_power_increase(builder: RingBuilder) -> None:
    before = builder.rows()
    builder.prepare_part_power_increase()
    following = builder.next_part_power
    assert following == 9
    with pytest.raises(BuilderError, match="under way"):
        builder.rebalance(START + 5 * HOUR)
    with pytest.raises(BuilderError, match="under way"):
        add(builder, 1)
    with pytest.raises(BuilderError):
        builder.finish_part_power_increase()
    builder.increase_part_power()
    assert builder.partition_count == 512
    for old, new in zip(before, builder.rows(), strict=True):
        assert list(new[0::2]) == list(new[1::2]) == list(old)
    with pytest.raises(BuilderError):
        builder.increase_part_power()
    builder.finish_part_power_increase()
    assert RingBuilder.copy(builder).next_part_power is None
    assert sound(builder)
    assert builder.balance() == 0


def test_a_prepared_increase_can_be_cancelled(builder: RingBuilder) -> None:
    with pytest.raises(BuilderError):
        builder.cancel_part_power_increase()
    builder.prepare_part_power_increase()
    builder.cancel_part_power_increase()
    assert builder.next_part_power == 8
    builder.finish_part_power_increase()
    assert builder.rebalance(START + 5 * HOUR).moved == 0


# --- properties ---


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[str, int, int]]:
    verbs = st.sampled_from(
        ["add", "remove", "weight", "replicas", "overload", "zone", "wait", "pretend"]
    )
    return draw(
        st.lists(st.tuples(verbs, st.integers(0, 30), st.integers(0, 4)), min_size=1, max_size=8)
    )


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(histories(), st.sampled_from([1.0, 2.0, 2.5, 3.0]))
def test_whatever_happens_the_table_stays_sound(
    history: list[tuple[str, int, int]], replicas: float
) -> None:
    builder = RingBuilder.create(6, replicas, 1)
    add(builder, 8, zones=3)
    names = itertools.count()
    now = START
    builder.rebalance(now)
    for verb, number, choice in history:
        listed = [d for d in builder.listed() if d.id not in builder.removed]
        device = listed[number % len(listed)]
        if verb == "add":
            for _ in range(1 + choice):
                weight = [100, 50, 300, 1, 100][choice]
                add(builder, 1, zones=3, weight=weight, device=f"new{next(names)}")
        elif verb == "remove":
            builder.remove_device(device.id)
        elif verb == "weight":
            builder.set_weight(device.id, [0, 50, 100, 200, 1][choice])
        elif verb == "replicas":
            builder.set_replicas([1, 2, 2.5, 3, 3.3][choice])
        elif verb == "overload":
            builder.set_overload(choice / 4)
        elif verb == "zone":
            builder.set_zone(device.id, choice)
        elif verb == "pretend":
            builder.pretend_min_part_hours_passed()
        now += choice * HOUR
        before, free = builder.rows(), builder.movable(now)
        removed = set(builder.removed)
        try:
            builder.rebalance(now)
        except ImpossiblePlan:
            live = [d for d in builder.listed() if d.weight > 0]
            assert len(live) < builder.replica_count
            return
        assert sound(builder)
        moved: dict[int, int] = {}
        for move in changes(before, builder.rows()):
            if move.source is not None and move.source not in removed:
                moved[move.partition] = moved.get(move.partition, 0) + 1
        assert all(count == 1 for count in moved.values())
        assert all(free[partition] for partition in moved)
