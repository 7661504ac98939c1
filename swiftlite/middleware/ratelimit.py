"""Slows down accounts and containers that are written, or listed, too often.

A request takes its share of time on a clock kept in the cache, and waits until its turn; who would
wait too long is answered 498. Rates of containers fall with their size, in straight lines between
the sizes that the operator names.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from swiftlite.config.load import ConfError
from swiftlite.config.option import opt
from swiftlite.host.clock import Clock
from swiftlite.host.tasks import Tasks
from swiftlite.infocache import get_account_info, get_container_info
from swiftlite.memcache import CacheUnreachable
from swiftlite.middleware.factory import Filter, FilterConf
from swiftlite.observe.log import Log
from swiftlite.vocab.names import wsgi_to_text
from swiftlite.web.info_registry import register
from swiftlite.web.refusals import Refusal
from swiftlite.web.wsgi import Environ, StartResponse, WsgiApp

SOURCE = "RL"
WRITE_PREFIX, LISTING_PREFIX = "container_ratelimit_", "container_listing_ratelimit_"
BLACKLIST_PAUSE = 1.0
KEEP_SECONDS = 86400
_CHANGES = frozenset(("PUT", "DELETE", "POST", "COPY"))


@dataclass(frozen=True, slots=True)
class RatelimitOptions:
    """Beside these: container_ratelimit_<objects> and container_listing_ratelimit_<objects>,
    requests a second for containers of at least so many objects."""

    SECTION = "filter:ratelimit"
    clock_accuracy: int = opt(1000, "Parts of a second that the clock counts.", minimum=1)
    max_sleep_time_seconds: float = opt(
        60.0, "Longest wait; who would wait longer is answered 498.", minimum=0
    )
    log_sleep_time_seconds: float = opt(
        0.0, "Waits longer than this are told to the log; 0: none.", minimum=0
    )
    rate_buffer_seconds: int = opt(
        5, "Time that may be saved up and spent in one burst.", minimum=0
    )
    account_ratelimit: float = opt(
        0.0, "Containers made or deleted a second in one account; 0: no limit.", minimum=0
    )
    account_whitelist: list[str] = opt([], "Accounts that are never slowed down.")
    account_blacklist: list[str] = opt([], "Accounts that are refused everything.")


@dataclass(frozen=True, slots=True)
class Rates:
    """Requests a second by the number of objects, as points that lines join."""

    points: tuple[tuple[int, float], ...] = ()

    def at(self, size: int) -> float | None:
        """None below the first point; beyond the last one its rate holds."""
        if not self.points or size < self.points[0][0]:
            return None
        for (low, low_rate), (high, high_rate) in pairwise(self.points):
            if size < high:
                return low_rate + (size - low) * (high_rate - low_rate) / (high - low)
        return self.points[-1][1]


def read_rates(values: Mapping[str, str], prefix: str, *, where: str) -> Rates:
    """The points that keys with a prefix name. Raises ConfError."""
    points = []
    for key, value in values.items():
        if not key.startswith(prefix):
            continue
        digits = key[len(prefix) :]
        try:
            rate = float(value)
        except ValueError:
            rate = 0.0
        if not (digits.isascii() and digits.isdigit()) or not 0 < rate < 1e9:
            raise ConfError(
                f"{where}: {key} = {value} must be {prefix}<number of objects> = "
                "<requests a second>, more than 0."
            )
        points.append((int(digits), rate))
    return Rates(tuple(sorted(points)))


class TooSlow(Exception):
    """A request's turn would come later than anybody may wait."""


class Ratelimit:
    """WSGI filter; without a cache it limits nothing."""

    def __init__(
        self,
        app: WsgiApp,
        options: RatelimitOptions,
        writes: Rates,
        listings: Rates,
        *,
        clock: Clock,
        tasks: Tasks,
        log: Log,
    ) -> None:
        self.app = app
        self.options = options
        self.writes = writes
        self.listings = listings
        self.clock = clock
        self.tasks = tasks
        self.log = log
        self.white = frozenset(options.account_whitelist)
        self.black = frozenset(options.account_blacklist)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        segments = environ["PATH_INFO"].split("/", 4)
        if len(segments) < 3 or segments[0] or not segments[2] or segments[1] not in ("v1", "v1.0"):
            return self.app(environ, start_response)
        names = [wsgi_to_text(segment) for segment in segments[2:]]
        account, container, obj = (*names, "", "")[:3]
        try:
            self._take_turn(environ, account, container, obj)
        except Refusal as refusal:
            return refusal.response()(environ, start_response)
        return self.app(environ, start_response)

    def _take_turn(self, environ: Environ, account: str, container: str, obj: str) -> None:
        """Wait as long as the rates say. Raises Refusal."""
        cache = environ.get("swift.cache")
        if account in self.black:
            raise self._blacklisted()
        if account in self.white or cache is None:
            return
        told = self._told_by_account(environ, account)
        if told == "BLACKLIST":
            raise self._blacklisted()
        if told == "WHITELIST":
            return
        for key, rate in self._limits(environ, account, container, obj, told):
            try:
                pause = self._pause(cache, key, rate)
            except TooSlow:
                self.log.warning(f"too many requests for {key}: refused")
                raise Refusal(498, "Slow down") from None
            if pause > 0:
                if 0 < self.options.log_sleep_time_seconds < pause:
                    self.log.warning(f"too many requests for {key}: waits {pause:.2f} s")
                self.tasks.sleep(pause)

    def _blacklisted(self) -> Refusal:
        self.tasks.sleep(BLACKLIST_PAUSE)
        return Refusal(497, "Your account has been blacklisted")

    def _told_by_account(self, environ: Environ, account: str) -> str | None:
        """The account's own setting, which a reseller's tool writes; for changes alone."""
        if environ["REQUEST_METHOD"] not in _CHANGES:
            return None
        info = get_account_info(environ, self.app, account=account, source=SOURCE)
        return info.sysmeta.get("global-write-ratelimit", "").strip() or None

    def _limits(
        self, environ: Environ, account: str, container: str, obj: str, told: str | None
    ) -> list[tuple[str, float]]:
        """Clocks on which a request takes its turn, each with its rate."""
        verb = environ["REQUEST_METHOD"]
        found: list[tuple[str, float]] = []
        if container and not obj:
            if verb in ("PUT", "DELETE") and self.options.account_ratelimit:
                found.append((f"ratelimit/{account}", self.options.account_ratelimit))
            elif verb == "GET" and self.listings.points:
                rate = self.listings.at(self._size(environ))
                if rate:
                    found.append((f"ratelimit_listing/{account}/{container}", rate))
        elif obj and verb in _CHANGES and self.writes.points:
            rate = self.writes.at(self._size(environ))
            if rate:
                found.append((f"ratelimit/{account}/{container}", rate))
        if told is not None:
            try:
                rate = float(told)
            except ValueError:
                rate = 0.0
            if 0 < rate < 1e9:
                found.append((f"ratelimit/global-write/{account}", rate))
        return found

    def _size(self, environ: Environ) -> int:
        return get_container_info(environ, self.app, source=SOURCE).object_count

    def _pause(self, cache: Any, key: str, rate: float) -> float:  # noqa: ANN401  # any cache
        """Seconds to wait for this request's turn. Raises TooSlow."""
        accuracy = self.options.clock_accuracy
        now = round(self.clock.wall() * accuracy)
        share = round(accuracy / rate)
        try:
            turn = int(cache.incr(key, delta=share, time=KEEP_SECONDS))
            if now - turn > self.options.rate_buffer_seconds * accuracy:
                # Nobody came for a while: the clock starts again from now.
                cache.set(key, str(now + share), serialize=False, time=KEEP_SECONDS)
                return 0.0
            wait = max(turn - now - share, 0)
            if self.options.max_sleep_time_seconds * accuracy - wait <= accuracy * 0.01:
                cache.decr(key, delta=share, time=KEEP_SECONDS)
                raise TooSlow
        except CacheUnreachable:
            return 0.0
        return wait / accuracy


def filter_factory(global_conf: dict[str, str], **local_conf: str) -> Filter:
    conf = FilterConf(RatelimitOptions.SECTION, global_conf, local_conf)
    options = conf.options(
        RatelimitOptions, dynamic=lambda key: key.startswith((WRITE_PREFIX, LISTING_PREFIX))
    )
    writes = read_rates(local_conf, WRITE_PREFIX, where=conf.where)
    listings = read_rates(local_conf, LISTING_PREFIX, where=conf.where)
    host, log = conf.host, conf.log()
    register(
        "ratelimit",
        account_ratelimit=options.account_ratelimit,
        max_sleep_time_seconds=options.max_sleep_time_seconds,
        container_ratelimits=[list(point) for point in writes.points],
        container_listing_ratelimits=[list(point) for point in listings.points],
    )
    return lambda app: Ratelimit(
        app, options, writes, listings, clock=host.clock, tasks=host.tasks, log=log
    )
