"""Open connections, kept for the next one who needs the same database.

Touched by the event loop alone; threads only use the connection that a lease holds. Opening one
costs half a millisecond and closing the last one of a file folds its WAL in, so connections are
worth keeping, up to a limit, the least recently used database going first. Those that nobody has
used for some minutes go too, so that a device at rest can be unmounted.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

from swiftlite.dbstore.connection import Connection

_READERS_KEPT = 2
_IDLE_S = 120.0


@dataclass(slots=True, eq=False)
class Lease:
    """The right to use one connection, in one thread at a time.

    connection is None until the thread has opened it, and again after it gave it up. finished is
    set by the thread as its last act: a lease given back before that belongs to a task that was
    stopped while its thread ran on, and the thread then closes the connection.
    """

    path: str
    writer: bool
    connection: Connection | None = None
    finished: bool = True
    abandoned: bool = False


@dataclass(slots=True)
class _Idle:
    used: float
    writers: list[Connection] = field(default_factory=list)
    readers: list[Connection] = field(default_factory=list)

    def of(self, writer: bool) -> list[Connection]:
        return self.writers if writer else self.readers


class Pool:
    """Idle connections by path. limit counts connections, idle ones only; out counts leases."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.count = 0
        self.out = 0
        self._idle: OrderedDict[str, _Idle] = OrderedDict()

    def take(self, path: str, *, writer: bool) -> Lease:
        lease = Lease(path, writer)
        self.out += 1
        idle = self._idle.get(path)
        if idle is not None and (kept := idle.of(writer)):
            lease.connection = kept.pop()
            self.count -= 1
            self._idle.move_to_end(path)
        return lease

    def give(self, lease: Lease, now: float) -> list[Connection]:
        """End a lease; returns connections that the caller now has to close, in a thread.

        now: monotonic seconds.
        """
        self.out -= 1
        connection = lease.connection
        if not lease.finished:
            lease.abandoned = True
            return []
        if connection is None:
            return []
        idle = self._idle.get(lease.path)
        if idle is None:
            idle = self._idle[lease.path] = _Idle(now)
        idle.used = now
        self._idle.move_to_end(lease.path)
        kept = idle.of(lease.writer)
        if len(kept) >= (1 if lease.writer else _READERS_KEPT):
            return [connection]
        kept.append(connection)
        self.count += 1
        return self._surplus(now)

    def _surplus(self, now: float) -> list[Connection]:
        surplus: list[Connection] = []
        while len(self._idle) > 1:
            path, idle = next(iter(self._idle.items()))
            if self.count <= self.limit and now - idle.used < _IDLE_S:
                break
            surplus += self.drop(path)
        return surplus

    def drop_stale(self, now: float) -> list[Connection]:
        """Forget those that nobody has used for some minutes; the caller closes them, in a thread.

        now: monotonic seconds.
        """
        stale = [path for path, idle in self._idle.items() if now - idle.used >= _IDLE_S]
        return [connection for path in stale for connection in self.drop(path)]

    def drop(self, path: str) -> list[Connection]:
        """Forget the idle connections of one database; the caller closes them, in a thread."""
        idle = self._idle.pop(path, None)
        if idle is None:
            return []
        dropped = idle.readers + idle.writers
        self.count -= len(dropped)
        return dropped

    def drop_below(self, folder: str) -> list[Connection]:
        """The same for all databases in a folder: those of a device that is gone."""
        paths = [path for path in self._idle if path.startswith(f"{folder}/")]
        return [connection for path in paths for connection in self.drop(path)]

    def drop_all(self) -> list[Connection]:
        return [connection for path in list(self._idle) for connection in self.drop(path)]
