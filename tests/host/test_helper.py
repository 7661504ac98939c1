"""Calls that a second thread makes, in their order, and what becomes of them."""

from __future__ import annotations

import threading

import pytest

from swiftlite.host import green, plain
from swiftlite.host.tasks import Helper


@pytest.fixture(params=[green, plain])
def helper(request: pytest.FixtureRequest) -> Helper:
    made: Helper = request.param.make_host().tasks.helper()
    return made


def test_results_come_back_and_calls_keep_their_order(helper: Helper) -> None:
    seen: list[int] = []

    def act(number: int) -> int:
        seen.append(number)
        return number * 2

    begun = [helper.begin(act, number) for number in range(100)]
    assert [one.wait() for one in begun] == [number * 2 for number in range(100)]
    assert seen == list(range(100))
    assert begun[0].wait() == 0  # as often as one likes
    helper.close()


def test_errors_come_back_and_do_not_end_it(helper: Helper) -> None:
    begun = helper.begin(int, "x")
    for _ in range(2):
        with pytest.raises(ValueError, match="invalid literal"):
            begun.wait()
    assert helper.begin(int, "7").wait() == 7
    helper.close()
    helper.close()


def test_it_works_beside_the_one_who_asked() -> None:
    helper = green.make_host().tasks.helper()
    go_on = threading.Event()
    begun = helper.begin(go_on.wait, 60.0)
    go_on.set()  # would never come if the call were made in place
    assert begun.wait()
    helper.close()
    assert helper.begin(int, "7").wait() == 7  # a new thread
    helper.close()
