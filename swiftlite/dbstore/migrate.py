"""Bringing the tables of an older file up to date, when it is first opened.

Files live longer than programs: some were made before metadata, before syncing, before policies or
before the present form of sharding. Everything that is missing is added in one transaction; what
is there is never taken away, except statistics triggers and a table that become others.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable

from swiftlite.formats.db_schema import account, container
from swiftlite.formats.db_schema.common import LateColumn

_REMEMBERED = 64
_sound: dict[str, None] = {}
"""Schemas, as text, that were found to need nothing; nearly all files share one or two."""


def migrate_account(sql: sqlite3.Connection) -> None:
    _unless_sound(sql, _account_steps)


def migrate_container(sql: sqlite3.Connection) -> None:
    _unless_sound(sql, _container_steps)


def _unless_sound(sql: sqlite3.Connection, steps: Callable[[sqlite3.Connection], None]) -> None:
    if _schema_text(sql) in _sound:
        return
    sql.execute("BEGIN IMMEDIATE")
    try:
        steps(sql)
    except BaseException:
        sql.rollback()
        raise
    sql.execute("COMMIT")
    if len(_sound) >= _REMEMBERED:
        _sound.pop(next(iter(_sound)), None)
    _sound[_schema_text(sql)] = None


def _schema_text(sql: sqlite3.Connection) -> str:
    found = sql.execute(
        "SELECT group_concat(type || name || coalesce(sql, '')) FROM sqlite_master"
    ).fetchone()
    return str(found[0])


def _account_steps(sql: sqlite3.Connection) -> None:
    if "storage_policy_index" not in _columns(sql, "container"):
        sql.execute("ALTER TABLE container ADD COLUMN storage_policy_index INTEGER DEFAULT 0")
    if not _columns(sql, "policy_stat"):
        sql.execute(account.POLICY_STAT)
        sql.execute(
            "INSERT INTO policy_stat "
            "(storage_policy_index, container_count, object_count, bytes_used) "
            "SELECT 0, container_count, object_count, bytes_used FROM account_stat "
            "WHERE container_count > 0"
        )
    elif "container_count" not in _columns(sql, "policy_stat"):
        _drop_triggers(sql, ("container_insert_ps", "container_delete_ps"))
        sql.execute("ALTER TABLE policy_stat ADD COLUMN container_count INTEGER DEFAULT 0")
        sql.execute(
            "UPDATE policy_stat SET container_count = (SELECT count(*) FROM container "
            "WHERE deleted = 0 "
            "AND container.storage_policy_index = policy_stat.storage_policy_index)"
        )
    _create_missing(sql, "trigger", account.POLICY_TRIGGERS)
    _create_missing(sql, "index", (account.PLAIN_INDEX,))
    _add_columns(sql, account.LATE_COLUMNS)


def _container_steps(sql: sqlite3.Connection) -> None:
    if "storage_policy_index" not in _columns(sql, "object"):
        sql.execute("ALTER TABLE object ADD COLUMN storage_policy_index INTEGER DEFAULT 0")
    if not _columns(sql, "container_info"):
        _split_container_stat(sql)
    _create_missing(sql, "table", container.SHARD_RANGE[:1])
    _create_missing(sql, "trigger", container.SHARD_RANGE[1:])
    _add_columns(sql, container.LATE_COLUMNS)
    if not set(container.INFO_NAMES) <= _columns(sql, "container_stat"):
        sql.execute("DROP VIEW IF EXISTS container_stat")
        for statement in container.CONTAINER_STAT:
            sql.execute(statement)
    _create_missing(sql, "trigger", container.POLICY_TRIGGERS)
    _create_missing(sql, "index", (container.PLAIN_INDEX,))


def _split_container_stat(sql: sqlite3.Connection) -> None:
    """Files from before policies: one table of facts and counts becomes two and a view."""
    old = _columns(sql, "container_stat")
    _drop_triggers(sql, ("object_insert", "object_delete"))
    sql.execute(container.POLICY_STAT)
    sql.execute(
        "INSERT INTO policy_stat (storage_policy_index, object_count, bytes_used) "
        "SELECT 0, object_count, bytes_used FROM container_stat"
    )
    sql.execute(container.CONTAINER_INFO)
    kept = ", ".join(name for name in container.INFO_NAMES if name in old)
    sql.execute(f"INSERT INTO container_info ({kept}) SELECT {kept} FROM container_stat")
    sql.execute("DROP TABLE container_stat")


def _columns(sql: sqlite3.Connection, table: str) -> set[str]:
    """Names of a table's or view's columns; empty when there is none of that name."""
    return {row[0] for row in sql.execute("SELECT name FROM pragma_table_info(?)", (table,))}


def _drop_triggers(sql: sqlite3.Connection, names: Iterable[str]) -> None:
    for name in names:
        sql.execute(f"DROP TRIGGER IF EXISTS {name}")


def _create_missing(sql: sqlite3.Connection, kind: str, statements: Iterable[str]) -> None:
    """Run the CREATE statements of tables, triggers or indexes that are not there."""
    for statement in statements:
        name = statement.split(None, 3)[2]
        query = "SELECT 1 FROM sqlite_master WHERE type = ? AND name = ?"
        if sql.execute(query, (kind, name)).fetchone() is None:
            sql.execute(statement)


def _add_columns(sql: sqlite3.Connection, columns: Iterable[LateColumn]) -> None:
    for column in columns:
        present = _columns(sql, column.table)
        if present and column.name not in present:
            sql.execute(f"ALTER TABLE {column.table} ADD COLUMN {column.name} {column.declaration}")
