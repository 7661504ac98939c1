from __future__ import annotations

from swiftlite.proxy.node_limit import PROBE_S, NodeLimiter
from tests.proxy.devices import device

NODE, OTHER = device(1), device(2)


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def limiter(clock: Clock, limit: int = 3) -> NodeLimiter:
    return NodeLimiter(clock, 60.0, limit)


def test_errors_beyond_the_limit_leave_a_node_alone_for_the_interval() -> None:
    clock = Clock()
    limits = limiter(clock)
    for _ in range(3):
        limits.error(NODE)
        clock.now += 10
    assert not limits.limited(NODE)
    limits.error(NODE)
    assert limits.limited(NODE)
    assert not limits.limited(OTHER)
    clock.now += 60.1
    assert not limits.limited(NODE)


def test_errors_far_apart_do_not_add_up() -> None:
    clock = Clock()
    limits = limiter(clock)
    for _ in range(20):
        limits.error(NODE)
        clock.now += 61
    assert not limits.limited(NODE)


def test_good_answers_in_between_do_not_undo_errors_below_the_limit() -> None:
    limits = limiter(Clock())
    for _ in range(4):
        limits.answered(NODE)
        limits.error(NODE)
    assert limits.limited(NODE)


def test_one_request_in_a_while_probes_and_a_good_answer_brings_the_node_back() -> None:
    clock = Clock()
    limits = limiter(clock)
    for _ in range(4):
        limits.error(NODE)
    assert not limits.may_ask(NODE)
    clock.now += PROBE_S
    assert limits.may_ask(NODE)
    assert not limits.may_ask(NODE)
    limits.answered(NODE)
    assert limits.may_ask(NODE)
    assert not limits.limited(NODE)
    assert limits.may_ask(OTHER)


def test_a_device_without_room_is_not_probed_nor_brought_back_by_reads() -> None:
    clock = Clock()
    limits = limiter(clock)
    limits.limit_now(NODE)
    clock.now += PROBE_S
    assert not limits.may_ask(NODE)
    limits.answered(NODE)
    assert limits.limited(NODE)
    clock.now += 60.1
    assert limits.may_ask(NODE)


def test_a_node_given_up_in_a_row_is_left_alone() -> None:
    limits = limiter(Clock())
    for _ in range(3):
        limits.given_up(NODE)
    limits.answered(NODE)
    for _ in range(3):
        limits.given_up(NODE)
    assert not limits.limited(NODE)
    limits.given_up(NODE)
    assert limits.limited(NODE)
