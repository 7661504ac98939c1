from __future__ import annotations

from swiftlite.memcache import MemoryCache
from tests.memcache.fakes import TurnedClock


def test_values_are_copies() -> None:
    cache = MemoryCache(TurnedClock())
    value = {"a": [1]}
    cache.set("k", value)
    value["a"].append(2)
    got = cache.get("k")
    assert got == {"a": [1]}
    got["a"].append(3)
    assert cache.get("k") == {"a": [1]}


def test_entries_end_with_their_time() -> None:
    clock = TurnedClock()
    cache = MemoryCache(clock)
    cache.set("k", 1, time=10)
    cache.set("for ever", 2)
    clock.now += 9.9
    assert cache.get("k") == 1
    clock.now += 0.2
    assert cache.get("k") is None
    assert cache.get("for ever") == 2


def test_the_least_lately_used_goes_first() -> None:
    cache = MemoryCache(TurnedClock(), entries_max=3)
    for key in "abc":
        cache.set(key, key)
    cache.get("a")
    cache.set("d", "d")
    assert cache.get_multi("abcd") == ["a", None, "c", "d"]


def test_bytes_are_bounded_too() -> None:
    cache = MemoryCache(TurnedClock(), bytes_max=3000)
    cache.set("a", "x" * 1000)
    cache.set("b", "x" * 1000)
    cache.set("c", "x" * 1000)
    assert cache.get("a") is None
    assert cache.get("c") is not None
    cache.set("d", "x" * 10_000)
    assert cache.get("d") is None


def test_counters_keep_their_age() -> None:
    clock = TurnedClock()
    cache = MemoryCache(clock)
    assert cache.incr("n", 2, time=10) == 2
    clock.now += 6
    assert cache.incr("n", time=10) == 3
    assert cache.decr("n", 9) == 0
    clock.now += 5
    assert cache.incr("n", time=10) == 1


def test_deleting_and_many_at_once() -> None:
    cache = MemoryCache(TurnedClock())
    cache.set_multi({"a": 1, "b": 2}, "server", time=5)
    cache.delete("a")
    cache.delete("a")
    assert cache.get_multi(["a", "b"]) == [None, 2]
    assert not cache.shared
