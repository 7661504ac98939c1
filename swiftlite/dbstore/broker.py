"""What account and container databases have in common, seen from a task.

A broker names one database; it holds no connection and no state, so that making one costs
nothing. Its methods wait, and raise the room's errors.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Generic, TypeVar

from swiftlite.dbstore.connection import Connection
from swiftlite.dbstore.engine import Change, Engine
from swiftlite.dbstore.merge import Row
from swiftlite.dbstore.places import Place
from swiftlite.dbstore.reclaim import reclaim_rows, reclaim_stale
from swiftlite.dbstore.standing import Standing, read_standing, take_over
from swiftlite.formats.db_files import parse_db_name
from swiftlite.protocols.db_sync import Replica
from swiftlite.vocab.timestamp import Timestamp

T = TypeVar("T")
READ_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class SyncPoint:
    """Rows up to sync_point of the database remote_id have been exchanged with this one."""

    remote_id: str
    sync_point: int


class Broker(Generic[Row]):
    """One database by its place; kind is "account" or "container"."""

    kind: str

    def __init__(self, engine: Engine[Row], place: Place) -> None:
        self.engine = engine
        self.place = place

    def exists(self) -> bool:
        """Whether there is a file, sound or not."""

        def look() -> bool:
            self.engine.devices.check(self.place.device, room=False)
            disk = self.engine.disk
            if not disk.exists(self.place.directory):
                return False
            names = map(parse_db_name, disk.listdir(self.place.directory))
            return any(name is not None for name in names)

        return self.engine.offload(self.place, look)

    def new_id(self) -> str:
        """An id for a database on this device: a uuid and the device's name."""
        digits = self.engine.entropy.uuid_hex()
        cuts = (0, 8, 12, 16, 20, 32)
        uuid = "-".join(digits[a:b] for a, b in pairwise(cuts))
        return f"{uuid}-{posixpath.basename(self.place.device_path)}"

    def merge_rows(self, rows: Sequence[Row], *, room: bool = True) -> None:
        """Merge rows; they are on stable storage when this returns."""
        self.engine.merge(self.place, rows, room=room)

    def merge_from_peer(self, rows: Sequence[Row], remote_id: str, last_rowid: int) -> None:
        """Merge rows that a replica sent, and remember how far they went, at once."""

        def change(connection: Connection) -> None:
            self.engine.kind.rows.merge_rows(connection, rows)
            _raise_sync_points(connection, [SyncPoint(remote_id, last_rowid)], incoming=True)

        self.engine.write(self.place, Change(change, room=True))

    def rows_since(self, rowid: int, limit: int) -> list[tuple[int, Row]]:
        """Rows after a ROWID in order of it: what a replica has not seen yet."""
        table = self.engine.kind.rows

        def work(connection: Connection) -> list[tuple[int, Row]]:
            found = connection.sql.execute(
                f"SELECT ROWID, {table.column_list} FROM {table.name} "
                "WHERE ROWID > ? ORDER BY ROWID LIMIT ?",
                (rowid, limit),
            )
            return [(number, table.row(*values)) for number, *values in found.fetchall()]

        return self._read(work)

    def last_rowid(self) -> int:
        """The highest ROWID ever given to a row; -1 before the first."""

        def work(connection: Connection) -> int:
            query = "SELECT seq FROM sqlite_sequence WHERE name = ?"
            found = connection.sql.execute(query, (self.engine.kind.rows.name,)).fetchone()
            return int(found[0]) if found else -1

        return self._read(work)

    def sync_points(self, *, incoming: bool) -> list[SyncPoint]:
        direction = "incoming" if incoming else "outgoing"

        def work(connection: Connection) -> list[SyncPoint]:
            query = f"SELECT remote_id, sync_point FROM {direction}_sync"
            return [SyncPoint(*row) for row in connection.sql.execute(query).fetchall()]

        return self._read(work)

    def merge_sync_points(self, points: Iterable[SyncPoint], *, incoming: bool) -> None:
        """Each point only grows. May be lost in a power cut: rows are then sent once more."""
        listed = list(points)

        def change(connection: Connection) -> None:
            _raise_sync_points(connection, listed, incoming=incoming)

        self.engine.write(self.place, Change(change, relaxed=True))

    def standing(self) -> Standing:
        """How it stands among its replicas."""

        def work(connection: Connection) -> Standing:
            return read_standing(connection.sql, self.kind, connection.path)

        return self._read(work)

    def take_over(self, other: Replica, now: Timestamp) -> None:
        """Take what is better in another replica's standing."""

        def change(connection: Connection) -> None:
            take_over(connection, self.kind, other, now)

        self.engine.write(self.place, Change(change))

    def reclaim(self, age: Timestamp, sync_age: Timestamp) -> int:
        """Drop tombstone rows and emptied metadata from before age, sync points from before
        sync_age; how many rows went. Goes page by page, so that writers need not wait long."""
        table = self.engine.kind.rows
        removed = 0
        marker: str | None = ""
        while marker is not None:
            page = partial(reclaim_rows, table=table, start=marker, age=age)
            count, marker = self.engine.write(self.place, Change(page))
            removed += count

        def rest(connection: Connection) -> None:
            reclaim_stale(connection, self.engine.kind.facts_table, age, sync_age)

        self.engine.write(self.place, Change(rest))
        return removed

    def _read(self, work: Callable[[Connection], T], timeout: float = READ_TIMEOUT_S) -> T:
        return self.engine.read(self.place, work, timeout=timeout)


def _raise_sync_points(
    connection: Connection, points: Iterable[SyncPoint], *, incoming: bool
) -> None:
    table = "incoming_sync" if incoming else "outgoing_sync"
    for point in points:
        connection.sql.execute(
            f"INSERT INTO {table} (remote_id, sync_point) VALUES (?, ?) "
            "ON CONFLICT (remote_id) DO UPDATE "
            "SET sync_point = max(sync_point, excluded.sync_point)",
            (point.remote_id, point.sync_point),
        )
