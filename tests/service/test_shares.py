"""Workers of one server see how many connections the others have."""

from __future__ import annotations

import os

from swiftlite.service.shares import Shares


def test_who_has_more_waits_and_who_has_least_does_not() -> None:
    shares = Shares(3)
    first, second, third = (shares.of(number) for number in range(3))
    assert first.pause() == 0.0
    first.have(4)
    second.have(1)
    assert first.pause() > second.pause() > third.pause() == 0.0
    third.have(1)
    assert second.pause() == 0.0


def test_in_a_crowd_a_quarter_more_is_no_reason_to_wait() -> None:
    shares = Shares(2)
    first, second = shares.of(0), shares.of(1)
    second.have(100)
    first.have(125)
    assert first.pause() == 0.0
    first.have(126)
    assert first.pause() > 0.0


def test_nobody_waits_long_for_a_worker_that_may_be_stuck() -> None:
    shares = Shares(2)
    shares.of(0).have(10_000)
    assert shares.of(0).pause() <= 0.01


def test_the_counts_are_shared_with_children() -> None:
    shares = Shares(2)
    shares.of(0).have(3)
    pid = os.fork()
    if pid == 0:
        shares.of(1).have(3)
        os._exit(0)
    os.waitpid(pid, 0)
    assert shares.of(0).pause() == 0.0
