"""Rates of accounts and containers."""

from __future__ import annotations

from typing import Any

import pytest

from swiftlite.config.load import ConfError
from swiftlite.infocache.info import AccountInfo, ContainerInfo
from swiftlite.memcache import CacheUnreachable, MemoryCache
from swiftlite.middleware.ratelimit import (
    WRITE_PREFIX,
    Ratelimit,
    RatelimitOptions,
    Rates,
    read_rates,
)
from tests.middleware.large import InlineTasks
from tests.middleware.parts import Canned, ListLog, SetClock
from tests.web.environs import Answer, make_environ


class World:
    def __init__(
        self,
        *,
        writes: Rates | None = None,
        listings: Rates | None = None,
        **options: Any,  # noqa: ANN401  # options
    ) -> None:
        self.clock = SetClock()
        self.tasks = InlineTasks(self.clock)
        self.log = ListLog()
        self.cache: Any = MemoryCache(self.clock)
        self.app = Canned(200)
        self.filter = Ratelimit(
            self.app,
            RatelimitOptions(**options),
            writes or Rates(),
            listings or Rates(),
            clock=self.clock,
            tasks=self.tasks,  # type: ignore[arg-type]
            log=self.log,  # type: ignore[arg-type]
        )
        self.told = ""
        self.size = 0

    def __call__(self, method: str = "PUT", path: str = "/v1/a/c/o") -> int:
        environ = make_environ(method, path)
        environ["swift.cache"] = self.cache
        environ["swift.infocache"] = {
            "account/a": AccountInfo(204, sysmeta={"global-write-ratelimit": self.told}),
            "container/a/c": ContainerInfo(204, object_count=self.size),
        }
        return Answer(self.filter, environ).status

    def seconds(self, count: int, *args: str) -> float:
        """How long so many requests in a row take."""
        start = self.clock.seconds
        for _ in range(count):
            assert self(*args) == 200
        return self.clock.seconds - start


LINES = Rates(((0, 100.0), (100, 50.0), (200, 10.0)))


@pytest.mark.parametrize(
    ("size", "rate"),
    [(0, 100), (50, 75), (100, 50), (150, 30), (199, 10.4), (200, 10), (10**9, 10)],
)
def test_rates_fall_in_lines_between_sizes(size: int, rate: float) -> None:
    assert LINES.at(size) == pytest.approx(rate)


def test_below_the_first_size_there_is_no_limit() -> None:
    assert Rates(((100, 5.0),)).at(99) is None
    assert Rates().at(5) is None


def test_rates_are_read_from_keys() -> None:
    values = {"container_ratelimit_100": "50", "container_ratelimit_0": "100", "use": "x"}
    assert read_rates(values, WRITE_PREFIX, where="f") == Rates(((0, 100.0), (100, 50.0)))
    for bad in (
        {"container_ratelimit_x": "1"},
        {"container_ratelimit_1": "0"},
        {"container_ratelimit_1": "nan"},
    ):
        with pytest.raises(ConfError, match="f: container_ratelimit_"):
            read_rates(bad, WRITE_PREFIX, where="f")


def test_writes_into_a_container_keep_its_rate() -> None:
    world = World(writes=Rates(((0, 10.0),)))
    world()
    assert world.seconds(20) == pytest.approx(2.0, abs=0.15)
    assert world.seconds(20, "GET") == 0
    assert world.seconds(20, "PUT", "/v1/a/c") == 0


def test_what_was_not_used_may_be_spent_in_one_burst() -> None:
    world = World(writes=Rates(((0, 10.0),)), rate_buffer_seconds=5)
    world()
    world.clock.seconds += 4
    assert world.seconds(40) == pytest.approx(0, abs=0.15)
    world.clock.seconds += 1000
    assert world.seconds(20) == pytest.approx(2.0, abs=0.25), "nothing is saved for ever"


def test_a_larger_container_is_slower() -> None:
    world = World(writes=LINES)
    world.size = 200
    world()
    assert world.seconds(10) == pytest.approx(1.0, abs=0.15)


def test_making_containers_and_listing_them_have_rates_of_their_own() -> None:
    world = World(account_ratelimit=10.0, listings=Rates(((0, 5.0),)))
    world("PUT", "/v1/a/c")
    assert world.seconds(10, "PUT", "/v1/a/c") == pytest.approx(1.0, abs=0.15)
    world("GET", "/v1/a/c")
    assert world.seconds(10, "GET", "/v1/a/c") == pytest.approx(2.0, abs=0.25)
    assert world.seconds(10, "PUT", "/v1/a/c/o") == 0


def test_who_would_wait_too_long_is_refused_and_costs_no_turn() -> None:
    world = World(writes=Rates(((0, 1.0),)), max_sleep_time_seconds=3)
    world.tasks.sleep = lambda seconds: None  # type: ignore[method-assign]
    statuses = [world() for _ in range(20)]
    assert 498 in statuses
    first = statuses.index(498)
    assert set(statuses[first:]) == {498}
    assert len(world.app.seen) == first
    world.clock.seconds += 2
    assert world() == 200


def test_lists_of_accounts() -> None:
    world = World(writes=Rates(((0, 1.0),)), account_whitelist=["a"])
    assert world.seconds(20) == 0
    world = World(account_blacklist=["a"])
    assert world("GET") == 497
    assert world.tasks.slept == [1.0]


@pytest.mark.parametrize(
    ("told", "status", "pause"),
    [
        ("WHITELIST", 200, 0.0),
        ("BLACKLIST", 497, 1.0),
        ("2", 200, 0.5),
        ("x", 200, 1.0),
        ("nan", 200, 1.0),
        ("-1", 200, 1.0),
    ],
)
def test_an_account_may_have_a_setting_of_its_own(told: str, status: int, pause: float) -> None:
    world = World(writes=Rates(((0, 1.0),)) if told != "2" else Rates())
    world.told = told
    world()
    start = world.clock.seconds
    assert world() == status
    assert world.clock.seconds - start == pytest.approx(pause, abs=0.01)
    assert world("GET") == 200


def test_without_a_cache_nothing_is_limited() -> None:
    class Broken:
        def incr(self, *_args: object, **_kwargs: object) -> int:
            raise CacheUnreachable

    for cache in (None, Broken()):
        world = World(writes=Rates(((0, 1.0),)))
        world.cache = cache
        assert world.seconds(20) == 0


def test_long_waits_are_told() -> None:
    world = World(writes=Rates(((0, 1.0),)), log_sleep_time_seconds=0.5)
    world.seconds(3)
    assert "waits 1.00 s" in world.log.text()


@pytest.mark.parametrize("path", ["/info", "/", "/auth/v1.0", "v1/a/c"])
def test_other_paths_pass(path: str) -> None:
    assert World(account_blacklist=["a"])("GET", path) == 200
