"""How a database stands among its replicas: what it tells them, and what it takes over from them.

Reads and writes inside the caller's transaction. What a batch of rows does is the row tables'.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

from swiftlite.dbstore.connection import Connection
from swiftlite.dbstore.errors import DatabaseDamaged
from swiftlite.dbstore.facts import account_facts, container_facts, decode_metadata, update_metadata
from swiftlite.formats.db_schema import account as account_schema
from swiftlite.formats.db_schema import container as container_schema
from swiftlite.protocols.db_sync import Replica
from swiftlite.protocols.policy_choice import policy_of_other_wins
from swiftlite.vocab.timestamp import Timestamp

_ACCOUNT = (
    "account, created_at, put_timestamp, delete_timestamp, status_changed_at, container_count, "
    "object_count, bytes_used, hash, id, metadata"
)
_CONTAINER = f"{', '.join(container_schema.INFO_NAMES)}, object_count, bytes_used"
_ROW_TABLE = {"account": account_schema.ROW_TABLE, "container": container_schema.ROW_TABLE}
_REPORTED = {
    "reported_put_timestamp": "put_timestamp",
    "reported_delete_timestamp": "delete_timestamp",
    "reported_object_count": "object_count",
    "reported_bytes_used": "bytes_used",
}
_BESIDE = (
    # One statement, for whoever reads many databases: to compile one costs more than to run it.
    "SELECT 0, name, seq FROM sqlite_sequence "
    "UNION ALL SELECT 1, remote_id, sync_point FROM incoming_sync "
    "UNION ALL SELECT 2, 'policies', count(*) FROM policy_stat"
)
_HIDDEN = frozenset(("metadata", "reconciler_sync_point", "object_count"))


@dataclass(frozen=True, slots=True)
class Standing:
    """One database at one moment.

    incoming: how far it has the rows of other replicas, by their ids. more: columns that peers
    are shown besides. is_reported: the account has been told of all this (True for accounts).
    policies: how many policies it has, or had, rows in; reconciler_sync_point: up to which row
    those in the wrong one have been handed to the reconciler.
    """

    account: str
    container: str | None
    replica: Replica
    incoming: Mapping[str, int]
    more: Mapping[str, object]
    is_reported: bool
    policies: int
    reconciler_sync_point: int

    @property
    def may_have_misplaced(self) -> bool:
        return self.policies > 1 and self.reconciler_sync_point < self.replica.max_row

    def point_of(self, remote_id: str) -> int:
        return self.incoming.get(remote_id, -1)


def read_standing(sql: sqlite3.Connection, kind: str, path: str) -> Standing:
    """kind: "account" or "container". Raises DatabaseDamaged when the row of facts is missing."""
    cursor = sql.execute(f"SELECT {_ACCOUNT if kind == 'account' else _CONTAINER} FROM {kind}_stat")
    row = cursor.fetchone()
    if row is None:
        raise DatabaseDamaged(path, f"missing row in {kind}_stat table")
    facts = dict(zip((column[0] for column in cursor.description), row, strict=True))
    last: dict[str, int] = {}
    incoming: dict[str, int] = {}
    counted: dict[str, int] = {}
    for table, name, value in sql.execute(_BESIDE).fetchall():
        (last, incoming, counted)[table][name] = value
    is_account = kind == "account"
    decode_metadata(path, facts["metadata"])  # peers get it as it is, if it can be read
    last_row = int(last.get(_ROW_TABLE[kind], -1))
    replica = Replica(
        last_row,
        facts["hash"],
        facts["id"],
        facts["created_at"],
        facts["put_timestamp"],
        facts["delete_timestamp"],
        facts["metadata"] or "",
        facts["status_changed_at"],
        facts["container_count" if is_account else "object_count"] or 0,
        None if is_account else facts["storage_policy_index"],
    )
    more = {name: value for name, value in facts.items() if name not in _HIDDEN}
    if is_account:
        more["object_count"] = facts["object_count"]
        more.pop("container_count")
    else:
        more["shard_max_row"] = int(last.get("shard_range", -1))
        more["db_state"] = "unsharded"
    return Standing(
        facts["account"],
        facts.get("container"),
        replica,
        incoming,
        more,
        is_account or all(facts[told] == facts[now] for told, now in _REPORTED.items()),
        counted["policies"],
        last_row if is_account else facts["reconciler_sync_point"],
    )


def take_over(connection: Connection, kind: str, other: Replica, now: Timestamp) -> None:
    """Take from another replica what is better there: policy, timestamps, newer metadata.

    Rows and sync points are not touched. Does nothing that a second call would do again.
    """
    sql = connection.sql
    own = read_standing(sql, kind, connection.path).replica
    if policy_of_other_wins(own, other):
        _set_policy(sql, other.storage_policy_index, now)
    metadata = decode_metadata(connection.path, other.metadata)
    if metadata:
        update_metadata(connection, kind, metadata, None)
    table = "account_stat" if kind == "account" else "container_info"
    was_deleted = _is_deleted(connection, kind)
    sql.execute(
        f"UPDATE {table} SET created_at = min(?, created_at), "
        "put_timestamp = max(?, put_timestamp), delete_timestamp = max(?, delete_timestamp)",
        (other.created_at, other.put_timestamp, other.delete_timestamp),
    )
    if _is_deleted(connection, kind) != was_deleted:
        sql.execute(
            f"UPDATE {table} SET status_changed_at = :at WHERE status_changed_at < :at",
            {"at": now.internal},
        )


def _is_deleted(connection: Connection, kind: str) -> bool:
    if kind == "account":
        return account_facts(connection).is_deleted
    return container_facts(connection).is_deleted


def _set_policy(sql: sqlite3.Connection, policy: int | None, now: Timestamp) -> None:
    sql.execute("INSERT OR IGNORE INTO policy_stat (storage_policy_index) VALUES (?)", (policy,))
    sql.execute(
        "UPDATE container_info SET storage_policy_index = ?, "
        "status_changed_at = max(?, status_changed_at)",
        (policy, now.internal),
    )


def become_new(connection: Connection, kind: str, new_id: str, source: str) -> None:
    """A file that came from the replica `source` becomes a replica of its own.

    It has all of the source's rows; what the source has told the account is for it to tell again.
    """
    sql = connection.sql
    last = read_standing(sql, kind, connection.path).replica.max_row
    table = "account_stat" if kind == "account" else "container_info"
    sql.execute(f"UPDATE {table} SET id = ?", (new_id,))
    sql.execute(
        "INSERT INTO incoming_sync (remote_id, sync_point) VALUES (?, ?) "
        "ON CONFLICT (remote_id) DO UPDATE SET sync_point = excluded.sync_point",
        (source, last),
    )
    if kind == "container":
        sql.execute(
            "UPDATE container_info SET reported_put_timestamp = '0', "
            "reported_delete_timestamp = '0', reported_object_count = 0, reported_bytes_used = 0"
        )
