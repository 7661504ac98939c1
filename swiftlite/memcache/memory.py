"""The cache of a process that has no memcached: the same interface, over a dict.

Values pass through JSON as they would on the wire, so that nothing behaves differently the day a
memcached is configured, and nobody can change a stored value from outside.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from swiftlite.memcache.front import Front, MonotonicClock, WaitedFor
from swiftlite.memcache.generations import Generations

_ENTRY_BYTES = 200  # what an entry costs beside its text, roughly


class MemoryCache:
    """Bounded in entries and bytes, least lately used first out; ages by the given clock."""

    shared = False
    """Nothing set here is seen by another process."""

    def __init__(
        self,
        clock: MonotonicClock,
        *,
        entries_max: int = 65_536,
        bytes_max: int = 64 * 1024 * 1024,
        generations: Generations | None = None,
        new_event: Callable[[], WaitedFor] | None = None,
    ) -> None:
        """generations: shared with the other workers of this host, if there is such a table."""
        self.coherent = generations is not None
        self.front = Front(clock, generations=generations, new_event=new_event)
        self._clock = clock
        self._entries: dict[str, tuple[str, float]] = {}
        self._entries_max = entries_max
        self._bytes_max = bytes_max
        self._bytes = 0

    def get(self, key: str, raise_on_error: bool = False) -> Any:  # noqa: ANN401  # JSON
        text = self._text(key)
        return None if text is None else json.loads(text)

    def set(
        self,
        key: str,
        value: object,
        serialize: bool = True,
        time: float = 0,
        min_compress_len: int = 0,  # Swift's signature
        raise_on_error: bool = False,  # there is no server to fail
    ) -> None:
        """Keep a value for `time` seconds, 0 meaning until it is pushed out."""
        if not serialize and isinstance(value, bytes):
            value = value.decode("utf-8", "surrogateescape")
        self._put(key, json.dumps(value), time)

    def delete(self, key: str, server_key: str | None = None) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._bytes -= _weight(key, entry[0])

    def incr(self, key: str, delta: int = 1, time: float = 0) -> int:
        """Count up (or down, never below zero), from zero; the new count."""
        text = self._text(key)
        if text is None:
            count = max(0, int(delta))
            self._put(key, str(count), time)
            return count
        stored = json.loads(text)
        before = int(stored) if isinstance(stored, int) or str(stored).isdecimal() else 0
        count = max(0, before + int(delta))
        self._put(key, str(count), None)
        return count

    def decr(self, key: str, delta: int = 1, time: float = 0) -> int:
        return self.incr(key, -int(delta), time)

    def get_multi(self, keys: Iterable[str], server_key: str = "") -> list[Any]:
        """Values in the order of the keys, None where there is none."""
        return [self.get(key) for key in keys]

    def set_multi(
        self,
        mapping: Mapping[str, object],
        server_key: str = "",  # there is one place
        serialize: bool = True,
        time: float = 0,
    ) -> None:
        for key, value in mapping.items():
            self.set(key, value, serialize, time)

    def _text(self, key: str) -> str | None:
        entry = self._entries.get(key)
        if entry is None:
            return None
        text, until = entry
        if until <= self._clock.monotonic():
            self.delete(key)
            return None
        del self._entries[key]
        self._entries[key] = entry
        return text

    def _put(self, key: str, text: str, seconds: float | None) -> None:
        """seconds None keeps the age of an entry that is there."""
        old = self._entries.get(key)
        if seconds is None and old is not None:
            until = old[1]
        else:
            until = self._clock.monotonic() + seconds if seconds else float("inf")
        self.delete(key)
        self._entries[key] = (text, until)
        self._bytes += _weight(key, text)
        while len(self._entries) > self._entries_max or self._bytes > self._bytes_max:
            self.delete(next(iter(self._entries)))


def _weight(key: str, text: str) -> int:
    return len(key) + len(text) + _ENTRY_BYTES
