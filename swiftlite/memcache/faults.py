"""Which memcached servers failed too often of late to be asked."""

from __future__ import annotations

from swiftlite.memcache.front import MonotonicClock
from swiftlite.memcache.options import MemcacheOptions


class ServerFaults:
    """Counts faults of each server in a sliding time; a limited one is left alone for a while."""

    def __init__(self, options: MemcacheOptions, clock: MonotonicClock) -> None:
        self._limit = options.error_suppression_limit
        self._interval = options.error_suppression_interval
        self._clock = clock
        self._faults: dict[str, list[float]] = {}
        self._limited_until: dict[str, float] = {}

    def limited(self, server: str) -> bool:
        until = self._limited_until.get(server)
        return until is not None and until > self._clock.monotonic()

    def note(self, server: str) -> bool:
        """Count a fault; True when the server is limited from now on."""
        if self._interval <= 0:
            return False
        now = self._clock.monotonic()
        recent = [at for at in self._faults.get(server, ()) if at > now - self._interval]
        recent.append(now)
        self._faults[server] = recent
        if len(recent) <= self._limit:
            return False
        self._limited_until[server] = now + self._interval
        return True
