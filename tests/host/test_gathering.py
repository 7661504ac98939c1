"""Gathering: who is alone goes at once, who has met others lately waits a moment for more."""

from __future__ import annotations

import pytest

from swiftlite.host.gathering import LONGEST_S, SHORTEST_S, Gathering
from swiftlite.testing.sim_host import SimNode, World


@pytest.fixture
def node() -> SimNode:
    return World(1).node("10.0.0.1")


def waited(
    node: SimNode, *groups: tuple[str, int], took: float = 0.0, here: int = 1, after: float = 0.0
) -> float:
    """Seconds that one of key "a" waits, when such groups arrived before it."""
    gathering = Gathering(node.tasks, node.host.clock.monotonic)

    def scene() -> float:
        for key, size in groups:
            gathering.arrived(key, node.host.clock.monotonic() - took, size)
        node.tasks.sleep(after)
        start = node.host.clock.monotonic()
        gathering.wait("a", lambda: here)
        return node.host.clock.monotonic() - start

    return float(node.world.run(node, scene))


def test_the_first_of_all_goes_at_once(node: SimNode) -> None:
    assert waited(node) == 0


def test_one_that_was_always_alone_goes_at_once(node: SimNode) -> None:
    assert waited(node, ("a", 1), ("a", 1)) == 0


def test_where_several_met_the_next_waits_for_company(node: SimNode) -> None:
    assert waited(node, ("a", 2)) == pytest.approx(SHORTEST_S)


def test_it_waits_longer_where_the_journey_is_long(node: SimNode) -> None:
    assert waited(node, ("a", 2), took=0.02) == pytest.approx(0.02)
    assert waited(node, ("a", 9), took=0.02) == pytest.approx(0.04)
    assert waited(node, ("a", 2), took=4) == pytest.approx(LONGEST_S)


def test_it_goes_once_as_many_are_there_as_were_met(node: SimNode) -> None:
    assert waited(node, ("a", 5), took=0.04, here=5) == 0
    gathering = Gathering(node.tasks, node.host.clock.monotonic)
    there = [1]

    def one_joins(at: float) -> None:
        node.tasks.sleep(at)
        there[0] += 1
        gathering.joined("a", there[0])

    def scene() -> float:
        start = node.host.clock.monotonic()
        gathering.arrived("a", start - 0.04, 3)
        for at in (0.01, 0.02):
            node.tasks.spawn(one_joins, at)
        return gathering.wait("a", lambda: there[0]) - start

    assert node.world.run(node, scene) == pytest.approx(0.02)


def test_of_a_large_company_some_may_be_late_once(node: SimNode) -> None:
    assert waited(node, ("a", 9), ("a", 3), took=0.02, here=7) == pytest.approx(0.04)
    assert waited(node, ("a", 9), ("a", 3), took=0.02, here=8) == 0


def test_who_has_waited_in_vain_does_not_wait_again(node: SimNode) -> None:
    gathering = Gathering(node.tasks, node.host.clock.monotonic)

    def one_goes() -> float:
        start = node.host.clock.monotonic()
        gathering.arrived("a", gathering.wait("a", lambda: 1), 1)
        return node.host.clock.monotonic() - start

    def scene() -> list[float]:
        gathering.arrived("a", node.host.clock.monotonic(), 2)
        return [one_goes(), one_goes()]

    assert node.world.run(node, scene) == [pytest.approx(SHORTEST_S), 0]


def test_company_elsewhere_does_not_count(node: SimNode) -> None:
    assert waited(node, ("b", 9)) == 0


def test_company_is_forgotten_in_time(node: SimNode) -> None:
    assert waited(node, ("a", 2), after=1.0) == 0


def test_a_large_group_waits_for_nobody(node: SimNode) -> None:
    assert waited(node, ("a", 9), here=100) == 0
