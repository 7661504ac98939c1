"""How disk calls are run, and buffers lent."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, cast

import pytest

from swiftlite.host.plain import make_host
from swiftlite.host.tasks import Tasks
from swiftlite.objectstore.api import DeviceUnavailable, StoreSettings
from swiftlite.objectstore.context import Context
from swiftlite.testing.sim_clock import SimClock
from tests.objectstore.stores import ListLog


class CountingTasks:
    """Runs offloaded work in place and counts it."""

    def __init__(self) -> None:
        self.offloaded = 0

    def offload(self, key: str, fn: Callable[..., Any], *args: object) -> Any:  # noqa: ANN401
        self.offloaded += 1
        return fn(*args)


@pytest.fixture
def clock() -> SimClock:
    return SimClock()


@pytest.fixture
def tasks() -> CountingTasks:
    return CountingTasks()


@pytest.fixture
def context(clock: SimClock, tasks: CountingTasks) -> Context:
    host = dataclasses.replace(make_host(), clock=clock, tasks=cast(Tasks, tasks))
    return Context(host, StoreSettings(), ListLog())


def test_a_prompt_device_is_asked_in_place(context: Context, tasks: CountingTasks) -> None:
    assert [context.quickly("sda", lambda: 1) for _ in range(10)] == [1] * 10
    assert tasks.offloaded == 0


def test_a_slow_device_is_asked_by_threads_until_it_is_prompt_again(
    context: Context, tasks: CountingTasks, clock: SimClock
) -> None:
    context.quickly("sda", clock.advance, 1.0)
    for _ in range(10):
        context.quickly("sda", clock.advance, 1.0)
    assert tasks.offloaded == 10
    context.quickly("sdb", clock.advance, 0.0)
    assert tasks.offloaded == 10  # another device is none the worse
    for _ in range(200):
        context.quickly("sda", clock.advance, 0.0)
    assert 10 < tasks.offloaded < 110


def test_a_failure_may_be_slow_too(context: Context, tasks: CountingTasks, clock: SimClock) -> None:
    def fail() -> None:
        clock.advance(1.0)
        raise OSError(5, "broken")

    for _ in range(2):
        with pytest.raises(OSError, match="broken"):
            context.quickly("sda", fail)
    assert tasks.offloaded == 1
    with pytest.raises(DeviceUnavailable):
        context.offload("sda", fail)
