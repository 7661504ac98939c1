"""One SQLite connection, set up so that what it commits is on stable storage.

Knows pragmas, SQL functions and SQLite's error codes; knows no table. A connection is used by one
thread at a time. The caller holds no other descriptor of the file in this process: closing one
would drop SQLite's locks (POSIX record locks belong to the process).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Literal
from urllib.parse import quote

from swiftlite.dbstore.errors import (
    DatabaseBusy,
    DatabaseDamaged,
    DatabaseError,
    DatabaseMissing,
    DatabaseReplaced,
    DeviceFull,
    DeviceUnusable,
)
from swiftlite.formats.db_schema.common import chexor
from swiftlite.host.disk import Disk

JournalMode = Literal["wal", "delete"]
FileId = tuple[int, int]

_BUSY_WAIT_S = 0.01  # short: whoever waits longer sleeps in its own task, not in a shared thread
_CACHE_KIB = 1024
_CHECKPOINT_PAGES = 2000
_WAL_KEPT_BYTES = 16 << 20
_STATEMENTS = 96

# Primary result codes, from https://sqlite.org/rescode.html
_PERM, _BUSY, _LOCKED, _READONLY, _IOERR, _CORRUPT, _FULL, _CANTOPEN = 3, 5, 6, 8, 10, 11, 13, 14
_NOTADB = 26


class Connection:
    """An open database. sql is SQLite's own connection, in autocommit mode.

    counts_rows is True when the statistics triggers are passed by on this connection, so that
    whoever changes rows keeps counts and hash itself, in the same transaction.
    """

    __slots__ = ("_disk", "counts_rows", "file_id", "journal", "path", "relaxed", "sql")

    def __init__(
        self,
        disk: Disk,
        path: str,
        journal: JournalMode,
        *,
        bypass: frozenset[str] = frozenset(),
    ) -> None:
        """Open an existing file. bypass names the statistics triggers that rows skip here."""
        with translated(path):
            before = file_id(disk, path)
            uri = f"file:{quote(path)}?mode=rw"
            self.sql = sqlite3.connect(
                uri,
                uri=True,
                timeout=_BUSY_WAIT_S,
                isolation_level=None,
                check_same_thread=False,
                cached_statements=_STATEMENTS,
            )
            try:
                self.path = path
                self._disk = disk
                self.relaxed = False
                self.journal = self._set_up(journal)
                self.counts_rows = bool(bypass) and triggers_can_be_passed_by()
                if self.counts_rows:
                    self.sql.set_authorizer(_without(bypass))
                self.file_id = before
                if file_id(disk, path) != before:
                    raise DatabaseBusy(path, "the file was replaced while it was opened")
            except BaseException:
                self.sql.close()
                raise

    def _set_up(self, wanted: JournalMode) -> JournalMode:
        sql = self.sql
        sql.create_function("chexor", 3, chexor, deterministic=True)
        sql.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        sql.execute("PRAGMA temp_store = MEMORY")
        # Answers with the mode in force, which is the old one while others hold the file.
        mode = str(sql.execute(f"PRAGMA journal_mode = {wanted}").fetchone()[0])
        if mode == "wal":
            sql.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
            sql.execute(f"PRAGMA journal_size_limit = {_WAL_KEPT_BYTES}")
        self._synchronise(mode, relaxed=False)
        return "wal" if mode == "wal" else "delete"

    def relax(self, relaxed: bool) -> None:
        """Whether the next transaction may be lost in a power cut (never torn, never reordered)."""
        if relaxed != self.relaxed:
            self._synchronise(self.journal, relaxed=relaxed)
            self.relaxed = relaxed

    def _synchronise(self, mode: str, *, relaxed: bool) -> None:
        # EXTRA: with a rollback journal the commit is its unlinking, and only EXTRA syncs the
        # directory after that; FULL would let a power cut bring the journal back.
        level = "NORMAL" if relaxed else "FULL" if mode == "wal" else "EXTRA"
        self.sql.execute(f"PRAGMA synchronous = {level}")

    def is_current(self) -> bool:
        """Whether the path still leads to the file that this connection has open."""
        try:
            return file_id(self._disk, self.path) == self.file_id
        except DatabaseMissing:
            return False

    def checkpoint(self) -> None:
        """Move everything from the WAL into the database file, and sync that."""
        if self.journal == "wal":
            with translated(self.path):
                self.sql.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def close(self) -> None:
        """The last connection to close a WAL database folds the WAL into the file."""
        with translated(self.path):
            self.sql.close()


def file_id(disk: Disk, path: str) -> FileId:
    """Device and inode of what is at path now."""
    try:
        found = disk.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        raise DatabaseMissing(path) from None
    except OSError as error:
        raise DeviceUnusable(path, str(error)) from error
    return found.st_dev, found.st_ino


@contextmanager
def translated(path: str) -> Iterator[None]:
    """Turn SQLite's errors into the room's."""
    try:
        yield
    except sqlite3.Error as error:
        raise translate(error, path) from error


def translate(error: sqlite3.Error, path: str) -> Exception:
    """The room's error for one of SQLite's; itself where the fault is in our own statements."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    text = str(error)
    kind: Callable[[str, str], DatabaseError] | None = None
    if code in (_BUSY, _LOCKED):
        kind = DatabaseBusy
    elif code == _FULL:
        kind = DeviceFull
    elif code in (_IOERR, _READONLY, _PERM):
        kind = DeviceUnusable
    elif code in (_CORRUPT, _NOTADB) or "malformed database schema" in text:
        kind = DatabaseDamaged
    elif code == _CANTOPEN:
        kind = DatabaseReplaced  # it was there a moment ago; who tries again will know
    return error if kind is None else kind(path, text)


_Authorizer = Callable[[int, str | None, str | None, str | None, str | None], int]


def _without(triggers: frozenset[str]) -> _Authorizer:
    """An authorizer under which the named triggers compile to nothing.

    SQLite asks it while a statement is compiled, not while it runs: the cost is nil. To ignore an
    UPDATE leaves the column as it is, to ignore an INSERT drops the statement. 64 rows in one
    transaction take 7.5 µs each so, 12.6-15.2 with the triggers at work (tools/bench/databases.py).
    """

    def authorize(
        action: int, _first: str | None, _second: str | None, _database: str | None, by: str | None
    ) -> int:
        if by in triggers and action in (sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_INSERT):
            return sqlite3.SQLITE_IGNORE
        return sqlite3.SQLITE_OK

    return authorize


@cache
def triggers_can_be_passed_by() -> bool:
    """Whether this SQLite does what _without counts on; tried once per process."""
    sql = sqlite3.connect(":memory:", isolation_level=None)
    sql.execute("CREATE TABLE counted (x)")
    sql.execute("CREATE TABLE count (n)")
    sql.execute("INSERT INTO count VALUES (0)")
    sql.execute(
        "CREATE TRIGGER seen AFTER INSERT ON counted BEGIN "
        "UPDATE count SET n = n + 1; INSERT INTO count VALUES (7); END"
    )
    sql.set_authorizer(_without(frozenset(("seen",))))
    sql.execute("INSERT INTO counted VALUES (1)")
    passable = sql.execute("SELECT n FROM count").fetchall() == [(0,)]
    sql.close()
    return passable
