"""Servers that have just been silent, on a clock that the test turns."""

from __future__ import annotations

import pytest

from swiftlite.peers.silence import LONG_S, RETRY_S, Silence

NEAR, FAR = ("10.0.0.1", 6201), ("10.0.0.2", 6201)


class Time:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def silence(time: Time) -> Silence:
    return Silence(time)


def wait_in_vain(silence: Silence, time: Time, seconds: float = LONG_S * 1.5) -> bool:
    since = time.now
    time.now += seconds
    return silence.missed(FAR, since)


def test_nobody_is_silent_at_first(silence: Silence) -> None:
    assert not silence.holds(NEAR)


def test_one_long_wait_in_vain_is_enough(silence: Silence, time: Time) -> None:
    assert wait_in_vain(silence, time)
    assert silence.holds(FAR)
    assert not silence.holds(NEAR)


def test_a_refusal_costs_no_time_and_is_no_silence(silence: Silence, time: Time) -> None:
    assert not wait_in_vain(silence, time, 0.01)
    assert not silence.holds(FAR)


def test_a_server_that_answered_others_meanwhile_is_only_slow(silence: Silence, time: Time) -> None:
    since = time.now
    time.now += LONG_S / 2
    silence.heard(FAR)
    time.now += LONG_S
    assert not silence.missed(FAR, since)
    assert not silence.holds(FAR)


def test_an_answer_ends_it(silence: Silence, time: Time) -> None:
    wait_in_vain(silence, time)
    assert silence.heard(FAR)
    assert not silence.holds(FAR)
    assert not silence.heard(FAR)


def test_an_answer_from_before_says_nothing(silence: Silence, time: Time) -> None:
    silence.heard(FAR)
    time.now += 1.0
    assert wait_in_vain(silence, time)


def test_where_nobody_asks_one_call_in_a_while_finds_out(silence: Silence, time: Time) -> None:
    wait_in_vain(silence, time)
    time.now += RETRY_S
    assert [silence.holds(FAR) for _ in range(3)] == [False, True, True]


def test_it_lasts_as_long_as_others_ask_in_vain(silence: Silence, time: Time) -> None:
    wait_in_vain(silence, time)
    for _ in range(5):
        time.now += RETRY_S - 1
        assert not wait_in_vain(silence, time)  # no news
        assert silence.holds(FAR)
