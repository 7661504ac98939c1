"""The container database: object rows, counts per policy, the container's own facts, shard ranges.

The listing index has Swift's name. In its wide form it also carries the columns that a listing
shows, so that 10,000 rows take 8 ms instead of 27 (rows inserted at random into a million); Swift
looks for the name alone and SQLite keeps either form up to date whoever writes.
"""

from __future__ import annotations

from swiftlite.formats.db_schema.common import SYNC_TABLES, late_columns, no_updates

ROW_TABLE = "object"
ROW_COLUMNS = (
    "name",
    "created_at",
    "size",
    "content_type",
    "etag",
    "deleted",
    "storage_policy_index",
)
STAT_TRIGGERS = frozenset(("object_insert_policy_stat", "object_delete_policy_stat"))
"""Triggers that do nothing but keep counts and hash; a batch that keeps both may pass them by."""

_OBJECT = (
    "CREATE TABLE object ("
    "ROWID INTEGER PRIMARY KEY AUTOINCREMENT, "
    "name TEXT, created_at TEXT, size INTEGER, content_type TEXT, etag TEXT, "
    "deleted INTEGER DEFAULT 0, storage_policy_index INTEGER DEFAULT 0)"
)
PLAIN_INDEX = "CREATE INDEX ix_object_deleted_name ON object (deleted, name)"
WIDE_INDEX = (
    "CREATE INDEX ix_object_deleted_name ON object "
    "(deleted, name, created_at, size, content_type, etag, storage_policy_index)"
)
INDEX_NAME = "ix_object_deleted_name"
POLICY_STAT = (
    "CREATE TABLE policy_stat (storage_policy_index INTEGER PRIMARY KEY, "
    "object_count INTEGER DEFAULT 0, bytes_used INTEGER DEFAULT 0)"
)
POLICY_TRIGGERS = (
    """CREATE TRIGGER object_insert_policy_stat AFTER INSERT ON object
    BEGIN
        INSERT INTO policy_stat (storage_policy_index)
            SELECT new.storage_policy_index WHERE NOT EXISTS (
                SELECT 1 FROM policy_stat
                WHERE storage_policy_index = new.storage_policy_index);
        UPDATE policy_stat SET
            object_count = object_count + (1 - new.deleted),
            bytes_used = bytes_used + new.size
        WHERE storage_policy_index = new.storage_policy_index;
        UPDATE container_info SET hash = chexor(hash, new.name, new.created_at);
    END""",
    """CREATE TRIGGER object_delete_policy_stat AFTER DELETE ON object
    BEGIN
        UPDATE policy_stat SET
            object_count = object_count - (1 - old.deleted),
            bytes_used = bytes_used - old.size
        WHERE storage_policy_index = old.storage_policy_index;
        UPDATE container_info SET hash = chexor(hash, old.name, old.created_at);
    END""",
)
_INFO_COLUMNS = (
    "account TEXT",
    "container TEXT",
    "created_at TEXT",
    "put_timestamp TEXT DEFAULT '0'",
    "delete_timestamp TEXT DEFAULT '0'",
    "reported_put_timestamp TEXT DEFAULT '0'",
    "reported_delete_timestamp TEXT DEFAULT '0'",
    "reported_object_count INTEGER DEFAULT 0",
    "reported_bytes_used INTEGER DEFAULT 0",
    "hash TEXT default '00000000000000000000000000000000'",
    "id TEXT",
    "status TEXT DEFAULT ''",
    "status_changed_at TEXT DEFAULT '0'",
    "metadata TEXT DEFAULT ''",
    "x_container_sync_point1 INTEGER DEFAULT -1",
    "x_container_sync_point2 INTEGER DEFAULT -1",
    "storage_policy_index INTEGER DEFAULT 0",
    "reconciler_sync_point INTEGER DEFAULT -1",
)
INFO_NAMES = tuple(column.partition(" ")[0] for column in _INFO_COLUMNS)
CONTAINER_INFO = f"CREATE TABLE container_info ({', '.join(_INFO_COLUMNS)})"
CONTAINER_STAT = (
    # What older programs knew as a table of this name is a view that can be written to.
    "CREATE VIEW container_stat AS SELECT "
    + ", ".join(f"info.{name}" for name in INFO_NAMES)
    + ", coalesce(stat.object_count, 0) AS object_count"
    ", coalesce(stat.bytes_used, 0) AS bytes_used"
    " FROM container_info AS info LEFT JOIN policy_stat AS stat"
    " ON info.storage_policy_index = stat.storage_policy_index",
    "CREATE TRIGGER container_stat_update INSTEAD OF UPDATE ON container_stat BEGIN "
    "UPDATE container_info SET " + ", ".join(f"{name} = new.{name}" for name in INFO_NAMES) + "; "
    "END",
)
SHARD_RANGE = (
    "CREATE TABLE shard_range ("
    "ROWID INTEGER PRIMARY KEY AUTOINCREMENT, "
    "name TEXT, timestamp TEXT, lower TEXT, upper TEXT, "
    "object_count INTEGER DEFAULT 0, bytes_used INTEGER DEFAULT 0, "
    "meta_timestamp TEXT, deleted INTEGER DEFAULT 0, "
    "state INTEGER, state_timestamp TEXT, epoch TEXT, "
    "reported INTEGER DEFAULT 0, tombstones INTEGER DEFAULT -1)",
    no_updates("shard_range"),
)
LATE_COLUMNS = (
    *late_columns(
        "container_info",
        "metadata TEXT DEFAULT ''",
        "x_container_sync_point1 INTEGER DEFAULT -1",
        "x_container_sync_point2 INTEGER DEFAULT -1",
        "reconciler_sync_point INTEGER DEFAULT -1",
    ),
    *late_columns("shard_range", "reported INTEGER DEFAULT 0", "tombstones INTEGER DEFAULT -1"),
    *late_columns("incoming_sync", "updated_at TEXT DEFAULT 0"),
    *late_columns("outgoing_sync", "updated_at TEXT DEFAULT 0"),
)
"""Columns that files from before policies, syncing or the present sharding may lack."""


def schema(*, wide_index: bool) -> tuple[str, ...]:
    """Statements that turn an empty database into a container database without any row."""
    return (
        *SYNC_TABLES,
        _OBJECT,
        WIDE_INDEX if wide_index else PLAIN_INDEX,
        no_updates("object"),
        *POLICY_TRIGGERS,
        POLICY_STAT,
        CONTAINER_INFO,
        *CONTAINER_STAT,
        *SHARD_RANGE,
    )
