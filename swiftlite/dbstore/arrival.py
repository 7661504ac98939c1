"""Database files that came from another replica: made a replica of this device, or merged into it.

A file never takes the place of a database that is there: processes hold that one open, and rows may
be on their way into it. Its rows are merged instead, in order, and the database keeps its file.
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

from swiftlite.dbstore.broker import Broker, SyncPoint
from swiftlite.dbstore.connection import Connection
from swiftlite.dbstore.create import sync_upwards
from swiftlite.dbstore.device import device_error
from swiftlite.dbstore.errors import DatabaseBusy, DatabaseDamaged
from swiftlite.dbstore.kind import Kind
from swiftlite.dbstore.merge import Row
from swiftlite.dbstore.standing import become_new, read_standing
from swiftlite.formats.db_files import LOCK_NAME, db_name, db_names_in, parse_db_name
from swiftlite.host.directories import make_below
from swiftlite.host.disk import Disk
from swiftlite.protocols.db_sync import Replica
from swiftlite.vocab.timestamp import Timestamp

_PAGE_ROWS = 2000
_COMPANIONS = ("-wal", "-shm", "-journal")


def adopt(broker: Broker[Row], arrived: str, source: str, name: str | None = None) -> bool:
    """Make the file at arrived the database of the broker's place, durably.

    source: id of the replica it is a copy of. name: what to call it, of this database's hash.
    False, and the file stays, when there is a database already, or no file. Raises
    DatabaseDamaged for a file that is no sound database of this name, and removes it.
    """
    engine, place = broker.engine, broker.place
    target = name or db_name(place.digest)
    parsed = parse_db_name(target)
    if parsed is None or parsed.digest != place.digest:
        raise DatabaseDamaged(arrived, f"its name would be {target!r}")
    return engine.offload(place, _adopt, broker, arrived, source, target, broker.new_id())


def _adopt(broker: Broker[Row], arrived: str, source: str, name: str, new_id: str) -> bool:
    disk, place = broker.engine.disk, broker.place
    path = posixpath.join(place.directory, name)
    try:
        if _is_there(broker) or not disk.exists(arrived):
            return False
        with _opened(broker, arrived) as connection:
            connection.sql.execute("BEGIN IMMEDIATE")
            become_new(connection, broker.kind, new_id, source)
            connection.sql.execute("COMMIT")
        _make_durable(broker, arrived)
        make_below(disk, place.device_path, place.directory)
        lock = posixpath.join(place.directory, LOCK_NAME)
        with disk.flock(lock, broker.engine.settings.pending_timeout):
            if _is_there(broker):
                return False
            for companion in _COMPANIONS:  # of a file long gone: they would be applied to this one
                with suppress(FileNotFoundError):
                    disk.unlink(path + companion)
            disk.link(arrived, path)
            disk.unlink(arrived)
            sync_upwards(disk, place.directory, place.device_path)
    except FileExistsError:
        return False
    except TimeoutError as error:
        raise DatabaseBusy(path, "its directory is locked") from error
    except OSError as error:
        raise device_error(path, error) from error
    return True


def _is_there(broker: Broker[Row]) -> bool:
    try:
        names = broker.engine.disk.listdir(broker.place.directory)
    except FileNotFoundError:
        return False
    return bool(db_names_in(names, broker.place.digest))


def _make_durable(broker: Broker[Row], path: str) -> None:
    """What rsync wrote is not; nobody has the file open."""
    disk = broker.engine.disk
    fd = disk.open(path, os.O_RDWR)
    try:
        disk.fsync(fd)
    finally:
        disk.close(fd)


@contextmanager
def _opened(broker: Broker[Row], path: str) -> Iterator[Connection]:
    """A file that has come, opened, brought up to date and checked to be of the right name.

    Raises DatabaseDamaged, and the file is gone then: its sender sends another.
    """
    engine = broker.engine
    try:
        with closing(Connection(engine.disk, path, "delete")) as connection:
            _check_whole(engine.disk, connection)
            engine.kind.migrate(connection.sql)
            _check_name(connection, engine.kind, broker)
            yield connection
    except DatabaseDamaged:
        with suppress(FileNotFoundError):
            engine.disk.unlink(path)
        raise


def _check_whole(disk: Disk, connection: Connection) -> None:
    """SQLite takes a file that was cut short for one with damage it has not met yet."""
    sql = connection.sql
    pages, size = (
        sql.execute(f"PRAGMA {what}").fetchone()[0] for what in ("page_count", "page_size")
    )
    found = disk.stat(connection.path).st_size
    if found < pages * size:
        raise DatabaseDamaged(connection.path, f"{found} of {pages * size} bytes came")


def _check_name(connection: Connection, kind: Kind[Row], broker: Broker[Row]) -> None:
    found = connection.sql.execute(kind.names_query).fetchone()
    if found is None or None in found:
        raise DatabaseDamaged(connection.path, "its row of facts is missing")
    if broker.engine.settings.hash_path.hex(*found) != broker.place.digest:
        raise DatabaseDamaged(connection.path, f"it is the database of {'/'.join(found)!r}")


def merge_file(broker: Broker[Row], arrived: str, source: str, now: Timestamp) -> bool:
    """Merge the rows, metadata and timestamps of the file at arrived into the database.

    Afterwards it has the source's rows, and of other replicas all that the source had. False when
    there is no such file. The file is removed. Raises DatabaseMissing and the room's other errors.
    """
    engine, place = broker.engine, broker.place
    if not engine.offload(place, engine.disk.exists, arrived):
        return False
    try:
        after, found = -1, True
        while found:
            rows = engine.offload(place, _rows_after, broker, arrived, after)
            broker.merge_rows([row for _, row in rows])
            after, found = (rows[-1][0], True) if rows else (after, False)
        replica, points = engine.offload(place, _rest, broker, arrived)
        broker.take_over(replica, now)
        own = broker.standing().replica.id
        points.append(SyncPoint(source, replica.max_row))
        broker.merge_sync_points([p for p in points if p.remote_id != own], incoming=True)
    finally:
        engine.offload(place, _forget, broker, arrived)
    return True


def _rows_after(broker: Broker[Row], path: str, rowid: int) -> list[tuple[int, Row]]:
    table = broker.engine.kind.rows
    with _opened(broker, path) as connection:
        found = connection.sql.execute(
            f"SELECT ROWID, {table.column_list} FROM {table.name} "
            "WHERE ROWID > ? ORDER BY ROWID LIMIT ?",
            (rowid, _PAGE_ROWS),
        )
        return [(number, table.row(*values)) for number, *values in found]


def _rest(broker: Broker[Row], path: str) -> tuple[Replica, list[SyncPoint]]:
    with _opened(broker, path) as connection:
        standing = read_standing(connection.sql, broker.kind, path)
    return standing.replica, [SyncPoint(*point) for point in standing.incoming.items()]


def _forget(broker: Broker[Row], path: str) -> None:
    for suffix in ("", *_COMPANIONS):
        with suppress(FileNotFoundError):
            broker.engine.disk.unlink(path + suffix)
