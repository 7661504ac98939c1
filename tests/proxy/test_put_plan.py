from __future__ import annotations

from itertools import combinations, permutations

import pytest

from swiftlite.proxy.obj.put_plan import UpdateTarget, lane_headers, paired, updates_needed
from swiftlite.proxy.plan import account_lane_headers
from swiftlite.ring import Device
from tests.proxy.devices import device

CONTAINERS = tuple(device(n, port=6201, ip=f"10.1.0.{n}") for n in (1, 2, 3))


@pytest.mark.parametrize(
    ("container_replicas", "container_quorum", "object_replicas", "object_quorum", "needed"),
    [(3, 2, 3, 2, 3), (3, 2, 6, 5, 3), (3, 2, 6, 3, 5), (3, 2, 2, 1, 3), (5, 3, 3, 2, 5)],
)
def test_as_many_updates_as_it_takes(
    container_replicas: int,
    container_quorum: int,
    object_replicas: int,
    object_quorum: int,
    needed: int,
) -> None:
    found = updates_needed(container_replicas, container_quorum, object_replicas, object_quorum)
    assert found == needed


def test_each_lane_tells_one_container() -> None:
    first, second, third = map(dict, lane_headers(3, 2, UpdateTarget(7, CONTAINERS)))
    assert first == {
        "X-Container-Partition": "7",
        "X-Container-Host": "10.1.0.1:6201",
        "X-Container-Device": "sd1",
        "X-Backend-Clean-Expiring-Object-Queue": "t",
    }
    assert second["X-Container-Host"] == "10.1.0.2:6201"
    assert third["X-Container-Host"] == "10.1.0.3:6201"
    assert third["X-Backend-Clean-Expiring-Object-Queue"] == "f"


def test_two_lanes_share_three_containers() -> None:
    first, second = map(dict, lane_headers(2, 1, UpdateTarget(7, CONTAINERS)))
    assert first["X-Container-Host"] == "10.1.0.1:6201,10.1.0.3:6201"
    assert first["X-Container-Device"] == "sd1,sd3"
    assert second["X-Container-Host"] == "10.1.0.2:6201"


@pytest.mark.parametrize(
    ("lanes", "quorum", "count"),
    [  # with fewer nodes than containers Swift's number falls short
        (lanes, quorum, count)
        for lanes, quorum in [(2, 1), (3, 2), (4, 2), (5, 3), (6, 3), (14, 11)]
        for count in (1, 2, 3, 5)
        if count <= lanes
    ],
)
def test_any_quorum_of_nodes_carries_a_quorum_of_updates(
    lanes: int, quorum: int, count: int
) -> None:
    targets = tuple(device(n) for n in range(count))
    headers = [dict(lane) for lane in lane_headers(lanes, quorum, UpdateTarget(7, targets))]
    told = [lane.get("X-Container-Device", "").split(",") for lane in headers]
    all_told = {name for names in told for name in names if name}
    assert all_told == {found.device for found in targets}
    for chosen in combinations(range(lanes), quorum):
        carried = sum(len([name for name in told[lane] if name]) for lane in chosen)
        assert carried >= (count + 1) // 2


def test_shards_and_database_states_are_named() -> None:
    target = UpdateTarget(7, CONTAINERS, path=".shards_a/c-ü", db_state="sharding")
    lane = dict(lane_headers(3, 2, target)[0])
    assert lane["X-Backend-Quoted-Container-Path"] == ".shards_a/c-%C3%BC"
    assert lane["X-Container-Root-Db-State"] == "sharding"


def test_the_expirers_queue_is_told_too() -> None:
    queue = UpdateTarget(9, CONTAINERS, container="1699999940")
    for lane in map(dict, lane_headers(3, 2, UpdateTarget(7, CONTAINERS), queue)):
        assert lane["X-Delete-At-Container"] == "1699999940"
        assert lane["X-Delete-At-Partition"] == "9"
        assert lane["X-Delete-At-Host"] == lane["X-Container-Host"]
        assert lane["X-Delete-At-Device"] == lane["X-Container-Device"]


def test_container_servers_share_the_accounts() -> None:
    accounts = CONTAINERS
    lanes = [dict(lane) for lane in account_lane_headers(2, 5, accounts)]
    assert lanes[0]["X-Account-Device"] == "sd1,sd3"
    assert lanes[1] == {
        "X-Account-Partition": "5",
        "X-Account-Host": "10.1.0.2:6201",
        "X-Account-Device": "sd2",
    }
    assert account_lane_headers(3, 5, accounts[:1])[2] == []


def numbers(*devices: int) -> tuple[Device, ...]:
    return tuple(device(n, ip=f"10.1.0.{n}") for n in devices)


@pytest.mark.parametrize(
    ("nodes", "told"),
    [
        ((1, 2, 3), [1, 2, 3]),
        ((3, 1, 2), [3, 1, 2]),
        ((4, 2, 1), [3, 2, 1]),
        ((9, 4, 8), [3, 1, 2]),  # none beside it: both sides in the order of their ids
        ((1, 2), [1, 2, 3]),  # another number of them: as the ring has them
    ],
)
def test_a_node_tells_the_container_beside_it(nodes: tuple[int, ...], told: list[int]) -> None:
    assert [one.id for one in paired(numbers(*nodes), numbers(1, 2, 3))] == told


@pytest.mark.parametrize("nodes", list(permutations((1, 3, 5, 7), 3)))
def test_every_container_is_told_by_somebody(nodes: tuple[int, ...]) -> None:
    containers = numbers(7, 1, 2)
    assert sorted(paired(numbers(*nodes), containers), key=lambda one: one.id) == sorted(
        containers, key=lambda one: one.id
    )
