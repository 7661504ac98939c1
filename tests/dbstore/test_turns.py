"""Group commit by itself: who leads, who follows, and what becomes of those who cannot wait."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from swiftlite.dbstore.turns import LeaderGone, Turns
from swiftlite.host.gathering import SHORTEST_S, Gathering
from swiftlite.host.net import DeadlinePassed
from swiftlite.testing.sim_host import SimNode, World


@pytest.fixture
def node() -> SimNode:
    return World(1).node("10.0.0.1")


def turns_of(node: SimNode, limit: int) -> Turns[str]:
    host = node.host
    return Turns(host.tasks, Gathering(host.tasks, host.clock.monotonic), limit)


class Carrier:
    """Carries batches out, half a second each, and remembers them."""

    def __init__(self, node: SimNode) -> None:
        self.node = node
        self.batches: list[list[str]] = []

    def __call__(self, batch: Sequence[str]) -> Sequence[object]:
        self.batches.append(list(batch))
        self.node.host.tasks.sleep(0.5)
        if "poison" in batch:
            raise OSError("poisoned")
        return [ValueError(item) if item.startswith("bad") else item.upper() for item in batch]


def in_simulation(node: SimNode, fn: object) -> object:
    return node.world.run(node, fn)  # type: ignore[arg-type]  # a function without arguments


def take_all(
    node: SimNode, items: Sequence[str], *, limit: int = 10, deadline: float = 1e9
) -> tuple[list[object], Carrier]:
    turns: Turns[str] = turns_of(node, limit)
    carrier = Carrier(node)

    def one(item: str) -> object:
        try:
            return turns.take("db", item, carrier, deadline=deadline)
        except Exception as error:
            return error

    def scene() -> list[object]:
        tasks = [node.host.tasks.spawn(one, item) for item in items]
        return [task.wait() for task in tasks]

    result = in_simulation(node, scene)
    assert isinstance(result, list)
    return result, carrier


def test_those_who_are_ready_at_once_go_together(node: SimNode) -> None:
    items = ["a", "b", "c", "d"]
    results, carrier = take_all(node, items)
    assert results == ["A", "B", "C", "D"]
    assert [sorted(batch) for batch in carrier.batches] == [items]


def test_those_who_come_during_a_batch_go_together_in_the_next(node: SimNode) -> None:
    turns = turns_of(node, 10)
    carrier = Carrier(node)
    tasks = node.host.tasks

    def scene() -> list[object]:
        running = []
        for item in "abc":
            running.append(tasks.spawn(lambda i=item: turns.take("db", i, carrier, deadline=1e9)))
            tasks.sleep(0.1)
        return [task.wait() for task in running]

    assert in_simulation(node, scene) == ["A", "B", "C"]
    assert carrier.batches == [["a"], ["b", "c"]]


def test_one_that_is_stopped_while_it_waits_for_company_hands_the_lead_on(node: SimNode) -> None:
    turns = turns_of(node, 10)
    carrier = Carrier(node)
    tasks = node.host.tasks

    def scene() -> list[object]:
        together = [
            tasks.spawn(lambda i=i: turns.take("db", i, carrier, deadline=1e9)) for i in "abd"
        ]
        for task in together:
            task.wait()
        leader = tasks.spawn(lambda: turns.take("db", "gone", carrier, deadline=1e9))
        tasks.sleep(SHORTEST_S / 3)
        other = tasks.spawn(lambda: turns.take("db", "c", carrier, deadline=1e9))
        tasks.sleep(SHORTEST_S / 3)
        leader.kill()
        return [other.wait()]

    assert in_simulation(node, scene) == ["C"]
    assert carrier.batches[1:] == [["c"]]
    assert turns._queues == {}


def test_a_batch_is_bounded(node: SimNode) -> None:
    _, carrier = take_all(node, [str(n) for n in range(9)], limit=3)
    assert max(len(batch) for batch in carrier.batches) == 3


def test_an_outcome_that_is_an_error_is_one_items_alone(node: SimNode) -> None:
    results, _ = take_all(node, ["a", "bad one", "b"])
    assert [type(result) for result in results] == [str, ValueError, str]


def test_a_batch_that_fails_fails_for_all_in_it_and_for_nobody_else(node: SimNode) -> None:
    results, carrier = take_all(node, ["a", "poison", "b"], limit=2)
    poisoned = next(batch for batch in carrier.batches if "poison" in batch)
    for item, result in zip(["a", "poison", "b"], results, strict=True):
        assert isinstance(result, OSError) == (item in poisoned)


def test_who_cannot_wait_leaves_the_queue_in_order(node: SimNode) -> None:
    start = node.host.clock.monotonic()
    results, carrier = take_all(node, ["a", "b", "c"], deadline=start + 0.2)
    assert sorted(str(type(result).__name__) for result in results) == [
        "DeadlinePassed",
        "DeadlinePassed",
        "str",
    ]
    assert len(carrier.batches) == 1
    assert any(isinstance(result, DeadlinePassed) for result in results)


def test_a_leader_that_is_stopped_hands_the_lead_on(node: SimNode) -> None:
    turns: Turns[str] = turns_of(node, 10)
    carrier = Carrier(node)
    tasks = node.host.tasks

    def scene() -> list[object]:
        leader = tasks.spawn(lambda: turns.take("db", "first", carrier, deadline=1e9))
        tasks.sleep(0.1)
        others = [tasks.spawn(lambda i=i: turns.take("db", i, carrier, deadline=1e9)) for i in "xy"]
        tasks.sleep(0.1)
        leader.kill()
        return [other.wait() for other in others]

    assert in_simulation(node, scene) == ["X", "Y"]
    assert turns._queues == {}


def test_a_follower_of_a_stopped_leader_learns_that_nobody_knows(node: SimNode) -> None:
    turns: Turns[str] = turns_of(node, 10)
    carrier = Carrier(node)
    tasks = node.host.tasks

    def scene() -> object:
        first = tasks.spawn(lambda: turns.take("db", "a", carrier, deadline=1e9))
        tasks.sleep(0.1)
        leader = tasks.spawn(lambda: turns.take("db", "b", carrier, deadline=1e9))
        tasks.sleep(0.1)
        follower = tasks.spawn(lambda: turns.take("db", "c", carrier, deadline=1e9))
        first.wait()
        tasks.sleep(0.2)  # b leads c now
        leader.kill()
        try:
            return follower.wait()
        except LeaderGone as error:
            return error

    assert isinstance(in_simulation(node, scene), LeaderGone)


def test_a_queue_nobody_waits_in_is_forgotten(node: SimNode) -> None:
    turns: Turns[str] = turns_of(node, 10)
    carrier = Carrier(node)
    in_simulation(node, lambda: turns.take("db", "a", carrier, deadline=1e9))
    assert turns._queues == {}
