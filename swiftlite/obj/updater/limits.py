"""How many updates one container may get: beyond its rate they wait until the sweep's end."""

from __future__ import annotations

from collections import deque
from zlib import crc32

from swiftlite.host.clock import Clock
from swiftlite.obj.updater.pendings import Waiting


class ContainerLimit:
    """Containers share buckets; a bucket lets so many through a second. rate 0: all of them."""

    def __init__(self, clock: Clock, rate: float, buckets: int) -> None:
        self._clock = clock
        self._rate = rate
        self._next = [0.0] * (buckets if rate > 0 else 0)

    def wait(self, container: tuple[str, str]) -> float:
        """0.0: one may go now, and is counted; otherwise seconds until one may."""
        if self._rate <= 0:
            return 0.0
        bucket = crc32("/".join(container).encode("utf-8", "surrogateescape")) % len(self._next)
        now = self._clock.monotonic()
        if self._next[bucket] > now:
            return self._next[bucket] - now
        self._next[bucket] = max(self._next[bucket], now - 1 / self._rate) + 1 / self._rate
        return 0.0


class Deferred:
    """Updates that wait in memory for their container's rate; the oldest give way to new ones,
    because a newer file may have superseded them meanwhile."""

    def __init__(self, limit: ContainerLimit, most: int) -> None:
        self._limit = limit
        self._most = most
        self._waiting: deque[Waiting] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def admit(self, found: list[Waiting]) -> tuple[list[Waiting], int, int]:
        """Those that may be sent now; how many were deferred; and how many were given up for this
        sweep because of that."""
        now, deferred, skipped = [], 0, 0
        for one in found:
            if self._limit.wait(one.container) <= 0:
                now.append(one)
                continue
            deferred += 1
            if self._most:
                self._waiting.append(one)
            if not self._most or len(self._waiting) > self._most:
                skipped += 1
            if len(self._waiting) > self._most:
                self._waiting.popleft()
        return now, deferred, skipped

    def ready(self, most: int) -> tuple[list[Waiting], float]:
        """Deferred ones that may be sent now; if none, seconds until one may."""
        ready: list[Waiting] = []
        left: deque[Waiting] = deque()
        soonest = 1.0
        while self._waiting and len(ready) < most:
            one = self._waiting.popleft()
            wait = self._limit.wait(one.container)
            if wait <= 0:
                ready.append(one)
            else:
                soonest = min(soonest, wait)
                left.append(one)
        left.extend(self._waiting)
        self._waiting = left
        return ready, soonest

    def give_up(self) -> int:
        """Leave the rest to the next sweep; how many."""
        count = len(self._waiting)
        self._waiting.clear()
        return count
