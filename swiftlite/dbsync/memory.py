"""What a process remembers of databases, so that one at rest is not opened to be told about.

An entry holds for as long as the database's footprint is the one that it was read at. Bounded: a
node may have more databases than are worth remembering, and those beyond are read each time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, NamedTuple

from swiftlite.dbstore.broker import READ_TIMEOUT_S
from swiftlite.dbstore.connection import Connection
from swiftlite.dbstore.engine import Engine
from swiftlite.dbstore.facts import decode_metadata
from swiftlite.dbstore.footprint import Footprint, footprint
from swiftlite.dbstore.glance import Sql, glance
from swiftlite.dbstore.merge import Row
from swiftlite.dbstore.places import Place
from swiftlite.dbstore.reclaim import is_reclaim_due
from swiftlite.dbstore.standing import Standing, read_standing
from swiftlite.host.clock import Clock
from swiftlite.vocab.timestamp import Timestamp

_NOBODY: Mapping[str, int] = {}
_LET_IN = 16  # when full, one of so many newcomers takes the place of the oldest entry


class Glimpse(NamedTuple):
    """What of a standing is worth remembering.

    deleted_at: when the database was deleted, if it is. reclaim_due: it holds tombstones, or sync
    points, that were past their age at read_at (unix seconds). has_misplaced: rows in the wrong
    policy may have to be handed on.
    """

    token: str
    id: str
    max_row: int
    incoming: Mapping[str, int]
    deleted_at: Timestamp | None
    is_reported: bool
    reclaim_due: bool
    has_misplaced: bool
    read_at: float


@dataclass(frozen=True, slots=True)
class Look:
    """A database as it was found. found None: it is gone. glimpse None: it has to be opened."""

    place: Place
    found: Footprint | None
    glimpse: Glimpse | None


class Memory(Generic[Row]):
    """One per process and kind. reclaim_age: seconds, None where nothing is reclaimed.

    for_peers: glimpses have incoming points, which take as much memory as all the rest. limit:
    entries, of some 500 bytes each without those points.
    """

    def __init__(
        self,
        engine: Engine[Row],
        clock: Clock,
        *,
        reclaim_age: float | None = None,
        for_peers: bool = False,
        limit: int = 65_536,
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._reclaim_age = reclaim_age
        self._for_peers = for_peers
        self._limit = limit
        self._turned_away = 0
        self._kept: dict[int, tuple[int, Glimpse]] = {}

    def look(self, places: Iterable[Place]) -> list[Look]:
        """Look at databases of one device; runs in its thread."""
        return [self._look(place) for place in places]

    def _look(self, place: Place) -> Look:
        disk, wall = self._engine.disk, self._clock.wall()
        found = footprint(disk, place)
        if found is None:
            return Look(place, None, None)
        kept = self._kept.get(hash(place.directory))
        if kept is not None and kept[0] == hash(found) and self._is_fresh(kept[1], wall):
            return Look(place, found, kept[1])
        return Look(place, found, glance(disk, place, found, wall, self.read))

    def _is_fresh(self, glimpse: Glimpse, wall: float) -> bool:
        """Tombstones grow old without a change to the file: look for them once in a while."""
        if self._reclaim_age is None:
            return True
        return not glimpse.reclaim_due and 0 <= wall - glimpse.read_at < self._reclaim_age / 7

    def open(self, look: Look) -> Look:
        """The same look at a database in use, read by the engine; in a task. Raises the room's
        errors."""

        def read(connection: Connection) -> Glimpse:
            return self.read(connection.sql, connection.path)

        glimpse = self._engine.read(look.place, read, timeout=READ_TIMEOUT_S)
        return Look(look.place, look.found, glimpse)

    def read(self, sql: Sql, path: str) -> Glimpse:
        """What glance and engine read."""
        kind = self._engine.kind
        wall = self._clock.wall()
        standing = read_standing(sql, kind.name, path)
        due = False
        if self._reclaim_age is not None:
            age = _moment(wall - self._reclaim_age)
            sync_age = _moment(wall - 2 * self._reclaim_age)
            metadata = decode_metadata(path, standing.replica.metadata)
            due = is_reclaim_due(sql, kind, metadata, age, sync_age)
        glimpse = _glimpse_of(standing, due, wall)
        return glimpse if self._for_peers else glimpse._replace(incoming=_NOBODY)

    def keep(self, looks: Iterable[Look]) -> None:
        """Remember what was seen; in the process's task, not in a thread."""
        wall = self._clock.wall()
        for look in looks:
            key = hash(look.place.directory)
            if look.found is None or look.glimpse is None:
                self._kept.pop(key, None)
            elif look.found.settled(wall) and (key in self._kept or self._has_room()):
                self._kept[key] = (hash(look.found), look.glimpse)

    def _has_room(self) -> bool:
        """Databases are looked at in turn: to let each newcomer in would push out, every time, the
        one that is to come next."""
        if len(self._kept) < self._limit:
            return True
        self._turned_away += 1
        if self._turned_away % _LET_IN:
            return False
        del self._kept[next(iter(self._kept))]
        return True


def _glimpse_of(standing: Standing, reclaim_due: bool, wall: float) -> Glimpse:
    replica = standing.replica
    deleted_at = Timestamp.from_text(replica.delete_timestamp) if replica.is_deleted else None
    return Glimpse(
        replica.token(),
        replica.id,
        replica.max_row,
        standing.incoming,
        deleted_at,
        standing.is_reported,
        reclaim_due,
        standing.may_have_misplaced,
        wall,
    )


def _moment(seconds: float) -> Timestamp:
    return Timestamp.from_seconds(max(seconds, 0.0))
