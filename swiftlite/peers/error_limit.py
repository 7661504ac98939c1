"""Nodes that failed too often are left alone for a while.

Swift's numbers: more than 10 errors, each less than 60 s after the one before, and a full or
unmounted disk (507) at once.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable

from swiftlite.host.clock import Clock


class ErrorLimiter:
    """Counts the errors of nodes, each named by any hashable (its address and device)."""

    def __init__(self, clock: Clock, interval: float = 60.0, limit: int = 10) -> None:
        self._monotonic: Callable[[], float] = clock.monotonic
        self._interval = interval
        self._limit = limit
        self._errors: dict[Hashable, tuple[int, float]] = {}  # count, time of the last

    def limited(self, node: Hashable) -> bool:
        """Whether it should not be asked now."""
        if not self._errors:  # the usual case, on the way of every request
            return False
        entry = self._errors.get(node)
        if entry is None:
            return False
        count, last = entry
        if last < self._monotonic() - self._interval:
            del self._errors[node]
            return False
        return count > self._limit

    def error(self, node: Hashable) -> bool:
        """One more error of this node; true if it is limited now."""
        count, last = self._errors.get(node, (0, 0.0))
        now = self._monotonic()
        if last < now - self._interval:
            count = 0
        self._errors[node] = (count + 1, now)
        return count + 1 > self._limit

    def limit_now(self, node: Hashable) -> None:
        """For errors that will not go away by themselves."""
        self._errors[node] = (self._limit + 1, self._monotonic())

    def limited_nodes(self) -> list[Hashable]:
        return [node for node in list(self._errors) if self.limited(node)]
