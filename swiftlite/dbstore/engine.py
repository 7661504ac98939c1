"""Work on databases: reads side by side, changes to one database together in one transaction.

A caller in a task hands in a function of a Connection and waits; the function runs in a native
thread of its device. When write() returns, what it did is on stable storage (unless it asked to
be relaxed). Files that changed hands, pending rows, older schemas and damage are met here, so
that the functions need not think of them.
"""

from __future__ import annotations

import posixpath
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from swiftlite.dbstore.connection import Connection, FileId, file_id, translate
from swiftlite.dbstore.create import Fill, create_database, sync_upwards
from swiftlite.dbstore.device import Devices, device_error
from swiftlite.dbstore.errors import (
    DatabaseBusy,
    DatabaseDamaged,
    DatabaseError,
    DatabaseMissing,
    DatabaseReplaced,
    DeviceFull,
    DeviceUnusable,
)
from swiftlite.dbstore.kind import Kind
from swiftlite.dbstore.merge import Row
from swiftlite.dbstore.options import StoreSettings
from swiftlite.dbstore.pending import empty_pending, has_pending, parse_pending, read_pending
from swiftlite.dbstore.places import Place
from swiftlite.dbstore.pool import Lease, Pool
from swiftlite.dbstore.quarantine import quarantine
from swiftlite.dbstore.turns import LeaderGone, Turns
from swiftlite.formats.db_files import LOCK_NAME, db_names_in
from swiftlite.host.bundle import Host
from swiftlite.host.gathering import Gathering
from swiftlite.host.net import DeadlinePassed

T = TypeVar("T")
_BATCH_ROWS = 512  # per transaction: some 10 ms
_PAUSES = (0.001, 0.05)  # first and longest pause of one who waits for another process
_PENDING_WAIT_S = 0.1  # for which a reader waits to have pending rows merged; Swift's figure
_REPLACED_TRIES = 4
_CLOSE_PATIENCE_S = 5.0
_CLOSE_POLL_S = 0.005
_REMEMBERED = 50_000  # databases known to be reachable after a power cut


class EngineLog(Protocol):
    """The part of a log that an engine needs."""

    def warning(self, message: str, /) -> None: ...
    def error(self, message: str, /) -> None: ...


@dataclass(frozen=True, slots=True)
class Change(Generic[T]):
    """A change to one database: what to do inside a transaction, and its result.

    run may raise; then nothing of it stays, while changes beside it in the transaction do.
    relaxed: it may be lost in a power cut. room: refuse it when the device is within its reserve.
    """

    run: Callable[[Connection], T]
    relaxed: bool = False
    room: bool = False


@dataclass(frozen=True, slots=True)
class RowsCome(Generic[Row]):
    """Rows to merge; the engine joins those of many callers."""

    rows: Sequence[Row]
    relaxed: bool = False
    room: bool = True


Item = Change[Any] | RowsCome[Any]


class Engine(Generic[Row]):
    """All databases of one kind on this node's devices, for one process."""

    def __init__(
        self,
        kind: Kind[Row],
        devices: Devices,
        host: Host,
        settings: StoreSettings,
        log: EngineLog,
    ) -> None:
        self.kind = kind
        self.devices = devices
        self.disk = devices.disk
        self.settings = settings
        self._tasks = host.tasks
        self._clock = host.clock
        self.entropy = host.entropy
        self._log = log
        self._schema = kind.schema(settings.listing_index == "covering")
        self._pool = Pool(settings.connections)
        self.turns: Turns[Item] = Turns(
            host.tasks, Gathering(host.tasks, host.clock.monotonic), _BATCH_ROWS
        )
        self._closing = 0
        self._suspect: set[str] = set()
        self._reachable: dict[str, FileId] = {}

    # Callers' side, in tasks

    def place(self, device: str, partition: str, digest: str) -> Place:
        return Place(device, self.devices.path(device), self.kind.folder, partition, digest)

    def create(self, place: Place, fill: Fill) -> None:
        """Make the database, durably; raises DatabaseExists when it is there."""
        self.offload(place, self._create, place, fill)

    def read(self, place: Place, work: Callable[[Connection], T], *, timeout: float) -> T:
        """The result of work, on one snapshot of the database.

        Rows that Swift left pending are merged first; if that cannot be done in time the answer
        is without them. Raises DatabaseMissing, DatabaseBusy, DeviceUnusable, DatabaseDamaged.
        """
        deadline = self._clock.monotonic() + timeout
        result: T
        try:
            result = self._patiently(place, deadline, False, self._read, work, True)
        except _RowsPending:
            soon = self._clock.monotonic() + _PENDING_WAIT_S
            with suppress(DatabaseBusy, DeviceFull):
                self._turn(place, Change(_nothing), min(soon, deadline))
            result = self._patiently(place, deadline, False, self._read, work, False)
        return result

    def write(self, place: Place, change: Change[T], *, timeout: float | None = None) -> T:
        """Carry out a change, perhaps in one transaction with others; its result, once durable."""
        result: T = self._turn(place, change, self._deadline(timeout))
        return result

    def merge(
        self, place: Place, rows: Sequence[Row], *, room: bool = True, timeout: float | None = None
    ) -> None:
        """Merge rows; returns when they are durable."""
        deadline = self._deadline(timeout)
        for start in range(0, len(rows), _BATCH_ROWS):
            self._turn(place, RowsCome(rows[start : start + _BATCH_ROWS], room=room), deadline)

    def exclusively(self, place: Place, act: Callable[[], T]) -> T:
        """Run act in the device's thread when no connection of this process has the file open.

        For whoever replaces or removes the file. Others' connections notice at their next use.
        """
        self._close(place, self._pool.drop(place.path))
        return self.offload(place, act)

    def tidy(self) -> None:
        """Close connections that nobody has used for long, so that a device may be unmounted."""
        self._close_all(self._pool.drop_stale(self._clock.monotonic()))

    def close(self) -> None:
        """Close all connections, which leaves database files without a WAL beside them.

        Those in use are waited for, for a while. The engine may be used again.
        """
        until = self._clock.monotonic() + _CLOSE_PATIENCE_S
        while True:
            idle = self._pool.drop_all()
            self._close_all(idle)
            if idle:
                continue  # others may have become idle meanwhile
            in_use = self._pool.out or self._closing
            if not in_use or self._clock.monotonic() >= until:
                return
            self._tasks.sleep(_CLOSE_POLL_S)

    def _deadline(self, timeout: float | None) -> float:
        wait = self.settings.broker_timeout if timeout is None else timeout
        return self._clock.monotonic() + wait

    def _turn(self, place: Place, item: Item, deadline: float) -> Any:  # noqa: ANN401  # see Turns
        size = len(item.rows) if isinstance(item, RowsCome) else 1

        def carry(batch: Sequence[Item]) -> Sequence[Any]:
            return self._patiently(place, deadline, True, self._commit, batch)

        try:
            return self.turns.take(place.path, item, carry, size=size, deadline=deadline)
        except (DeadlinePassed, LeaderGone) as error:
            raise DatabaseBusy(place.path, "waited too long for a commit") from error

    def _patiently(
        self, place: Place, deadline: float, writer: bool, job: Callable[..., T], *args: object
    ) -> T:
        """Run a job in the device's thread, again while others hold the file or replace it."""
        pause, longest = _PAUSES
        replaced = 0
        while True:
            lease = self._pool.take(place.path, writer=writer)
            lease.finished = False
            try:
                result: T = self.offload(place, self._leased, lease, job, place, *args)
                return result
            except DeviceUnusable:
                self._close(place, self._pool.drop_below(place.device_path))
                raise
            except DatabaseReplaced:
                replaced += 1
                if replaced == _REPLACED_TRIES:
                    raise
            except DatabaseBusy:
                if self._clock.monotonic() + pause > deadline:
                    raise
                self._tasks.sleep(pause * (0.5 + self.entropy.random()))
                pause = min(pause * 1.5, longest)
            finally:
                self._close(place, self._pool.give(lease, self._clock.monotonic()))

    def offload(self, place: Place, work: Callable[..., T], *args: object) -> T:
        """Run work in a thread of the place's device."""
        return self._tasks.offload(place.device, work, *args)

    def _close_all(self, connections: Sequence[Connection]) -> None:
        for connection in connections:
            with suppress(DatabaseError):
                self._tasks.offload(connection.path, connection.close)

    def _close(self, place: Place, connections: Sequence[Connection]) -> None:
        if connections:
            self._closing += 1
            self._tasks.spawn(self._close_now, place, connections)

    def _close_now(self, place: Place, connections: Sequence[Connection]) -> None:
        try:
            self.offload(place, _close_all, connections)
        finally:
            self._closing -= 1

    # Threads' side: nothing below touches a task

    def _create(self, place: Place, fill: Fill) -> None:
        self.devices.check(place.device, room=True)
        create_database(
            self.disk,
            place.path,
            self._schema,
            fill,
            journal=self.settings.journal_mode,
            device_path=place.device_path,
            lock_timeout=self.settings.broker_timeout,
        )
        with suppress(DatabaseMissing):  # it was removed in the same moment
            self._remember_reachable(place.path, file_id(self.disk, place.path))

    def _remember_reachable(self, path: str, file: FileId) -> None:
        if len(self._reachable) >= _REMEMBERED:
            self._reachable.pop(next(iter(self._reachable)), None)
        self._reachable[path] = file

    def _leased(self, lease: Lease, job: Callable[..., T], place: Place, *args: object) -> T:
        """Run a job with an open, current connection in the lease; settle what goes wrong."""
        try:
            return job(lease, place, *args)
        except sqlite3.Error as error:
            raise self._settle(lease, place, translate(error, place.path)) from error
        except Exception as error:
            raise self._settle(lease, place, error) from error.__cause__
        finally:
            lease.finished = True
            if lease.abandoned and lease.connection is not None:
                _close_all([lease.connection])

    def _settle(self, lease: Lease, place: Place, error: Exception) -> Exception:
        """Leave connection and file in order after an error; the error to raise."""
        connection = lease.connection
        if connection is not None:
            if isinstance(error, DatabaseBusy | DeviceFull | _RowsPending):
                with suppress(sqlite3.Error):
                    connection.sql.rollback()
            else:
                lease.connection = None
                _close_all([connection])
        if isinstance(error, DeviceUnusable) and connection is not None:
            # After a failed fsync the kernel forgets which pages were dirty: what the WAL holds
            # may never have reached the disk. Who opens the file next writes all of it again.
            self._suspect.add(place.path)
        if isinstance(error, DatabaseDamaged):
            return self._set_aside(place, error)
        return error

    def _set_aside(self, place: Place, error: DatabaseDamaged) -> DatabaseDamaged:
        try:
            token = self.entropy.uuid_hex()
            where = quarantine(self.disk, place.directory, place.kind, place.device_path, token)
        except DatabaseError as failure:
            self._log.error(f"Cannot quarantine {place.directory} ({error.detail}): {failure}")
            return error
        self._log.error(f"Quarantined {place.directory} to {where}: {error.detail}")
        return error

    def _connect(self, lease: Lease, place: Place) -> Connection:
        """The lease's connection, opened if need be, to the file that is there now."""
        connection = lease.connection
        if connection is not None:
            if connection.is_current():
                return connection
            lease.connection = None
            _close_all([connection])
        path = self._newest_file(place)
        bypass = self.kind.triggers if lease.writer else frozenset[str]()
        connection = Connection(self.disk, path, self.settings.journal_mode, bypass=bypass)
        lease.connection = connection
        if place.path in self._suspect:
            connection.checkpoint()
            self._suspect.discard(place.path)
        if lease.writer and self._reachable.get(path) != connection.file_id:
            # Whoever made it may have failed, or been cut short, before its directories were
            # synced; what we are about to acknowledge must not depend on that.
            try:
                sync_upwards(self.disk, place.directory, place.device_path)
            except FileNotFoundError:
                raise DatabaseReplaced(place.path, "its directory was removed") from None
            except OSError as error:
                raise device_error(place.directory, error) from error
            self._remember_reachable(path, connection.file_id)
        self.kind.migrate(connection.sql)
        found = connection.sql.execute(self.kind.names_query).fetchone()
        if found is None or None in found:
            raise DatabaseDamaged(path, "its row of facts is missing")
        if self.settings.hash_path.hex(*found) != place.digest:
            raise DatabaseDamaged(path, f"it is the database of {'/'.join(found)!r}")
        return connection

    def _newest_file(self, place: Place) -> str:
        try:
            names = db_names_in(self.disk.listdir(place.directory), place.digest)
        except FileNotFoundError:
            names = []
        except OSError as error:
            raise device_error(place.directory, error) from error
        if not names:
            raise DatabaseMissing(place.path)
        return posixpath.join(place.directory, names[-1])

    def _read(self, lease: Lease, place: Place, work: Callable[[Connection], T], look: bool) -> T:
        self.devices.check(place.device, room=False)
        connection = self._connect(lease, place)
        if look and has_pending(self.disk, place.pending_path):
            raise _RowsPending(place.path)
        sql = connection.sql
        sql.execute("BEGIN")
        try:
            return work(connection)
        finally:
            if sql.in_transaction:
                sql.execute("COMMIT")

    def _commit(self, lease: Lease, place: Place, batch: Sequence[Item]) -> list[Any]:
        """All items of a batch in one transaction, with the rows that Swift left pending."""
        self.devices.check(place.device, room=any(item.room for item in batch))
        connection = self._connect(lease, place)
        pending = has_pending(self.disk, place.pending_path)
        try:
            with self._directory_lock(place) if pending else nullcontext():
                rows = self._pending_rows(place) if pending else []
                connection.relax(not rows and all(item.relaxed for item in batch))
                connection.sql.execute("BEGIN IMMEDIATE")
                if rows:
                    self.kind.rows.merge_rows(connection, rows)
                outcomes = self._carry_out(connection, batch)
                connection.sql.execute("COMMIT")
                if not connection.is_current():
                    raise DatabaseReplaced(place.path, "while it was being written to")
                if pending:
                    empty_pending(self.disk, place.pending_path)
        except TimeoutError as error:
            raise DatabaseBusy(place.path, "its directory is locked") from error
        except FileNotFoundError:
            raise DatabaseReplaced(place.path, "its directory was removed") from None
        except OSError as error:
            raise device_error(place.path, error) from error
        return outcomes

    def _carry_out(self, connection: Connection, batch: Sequence[Item]) -> list[Any]:
        outcomes: list[Any] = []
        rows: list[Row] = []
        for item in batch:
            if isinstance(item, RowsCome):
                rows += item.rows
                outcomes.append(None)
                continue
            if rows:
                self.kind.rows.merge_rows(connection, rows)
                rows = []
            outcomes.append(_alone(connection.sql, connection, item))
        if rows:
            self.kind.rows.merge_rows(connection, rows)
        return outcomes

    def _directory_lock(self, place: Place) -> AbstractContextManager[int]:
        path = posixpath.join(place.directory, LOCK_NAME)
        return self.disk.flock(path, self.settings.pending_timeout)

    def _pending_rows(self, place: Place) -> list[Row]:
        blob = read_pending(self.disk, place.pending_path)
        rows, faults = parse_pending(blob, self.kind.row_of_pending)
        for fault in faults:
            self._log.warning(f"{place.pending_path}: passed over an entry: {fault}")
        return rows


class _RowsPending(DatabaseError):
    """Swift left rows beside the database; they come first."""


def _nothing(_connection: Connection) -> None:
    """A change that only wants its turn."""


def _alone(sql: sqlite3.Connection, connection: Connection, change: Change[Any]) -> Any:  # noqa: ANN401
    """Run one change so that it can fail without its neighbours; its result or its error."""
    sql.execute("SAVEPOINT change")
    try:
        result = change.run(connection)
    except sqlite3.Error:
        raise
    except Exception as error:
        sql.execute("ROLLBACK TO change")
        sql.execute("RELEASE change")
        return error
    sql.execute("RELEASE change")
    return result


def _close_all(connections: Sequence[Connection]) -> None:
    for connection in connections:
        with suppress(DatabaseError):
            connection.close()
