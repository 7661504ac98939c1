"""Reading from a database at rest, at a fraction of the price of opening it.

A file that nothing is waiting beside, and that has not changed for a while, may be read without
locks, WAL or shared memory (SQLite's `immutable`), if it has still not changed afterwards: a writer
would have moved its change time on. Everything else is for the engine.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import TypeVar
from urllib.parse import quote

from swiftlite.dbstore.errors import DatabaseError
from swiftlite.dbstore.footprint import Footprint, footprint
from swiftlite.dbstore.places import Place
from swiftlite.host.disk import Disk

T = TypeVar("T")
Sql = sqlite3.Connection
Read = Callable[[Sql, str], T]
"""What to read, given SQLite's connection and the file's path."""


def glance(disk: Disk, place: Place, before: Footprint, wall: float, read: Read[T]) -> T | None:
    """What read gives; None when that cannot be told so: busy, changing, of an old schema, or
    damaged."""
    if not before.alone or not before.settled(wall):
        return None
    uri = f"file:{quote(before.path)}?immutable=1"
    try:
        sql = sqlite3.connect(uri, uri=True, isolation_level=None)
        try:
            found = read(sql, before.path)
        finally:
            sql.close()
    except (sqlite3.Error, DatabaseError):
        return None
    return found if footprint(disk, place) == before else None
