"""Python values kept for a moment in this process, in front of any cache beyond it.

What is stored is handed out as it is, so only values that nobody changes belong here. An entry is
believed until its time is over or its generation has passed (see generations).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from swiftlite.host.net import DeadlinePassed
from swiftlite.memcache.generations import Generations


class MonotonicClock(Protocol):
    """The part of host.clock that ages take."""

    def monotonic(self) -> float: ...


class WaitedFor(Protocol):
    """A value that one task sets and others wait for (host.tasks.event)."""

    def set(self, value: object = None, /) -> None: ...
    def wait(self, deadline: float | None = None, /) -> object: ...


class Front:
    """A bounded table of immutable values; the least lately filled go first."""

    def __init__(
        self,
        clock: MonotonicClock,
        *,
        generations: Generations | None = None,
        new_event: Callable[[], WaitedFor] | None = None,
        entries_max: int = 16_384,
    ) -> None:
        """new_event: makes what the followers of `once` wait on; without it nobody waits."""
        self.generations = generations or Generations()
        self._numbers = self.generations.numbers
        self._monotonic = clock.monotonic
        self._entries: dict[str, tuple[object, float, int, int]] = {}
        self._entries_max = entries_max
        self._new_event = new_event
        self._flights: dict[tuple[str, int], WaitedFor] = {}

    def get(self, key: str) -> object | None:
        """The value, if it may still be believed."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        value, until, slot, number = entry
        if self._numbers[slot] != number or self._monotonic() >= until:
            self._entries.pop(key, None)
            return None
        return value

    def generation(self, key: str) -> int:
        """To be asked for before a value is fetched, and given to `put` with it."""
        return self._numbers[self.generations.slot_of(key)]

    def put(self, key: str, value: object, seconds: float, generation: int) -> bool:
        """Keep a value that was fetched under a generation; False when that has passed since."""
        slot = self.generations.slot_of(key)
        if self._numbers[slot] != generation:
            return False
        if seconds <= 0:
            return True
        entries = self._entries
        entries.pop(key, None)
        if len(entries) >= self._entries_max:
            del entries[next(iter(entries))]
        entries[key] = (value, self._monotonic() + seconds, slot, generation)
        return True

    def drop(self, key: str) -> None:
        """Forget a value, in every process that shares the generations."""
        self._entries.pop(key, None)
        self.generations.outdate(key)

    def once(self, key: str, fetch: Callable[[], object], patience: float) -> object:
        """fetch(), but while one task is fetching a key the others wait for what it gets.

        patience: seconds after which a waiting task fetches for itself, as it does when the first
        one failed. A task that comes after the key was dropped never gets what was asked before.
        """
        if self._new_event is None:
            return fetch()
        flight = (key, self.generation(key))
        leader = self._flights.get(flight)
        if leader is not None:
            try:
                found = leader.wait(self._monotonic() + patience)
            except DeadlinePassed:
                found = None
            return fetch() if found is None else found
        event = self._flights[flight] = self._new_event()
        found = None
        try:
            found = fetch()
        finally:
            del self._flights[flight]
            event.set(found)
        return found
