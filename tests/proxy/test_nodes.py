from __future__ import annotations

from collections.abc import Callable

import pytest

from swiftlite.proxy.nodes import Order, Timings
from swiftlite.proxy.options import PolicyOptions
from swiftlite.ring import Device
from tests.proxy.devices import Dice, ListedRing, device

PRIMARIES = [device(1, 1), device(2, 2), device(3, 1)]
HANDOFFS = [device(4, 2), device(5, 1), device(6, 2), device(7, 1)]
RING = ListedRing(PRIMARIES, HANDOFFS)


def order(
    options: PolicyOptions | None = None,
    *,
    limited: set[int] = frozenset(),  # type: ignore[assignment]  # never changed here
    dice: Dice | None = None,
    timings: Timings | None = None,
    tell: Callable[[Device, int], None] | None = None,
    nodes: tuple[int, bool] = (2, True),
) -> Order:
    return Order(
        options or PolicyOptions(),
        nodes,
        may_ask=lambda found: found.id not in limited,
        chance=dice or Dice(),
        timings=timings or Timings(lambda: 0.0, 300),
        tell_handoff=tell,
    )


def ids(nodes: object) -> list[int]:
    return [node.device.id for node in nodes]  # type: ignore[attr-defined]


def test_primaries_come_first_and_twice_as_many_are_tried() -> None:
    assert ids(order().for_reading(0, RING, PRIMARIES)) == [1, 2, 3, 4, 5, 6]
    assert ids(order().for_writing(0, RING, PRIMARIES)) == [1, 2, 3, 4, 5, 6]
    found = list(order().for_reading(0, RING, PRIMARIES))
    assert [node.handoff_index for node in found] == [None, None, None, 0, 1, 2]


def test_the_number_tried_is_an_option() -> None:
    assert ids(order(nodes=(2, False)).for_reading(0, RING, PRIMARIES)) == [1, 2]


def test_reads_are_shuffled_and_writes_are_not() -> None:
    seen = {
        tuple(ids(order(dice=Dice(n / 6 + 0.01)).for_reading(0, RING, PRIMARIES))[:3])
        for n in range(6)
    }
    assert len(seen) == 6
    many = [device(n) for n in range(9)]
    mixed = order(dice=Dice(*[n / 10 for n in range(9, 0, -1)])).shuffled(many)
    assert [found.id for found in mixed] == list(range(8, -1, -1))


def test_nodes_left_alone_make_room_for_handoffs_and_come_last() -> None:
    told: list[tuple[int, int]] = []
    limited = order(limited={2, 4}, tell=lambda found, used: told.append((found.id, used)))
    assert ids(limited.for_reading(0, RING, PRIMARIES)) == [1, 3, 5, 6, 7, 2]
    assert ids(limited.for_writing(0, RING, PRIMARIES)) == [1, 3, 5, 6, 7, 2]
    assert told == []
    limited = order(
        limited={1, 2, 3}, nodes=(3, False), tell=lambda found, used: told.append((found.id, used))
    )
    assert ids(limited.for_reading(0, RING, PRIMARIES)) == [4, 5, 6, 1, 2, 3]
    assert told == [(4, 1), (5, 2), (6, 3)]
    assert ids(limited.for_writing(0, RING, PRIMARIES)) == [4, 5, 6]


def test_when_all_are_left_alone_all_are_asked() -> None:
    limited = order(limited=set(range(10)))
    assert ids(limited.for_reading(0, RING, PRIMARIES)) == [1, 2, 3, 4, 5, 6]
    assert ids(limited.for_writing(0, RING, PRIMARIES)) == [1, 2, 3, 4, 5, 6]
    local = order(PolicyOptions(write_affinity="r1"), limited=set(range(10)))
    assert ids(local.for_writing(0, RING, PRIMARIES)) == [1, 3, 5, 7, 2, 4]


def test_affinity_puts_the_nearest_first() -> None:
    near = PolicyOptions(sorting_method="affinity", read_affinity="r2=1, r1=2")
    assert ids(order(near).for_reading(0, RING, PRIMARIES))[:3] == [2, 1, 3]


def test_timing_puts_the_unknown_and_then_the_quickest_first() -> None:
    now = [0.0]
    timings = Timings(lambda: now[0], 300)
    timings.note(PRIMARIES[0], 0.3)
    timings.note(PRIMARIES[1], 0.1)
    by_time = order(PolicyOptions(sorting_method="timing"), timings=timings)
    assert ids(by_time.for_reading(0, RING, PRIMARIES))[:3] == [3, 2, 1]
    now[0] = 301
    assert ids(by_time.for_reading(0, RING, PRIMARIES))[:3] == [1, 2, 3]


def test_write_affinity_writes_local_nodes_first() -> None:
    local = order(PolicyOptions(write_affinity="r1", write_affinity_node_count=(4, False)))
    assert ids(local.for_writing(0, RING, PRIMARIES)) == [1, 3, 5, 7, 2, 4]
    few = order(PolicyOptions(write_affinity="r1", write_affinity_node_count=(2, False)))
    assert ids(few.for_writing(0, RING, PRIMARIES)) == [1, 3, 2, 4, 5, 6]
    limited = order(PolicyOptions(write_affinity="r1"), limited={1})
    assert ids(limited.for_writing(0, RING, PRIMARIES)) == [3, 5, 7, 2, 4, 6]


def test_deletes_go_to_local_handoffs_too() -> None:
    local = order(PolicyOptions(write_affinity="r1"))
    assert ids(local.for_deleting(0, RING, PRIMARIES)) == [1, 2, 3, 5, 7, 4]
    assert ids(order().for_deleting(0, RING, PRIMARIES)) == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("replicas", [1, 2, 4, 5])
def test_any_number_of_replicas(replicas: int) -> None:
    primaries = [device(n) for n in range(replicas)]
    ring = ListedRing(primaries, [device(n) for n in range(replicas, 20)])
    assert len(ids(order().for_reading(0, ring, primaries))) == 2 * replicas
