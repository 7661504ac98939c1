"""Making a database so that it is there after a power cut, or not at all.

The file is put together in memory, written without a name, synced, and only then linked into its
directory, which is synced too, as are the directories above it. Before the link nothing can be
seen; after the last sync nothing can be lost.
"""

from __future__ import annotations

import posixpath
import sqlite3
from collections.abc import Callable
from functools import cache

from swiftlite.dbstore.connection import JournalMode
from swiftlite.dbstore.device import device_error
from swiftlite.dbstore.errors import DatabaseBusy, DatabaseExists
from swiftlite.formats.db_files import LOCK_NAME
from swiftlite.formats.db_schema.common import chexor
from swiftlite.host.directories import make_below
from swiftlite.host.disk import Disk

_TRIES = 4
_VERSIONS_AT = 18
"""Two bytes of a database's header: who may write and who may read it; 1 rollback, 2 WAL."""

Fill = Callable[[sqlite3.Connection], None]


def create_database(
    disk: Disk,
    path: str,
    schema: tuple[str, ...],
    fill: Fill,
    *,
    journal: JournalMode,
    device_path: str,
    lock_timeout: float,
) -> None:
    """Make the file at path, filled by `fill`, with its directories below device_path.

    Raises DatabaseExists when there is one already, DeviceFull, DeviceUnusable.
    """
    image = database_image(schema, fill, journal)
    for attempt in range(1, _TRIES + 1):
        try:
            return _put_in_place(disk, path, image, device_path, lock_timeout)
        except FileNotFoundError as error:
            # The one that was there before is being removed, with its directory (dbstore.removal).
            if attempt == _TRIES or not disk.exists(device_path):
                raise device_error(path, error) from error


def _put_in_place(
    disk: Disk, path: str, image: bytes, device_path: str, lock_timeout: float
) -> None:
    directory = posixpath.dirname(path)
    try:
        make_below(disk, device_path, directory)
        # Against OpenStack Swift's way of making one: look, then rename, under this lock.
        with disk.flock(posixpath.join(directory, LOCK_NAME), lock_timeout):
            if disk.exists(path):
                raise DatabaseExists(path)
            fd = disk.open_unnamed(directory, 0o600)
            try:
                disk.write(fd, image)
                disk.fsync(fd)
                disk.link_unnamed(fd, path)
            finally:
                disk.close(fd)
            sync_upwards(disk, directory, device_path)
    except FileNotFoundError:
        raise
    except FileExistsError:
        raise DatabaseExists(path) from None
    except TimeoutError as error:
        raise DatabaseBusy(path, "its directory is locked") from error
    except OSError as error:
        raise device_error(path, error) from error


def sync_upwards(disk: Disk, directory: str, top: str) -> None:
    """Make directory's entry durable, and those of the directories up to top.

    All of them, also those that were there before: another process may have made one a moment
    ago and not synced it yet. A directory without changes costs a few µs.
    """
    place = directory
    while True:
        disk.fsync_dir(place)
        if place == top:
            return
        assert len(place) > len(top), f"{directory} is not below {top}"
        place = posixpath.dirname(place)


def database_image(schema: tuple[str, ...], fill: Fill, journal: JournalMode) -> bytes:
    """The bytes of a database file: an empty one of this schema, filled."""
    sql = sqlite3.connect(":memory:", isolation_level=None)
    try:
        sql.create_function("chexor", 3, chexor, deterministic=True)
        sql.deserialize(_empty(schema))
        fill(sql)
        image = bytearray(sql.serialize())
    finally:
        sql.close()
    version = 2 if journal == "wal" else 1
    image[_VERSIONS_AT : _VERSIONS_AT + 2] = bytes((version, version))
    return bytes(image)


@cache
def _empty(schema: tuple[str, ...]) -> bytes:
    """Tables alone: making them takes a millisecond, copying them a hundredth of it."""
    sql = sqlite3.connect(":memory:", isolation_level=None)
    try:
        sql.create_function("chexor", 3, chexor, deterministic=True)
        sql.execute("BEGIN")
        for statement in schema:
            sql.execute(statement)
        sql.execute("COMMIT")
        return sql.serialize()
    finally:
        sql.close()
