"""Dropping what has been deleted for so long that every replica knows of it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping

from swiftlite.dbstore.connection import Connection
from swiftlite.dbstore.facts import decode_metadata
from swiftlite.dbstore.kind import Kind
from swiftlite.dbstore.merge import Row
from swiftlite.dbstore.row_table import RowTable
from swiftlite.vocab.timestamp import Timestamp

PAGE_ROWS = 2000


def reclaim_rows(
    connection: Connection, table: RowTable[Row], start: str, age: Timestamp
) -> tuple[int, str | None]:
    """One page of tombstones from the name start on: how many went, and where to go on.

    The second is None after the last page. Runs inside the caller's transaction.
    """
    when = table.reclaim_column
    found = connection.sql.execute(
        f"SELECT ROWID, {table.column_list} FROM {table.name} "
        "WHERE deleted = 1 AND name >= ? ORDER BY name LIMIT ?",
        (start, PAGE_ROWS + 1),
    ).fetchall()
    page = [(rowid, table.row(*values)) for rowid, *values in found[:PAGE_ROWS]]
    position = table.columns.index(when)
    old = [(rowid, row) for rowid, row in page if str(row[position]) < age.internal]
    table.remove(connection, old)
    return len(old), found[PAGE_ROWS][1] if len(found) > PAGE_ROWS else None


def reclaim_stale(
    connection: Connection, facts_table: str, age: Timestamp, sync_age: Timestamp
) -> None:
    """Emptied metadata from before age, and sync points of peers not heard of since sync_age."""
    sql = connection.sql
    for direction in ("outgoing", "incoming"):
        sql.execute(
            f"DELETE FROM {direction}_sync WHERE CAST(updated_at AS INTEGER) < ?",
            (int(sync_age.seconds),),
        )
    found = sql.execute(f"SELECT metadata FROM {facts_table}").fetchone()
    stored = decode_metadata(connection.path, found[0] if found else None)
    kept = {
        name: (value, timestamp)
        for name, (value, timestamp) in stored.items()
        if value or Timestamp.from_text(timestamp) >= age
    }
    if kept != stored:
        sql.execute(f"UPDATE {facts_table} SET metadata = ?", (json.dumps(kept),))


def is_reclaim_due(
    sql: sqlite3.Connection,
    kind: Kind[Row],
    metadata: Mapping[str, tuple[str, str]],
    age: Timestamp,
    sync_age: Timestamp,
) -> bool:
    """Whether there is anything that reclaim_rows or reclaim_stale would drop. Only reads."""
    if any(not text and Timestamp.from_text(at) < age for text, at in metadata.values()):
        return True
    rows = f"{kind.rows.name} WHERE deleted = 1 AND {kind.rows.reclaim_column} < :age"
    points = "_sync WHERE CAST(updated_at AS INTEGER) < :sync_age"
    found = sql.execute(
        f"SELECT EXISTS (SELECT 1 FROM {rows}) OR EXISTS (SELECT 1 FROM outgoing{points}) "
        f"OR EXISTS (SELECT 1 FROM incoming{points})",
        {"age": age.internal, "sync_age": int(sync_age.seconds)},
    )
    return bool(found.fetchone()[0])
