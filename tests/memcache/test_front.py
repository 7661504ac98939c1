from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from swiftlite.host.os_disk import OsDisk
from swiftlite.memcache import Front, Generations, open_shared
from tests.memcache.fakes import TurnedClock


def test_a_value_is_believed_until_its_time() -> None:
    clock = TurnedClock()
    front = Front(clock)
    value = object()
    assert front.put("k", value, 1.0, front.generation("k"))
    assert front.get("k") is value
    clock.now += 1.0
    assert front.get("k") is None


def test_a_dropped_value_is_gone_at_once_in_all_that_share_the_table() -> None:
    clock = TurnedClock()
    table = bytearray(8192 * 8)
    one, other = (Front(clock, generations=Generations(table, start=n)) for n in (1, 1000))
    for front in (one, other):
        front.put("k", "old", 60.0, front.generation("k"))
    one.drop("k")
    assert one.get("k") is None
    assert other.get("k") is None


def test_what_was_fetched_before_a_drop_is_not_kept_after_it() -> None:
    front = Front(TurnedClock())
    before = front.generation("k")
    front.drop("k")
    assert not front.put("k", "overtaken", 60.0, before)
    assert front.get("k") is None


def test_the_table_is_bounded() -> None:
    front = Front(TurnedClock(), entries_max=2)
    for key in "abc":
        front.put(key, key, 60.0, front.generation(key))
    assert [front.get(key) for key in "abc"] == [None, "b", "c"]


def test_workers_that_open_the_same_file_share_generations(tmp_path: Path) -> None:
    path = str(tmp_path / "generations")
    clock = TurnedClock()
    one, other = (Front(clock, generations=open_shared(path, OsDisk(), start=n)) for n in (7, 9))
    other.put("container/a/c", "old", 60.0, other.generation("container/a/c"))
    one.drop("container/a/c")
    assert other.get("container/a/c") is None


class Event:
    """What a task waits on, in a test that runs the other task while one waits."""

    def __init__(self, meanwhile: list[Any]) -> None:
        self.value: object = None
        self.meanwhile = meanwhile

    def set(self, value: object = None) -> None:
        self.value = value

    def wait(self, deadline: float | None = None) -> object:
        return self.value


def test_a_second_task_takes_what_the_first_one_gets() -> None:
    events: list[Event] = []

    def new_event() -> Event:
        events.append(Event([]))
        return events[-1]

    front = Front(TurnedClock(), new_event=new_event)
    asked = []

    def slow() -> str:
        asked.append("first")
        events[0].value = "found"  # as if the second task had been woken by set()
        assert front.once("k", lambda: pytest.fail("asked twice"), 5.0) == "found"
        return "found"

    assert front.once("k", slow, 5.0) == "found"
    assert asked == ["first"]
    assert front.once("k", lambda: "asked again", 5.0) == "asked again"


def test_a_task_after_a_drop_does_not_join_the_flight_before_it() -> None:
    front = Front(TurnedClock(), new_event=lambda: Event([]))

    def slow() -> str:
        front.drop("k")
        assert front.once("k", lambda: "new", 5.0) == "new"
        return "old"

    assert front.once("k", slow, 5.0) == "old"


def test_a_failed_leader_lets_the_next_one_try() -> None:
    front = Front(TurnedClock(), new_event=lambda: Event([]))

    def broken() -> str:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        front.once("k", broken, 5.0)
    assert front.once("k", lambda: "fine", 5.0) == "fine"
