"""The account database: container rows, counts in all and per policy, the account's own facts."""

from __future__ import annotations

from swiftlite.formats.db_schema.common import SYNC_TABLES, late_columns, no_updates

ROW_TABLE = "container"
ROW_COLUMNS = (
    "name",
    "put_timestamp",
    "delete_timestamp",
    "object_count",
    "bytes_used",
    "deleted",
    "storage_policy_index",
)
STAT_TRIGGERS = frozenset(
    ("container_insert", "container_delete", "container_insert_ps", "container_delete_ps")
)
"""Triggers that do nothing but keep counts and hash; a batch that keeps both may pass them by."""

_CONTAINER = (
    "CREATE TABLE container ("
    "ROWID INTEGER PRIMARY KEY AUTOINCREMENT, "
    "name TEXT, put_timestamp TEXT, delete_timestamp TEXT, "
    "object_count INTEGER, bytes_used INTEGER, "
    "deleted INTEGER DEFAULT 0, storage_policy_index INTEGER DEFAULT 0)"
)
PLAIN_INDEX = "CREATE INDEX ix_container_deleted_name ON container (deleted, name)"
WIDE_INDEX = (
    "CREATE INDEX ix_container_deleted_name ON container "
    "(deleted, name, object_count, bytes_used, put_timestamp, storage_policy_index)"
)
INDEX_NAME = "ix_container_deleted_name"


def _row_text(row: str) -> str:
    """What of a row goes into the hash, in SQL; row is "new" or "old"."""
    columns = ("put_timestamp", "delete_timestamp", "object_count", "bytes_used")
    return " || '-' || ".join(f"{row}.{column}" for column in columns)


def _stat_trigger(when: str, row: str, sign: str) -> str:
    return f"""CREATE TRIGGER container_{when.lower()} AFTER {when} ON container
    BEGIN
        UPDATE account_stat SET
            container_count = container_count {sign} (1 - {row}.deleted),
            object_count = object_count {sign} {row}.object_count,
            bytes_used = bytes_used {sign} {row}.bytes_used,
            hash = chexor(hash, {row}.name, {_row_text(row)});
    END"""


STAT_TRIGGERS_SQL = (_stat_trigger("INSERT", "new", "+"), _stat_trigger("DELETE", "old", "-"))
POLICY_STAT = (
    "CREATE TABLE policy_stat (storage_policy_index INTEGER PRIMARY KEY, "
    "container_count INTEGER DEFAULT 0, object_count INTEGER DEFAULT 0, "
    "bytes_used INTEGER DEFAULT 0)"
)
POLICY_TRIGGERS = (
    """CREATE TRIGGER container_insert_ps AFTER INSERT ON container
    BEGIN
        INSERT INTO policy_stat (storage_policy_index)
            SELECT new.storage_policy_index WHERE NOT EXISTS (
                SELECT 1 FROM policy_stat
                WHERE storage_policy_index = new.storage_policy_index);
        UPDATE policy_stat SET
            container_count = container_count + (1 - new.deleted),
            object_count = object_count + new.object_count,
            bytes_used = bytes_used + new.bytes_used
        WHERE storage_policy_index = new.storage_policy_index;
    END""",
    """CREATE TRIGGER container_delete_ps AFTER DELETE ON container
    BEGIN
        UPDATE policy_stat SET
            container_count = container_count - (1 - old.deleted),
            object_count = object_count - old.object_count,
            bytes_used = bytes_used - old.bytes_used
        WHERE storage_policy_index = old.storage_policy_index;
    END""",
)
ACCOUNT_STAT = (
    "CREATE TABLE account_stat ("
    "account TEXT, created_at TEXT, put_timestamp TEXT DEFAULT '0', "
    "delete_timestamp TEXT DEFAULT '0', container_count INTEGER, "
    "object_count INTEGER DEFAULT 0, bytes_used INTEGER DEFAULT 0, "
    "hash TEXT default '00000000000000000000000000000000', id TEXT, "
    "status TEXT DEFAULT '', status_changed_at TEXT DEFAULT '0', metadata TEXT DEFAULT '')"
)
LATE_COLUMNS = (
    *late_columns("account_stat", "metadata TEXT DEFAULT ''"),
    *late_columns("incoming_sync", "updated_at TEXT DEFAULT 0"),
    *late_columns("outgoing_sync", "updated_at TEXT DEFAULT 0"),
)
"""Columns that files from before metadata, or from before sync reclaim, may lack."""


def schema(*, wide_index: bool) -> tuple[str, ...]:
    """Statements that turn an empty database into an account database without any row."""
    return (
        *SYNC_TABLES,
        _CONTAINER,
        WIDE_INDEX if wide_index else PLAIN_INDEX,
        STAT_TRIGGERS_SQL[0],
        no_updates("container"),
        STAT_TRIGGERS_SQL[1],
        *POLICY_TRIGGERS,
        ACCOUNT_STAT,
        POLICY_STAT,
    )
