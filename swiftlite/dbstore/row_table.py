"""Reading and changing the rows of one database, in few statements, with the sums kept.

Every step of a statement releases and takes back Python's lock; in a thread beside a busy event
loop each may cost tens of µs. So a batch is a handful of statements of many values, not many
statements: sizes are powers of two, that a few compiled forms serve every batch.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Generic, TypeVar

from swiftlite.dbstore.connection import Connection
from swiftlite.dbstore.errors import DatabaseDamaged
from swiftlite.dbstore.merge import (
    Row,
    Sums,
    container_key,
    container_sums,
    merge_batch,
    merge_container,
    merge_object,
    object_key,
    object_sums,
)
from swiftlite.dbstore.rows import ContainerRow, ObjectRow
from swiftlite.formats.db_schema import account as account_schema
from swiftlite.formats.db_schema import container as container_schema

_LOOKUPS = 128  # names asked for, or ROWIDs deleted, in one statement
_INSERTS = 64  # rows in one INSERT; times seven columns, under SQLite's old limit of 999
T = TypeVar("T")


@dataclass(frozen=True)
class RowTable(Generic[Row]):
    """The row table of one kind of database: `object` or `container`."""

    name: str
    columns: tuple[str, ...]
    row: Callable[..., Row]
    merge: Callable[[Row, Row], Row | None]
    key: Callable[[Row], Hashable]
    reclaim_column: str  # tells how old a deleted row is
    sums: Callable[[Iterable[Row], Iterable[Row]], Sums]
    write_sums: Callable[[Connection, Sums], None]

    @cached_property
    def column_list(self) -> str:
        return ", ".join(self.columns)

    def merge_rows(self, connection: Connection, news: Sequence[Row]) -> int:
        """Merge rows inside the caller's transaction; how many rows of the table are new."""
        sql = connection.sql
        stored = self.named(sql, {row.name for row in news})
        changes = merge_batch(news, stored, self.merge, self.key)
        self._delete(sql, changes.gone)
        self._insert(sql, changes.come)
        if connection.counts_rows and (changes.come or changes.gone):
            self.write_sums(connection, self.sums(changes.gone_rows, changes.come))
        return len(changes.come)

    def named(self, sql: sqlite3.Connection, names: Iterable[str]) -> list[tuple[int, Row]]:
        """Rows of these names, deleted ones too, each with its ROWID."""
        found = []
        for chunk in _padded(list(names), _LOOKUPS):
            statement = _select(self.name, self.column_list, len(chunk))
            for rowid, *values in sql.execute(statement, chunk).fetchall():
                found.append((rowid, self.row(*values)))
        return found

    def remove(self, connection: Connection, rows: Sequence[tuple[int, Row]]) -> None:
        """Take rows (with their ROWIDs) out of the table and out of the statistics."""
        self._delete(connection.sql, [rowid for rowid, _ in rows])
        if connection.counts_rows and rows:
            self.write_sums(connection, self.sums([row for _, row in rows], ()))

    def _delete(self, sql: sqlite3.Connection, rowids: Sequence[int]) -> None:
        for chunk in _padded(list(rowids), _LOOKUPS):
            sql.execute(_delete(self.name, len(chunk)), chunk)

    def _insert(self, sql: sqlite3.Connection, rows: Sequence[Row]) -> None:
        start = 0
        while start < len(rows):
            count = min(_INSERTS, 1 << (len(rows) - start).bit_length() - 1)
            chunk = rows[start : start + count]
            statement = _insert(self.name, self.columns, count)
            sql.execute(statement, [value for row in chunk for value in row])
            start += count


@cache
def _select(table: str, columns: str, count: int) -> str:
    return (
        f"SELECT ROWID, {columns} FROM {table} "
        f"WHERE deleted IN (0, 1) AND name IN ({_marks(count)})"
    )


@cache
def _delete(table: str, count: int) -> str:
    return f"DELETE FROM {table} WHERE ROWID IN ({_marks(count)})"


@cache
def _insert(table: str, columns: tuple[str, ...], count: int) -> str:
    values = f"({_marks(len(columns))})"
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES {', '.join([values] * count)}"


def _marks(count: int) -> str:
    return ", ".join("?" * count)


def _padded(values: list[T], most: int) -> Iterator[list[T]]:
    """Chunks of a power of two, the last filled up by repeating its last value."""
    for start in range(0, len(values), most):
        chunk = values[start : start + most]
        wanted = 1 << (len(chunk) - 1).bit_length()
        yield chunk + [chunk[-1]] * (wanted - len(chunk))


def _folded(connection: Connection, table: str, digest: int) -> str:
    """The hash in a statistics row with a batch folded in."""
    found = connection.sql.execute(f"SELECT hash FROM {table}").fetchone()
    if found is None:
        raise DatabaseDamaged(connection.path, f"missing row in {table}")
    return f"{int(found[0], 16) ^ digest:032x}"


def _write_container_sums(connection: Connection, sums: Sums) -> None:
    sql = connection.sql
    for policy, (_, objects, size) in sums.by_policy.items():
        found = sql.execute(
            "UPDATE policy_stat SET object_count = object_count + ?, bytes_used = bytes_used + ? "
            "WHERE storage_policy_index = ?",
            (objects, size, policy),
        )
        if not found.rowcount:
            sql.execute(
                "INSERT INTO policy_stat (storage_policy_index, object_count, bytes_used) "
                "VALUES (?, ?, ?)",
                (policy, objects, size),
            )
    folded = _folded(connection, "container_info", sums.digest)
    sql.execute("UPDATE container_info SET hash = ?", (folded,))


def _write_account_sums(connection: Connection, sums: Sums) -> None:
    sql = connection.sql
    for policy, (rows, objects, size) in sums.by_policy.items():
        found = sql.execute(
            "UPDATE policy_stat SET container_count = container_count + ?, "
            "object_count = object_count + ?, bytes_used = bytes_used + ? "
            "WHERE storage_policy_index = ?",
            (rows, objects, size, policy),
        )
        if not found.rowcount:
            sql.execute(
                "INSERT INTO policy_stat "
                "(container_count, object_count, bytes_used, storage_policy_index) "
                "VALUES (?, ?, ?, ?)",
                (rows, objects, size, policy),
            )
    sql.execute(
        "UPDATE account_stat SET container_count = container_count + ?, "
        "object_count = object_count + ?, bytes_used = bytes_used + ?, hash = ?",
        (*sums.totals(), _folded(connection, "account_stat", sums.digest)),
    )


OBJECTS: RowTable[ObjectRow] = RowTable(
    container_schema.ROW_TABLE,
    container_schema.ROW_COLUMNS,
    ObjectRow,
    merge_object,
    object_key,
    "created_at",
    object_sums,
    _write_container_sums,
)
CONTAINERS: RowTable[ContainerRow] = RowTable(
    account_schema.ROW_TABLE,
    account_schema.ROW_COLUMNS,
    ContainerRow,
    merge_container,
    container_key,
    "delete_timestamp",
    container_sums,
    _write_account_sums,
)
