"""Small pushes of many partitions to one device go by one rsync, and fail one by one."""

from __future__ import annotations

from typing import Any, cast

import pytest

from swiftlite.obj.replicator.push import FEW_OBJECTS, Parcel
from swiftlite.obj.replicator.team import _Waiting, loads_of
from swiftlite.observe import recon
from swiftlite.peers.rsync import Pushed
from tests.obj.replicator.nodes import RECON, Nodes, device_of, make_ring, run_to_idle
from tests.obj.replicator.rsyncs import Rsyncs

BY_RSYNC = {"sync_method": "rsync", "rsync_bwlimit": "1000"}
NAMES = [f"o{index}" for index in range(24)]


@pytest.fixture
def nodes() -> Nodes:
    return Nodes()


@pytest.fixture
def rsyncs(nodes: Nodes, monkeypatch: pytest.MonkeyPatch) -> Rsyncs:
    return Rsyncs(nodes, monkeypatch)


def filled(nodes: Nodes, number: int) -> dict[int, list[str]]:
    """Objects that this node has alone of their primaries: names by partition."""
    names: dict[int, list[str]] = {}
    for name in NAMES:
        if number in nodes.primaries(name):
            nodes.put(number, name)
            names.setdefault(nodes.partition(name), []).append(name)
    assert len(names) > 3
    return names


def is_whole(nodes: Nodes, names: list[str]) -> bool:
    return all(nodes.holders(name) == sorted(nodes.primaries(name)) for name in names)


def stats_of(nodes: Nodes, number: int) -> dict[str, Any]:
    stats = recon.load(nodes.disk(number), f"{RECON}/object.recon")["replication_stats"]
    assert isinstance(stats, dict)
    return stats


def test_each_device_gets_its_partitions_by_few_rsyncs(nodes: Nodes, rsyncs: Rsyncs) -> None:
    names = filled(nodes, 1)
    nodes.replicate(1, BY_RSYNC)
    assert all(is_whole(nodes, some) for some in names.values())
    pushes = sum(len(partitions) for _, partitions in rsyncs.runs)
    assert pushes == 2 * len(names) == stats_of(nodes, 1)["rsync"]
    assert len(rsyncs.runs) <= 6  # three devices, twice
    nodes.replicate(1, BY_RSYNC)
    assert stats_of(nodes, 1)["rsync"] == 0


def test_the_other_side_computes_anew_what_it_got(nodes: Nodes, rsyncs: Rsyncs) -> None:
    for number in nodes.apps:  # whose hashes know nothing of what will come
        nodes.replicate(number, BY_RSYNC)
    filled(nodes, 1)
    nodes.replicate(1, BY_RSYNC)
    assert rsyncs.groups()
    for number in nodes.apps:
        nodes.replicate(number, BY_RSYNC)
        assert stats_of(nodes, number)["rsync"] == 0


def test_several_rsyncs_at_a_time(nodes: Nodes, rsyncs: Rsyncs) -> None:
    names = filled(nodes, 1)
    nodes.replicate(1, {**BY_RSYNC, "concurrency": 4})
    assert rsyncs.groups()
    assert all(is_whole(nodes, some) for some in names.values())


def test_a_fault_counts_against_the_partition_that_has_it(nodes: Nodes, rsyncs: Rsyncs) -> None:
    names = filled(nodes, 1)
    ill = min(names)
    rsyncs.ill[ill] = Pushed.PART
    lines = nodes.replicate(1, BY_RSYNC)
    for partition, some in names.items():
        assert is_whole(nodes, some) == (partition != ill)
    told = [line for line in lines if "was not pushed" in line]
    assert len(told) == 2
    assert all(f"partition {ill} of" in line for line in told)
    stats = stats_of(nodes, 1)
    assert stats["failure"] == 2
    assert stats["success"] == stats["attempted"] * 2 - 2
    assert rsyncs.groups()
    rsyncs.ill.clear()
    nodes.replicate(1, BY_RSYNC)
    assert is_whole(nodes, names[ill])


def test_a_node_that_cannot_be_talked_to_is_not_tried_for_each(
    nodes: Nodes, rsyncs: Rsyncs
) -> None:
    names = filled(nodes, 1)
    rsyncs.ill = dict.fromkeys(names, Pushed.NOTHING)
    nodes.replicate(1, BY_RSYNC)
    assert len(rsyncs.runs) <= 6
    assert stats_of(nodes, 1)["failure"] == 2 * len(names)
    assert all(nodes.holders(name) == [1] for some in names.values() for name in some)


def test_one_that_goes_away_while_they_are_tried_apart_is_left_alone(
    nodes: Nodes, rsyncs: Rsyncs
) -> None:
    names = filled(nodes, 1)
    rsyncs.ill = dict.fromkeys(names, Pushed.PART)

    def away() -> None:
        if rsyncs.groups():
            rsyncs.ill = dict.fromkeys(names, Pushed.NOTHING)

    rsyncs.before = away
    nodes.replicate(1, BY_RSYNC)
    device, together = rsyncs.groups()[0]
    later = rsyncs.runs[rsyncs.runs.index((device, together)) + 1 :]
    assert len([run for run in later if run[0] == device and run[1][0] in together]) == 1
    assert stats_of(nodes, 1)["failure"] == 2 * len(names)


def test_handoffs_go_each_for_itself_and_stay_until_it_is_known_that_they_arrived(
    nodes: Nodes, rsyncs: Rsyncs
) -> None:
    names = [name for name in NAMES if nodes.handoff(name) == 4]
    assert len({nodes.partition(name) for name in names}) > 1
    for name in names:
        nodes.put(4, name)
    ill = nodes.partition(names[0])
    rsyncs.ill[ill] = Pushed.PART
    nodes.replicate(4, BY_RSYNC)
    assert not rsyncs.groups()
    for name in names:
        if nodes.partition(name) == ill:
            assert nodes.holders(name) == [4]
        else:
            assert nodes.holders(name) == sorted(nodes.primaries(name))


def test_what_waits_when_the_daemon_must_stop_is_left_for_another_day(
    nodes: Nodes, rsyncs: Rsyncs
) -> None:
    names = filled(nodes, 1)
    told = nodes.node(1).host.tasks.event()
    work = nodes.replicator(1, BY_RSYNC, told_to_stop=told)

    def stop() -> None:
        told.set("told")

    rsyncs.before = stop
    run, node = nodes.world.run, nodes.node(1)
    run(node, work.step)  # has its plan
    while not rsyncs.runs:
        run(node, work.step)
    assert len(rsyncs.runs) == 1
    rsyncs.before = None
    nodes.replicate(1, BY_RSYNC)
    assert all(is_whole(nodes, some) for some in names.values())


def test_many_objects_do_not_wait_for_others(nodes: Nodes, rsyncs: Rsyncs) -> None:
    filled(nodes, 1)
    large = next(nodes.partition(name) for name in NAMES if 1 in nodes.primaries(name))
    count = 0
    for name in (f"n{index}" for index in range(10_000)):
        if nodes.partition(name) == large:
            nodes.put(1, name)
            count += 1
            if count > FEW_OBJECTS:
                break
    nodes.replicate(1, BY_RSYNC)
    assert rsyncs.groups()
    assert [run for run in rsyncs.runs if large in run[1]] == [
        run for run in rsyncs.runs if run[1] == (large,)
    ]


def test_a_far_region_whose_first_node_fails_is_reached_by_its_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    nodes = Nodes(4, 3, regions={1: 1, 2: 2, 3: 2, 4: 2})
    rsyncs = Rsyncs(nodes, monkeypatch)
    names = filled(nodes, 1)
    failed: list[str] = []

    def first_fails() -> None:
        rsyncs.ill = dict.fromkeys(names, Pushed.NOTHING) if not failed else {}
        failed.append("")

    rsyncs.before = first_fails
    nodes.replicate(1, BY_RSYNC)
    assert stats_of(nodes, 1)["failure"] == len(rsyncs.runs[0][1])
    for some in names.values():
        assert all(len(nodes.holders(name)) == 2 for name in some)  # ours, and one there


def test_a_stop_between_two_rsyncs_counts_no_success(nodes: Nodes, rsyncs: Rsyncs) -> None:
    filled(nodes, 1)
    told = nodes.node(1).host.tasks.event()
    work = nodes.replicator(1, BY_RSYNC, told_to_stop=told)
    rsyncs.before = lambda: told.set("told")
    nodes.world.run(nodes.node(1), run_to_idle, work)
    stats = stats_of(nodes, 1)
    assert stats["success"] <= len(rsyncs.runs[0][1]) + stats["hashmatch"]


def waiting(target: int, objects: int) -> _Waiting:
    held = {str(number): ("x",) for number in range(objects)}
    device = device_of(make_ring(4, 3), target)
    return _Waiting(cast(Any, None), Parcel(cast(Any, None), device, cast(Any, None), (), held))


def test_a_load_goes_to_one_device_and_is_not_too_large() -> None:
    one, two, three, four = waiting(1, 6), waiting(2, 6), waiting(1, 4), waiting(1, 1)
    loads = loads_of([one, two, three, four], most=10)
    assert [[id(each) for each in load] for load in loads] == [
        [id(one), id(three)], [id(two)], [id(four)],
    ]  # fmt: skip
    assert loads_of([waiting(1, 20)], most=10)[0][0].parcel.held
    assert loads_of([]) == []
