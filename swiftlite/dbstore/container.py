"""A container's database: what a container server asks of it, each in one transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum, auto

from swiftlite.dbstore.broker import Broker
from swiftlite.dbstore.connection import Connection
from swiftlite.dbstore.engine import Change
from swiftlite.dbstore.errors import DatabaseExists, DatabaseMissing
from swiftlite.dbstore.facts import ContainerFacts, Metadata, container_facts, update_metadata
from swiftlite.dbstore.folding import Entry, list_entries
from swiftlite.dbstore.listing import Source, Window
from swiftlite.dbstore.rows import ObjectRow
from swiftlite.formats.db_schema.common import DELETED_STATUS
from swiftlite.vocab.limits import Limits
from swiftlite.vocab.timestamp import Timestamp

LISTED = ("name", "created_at", "size", "content_type", "etag")
SYNC_TO = "X-Container-Sync-To"
_KEPT_WHEN_DELETED = frozenset(
    (
        "x-container-sysmeta-shard-quoted-root",
        "x-container-sysmeta-shard-root",
        "x-container-sysmeta-sharding",
    )
)
"""Without these a deleted shard could not be told from a root."""


class Outcome(Enum):
    """What a change to a whole container found and did."""

    CREATED = auto()
    UPDATED = auto()
    DELETED = auto()
    WRONG_POLICY = auto()
    NEWER_STATE = auto()  # put before its deletion, or deleted before it was put
    NOT_EMPTY = auto()
    ABSENT = auto()  # deleted already


@dataclass(frozen=True, slots=True)
class Put:
    """What a PUT carries. policy is the one asked for, if any; new_policy the one for a new one."""

    timestamp: Timestamp
    policy: int | None
    new_policy: int
    metadata: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Changed:
    """The outcome, and the container's facts after it."""

    outcome: Outcome
    facts: ContainerFacts


class ContainerBroker(Broker[ObjectRow]):
    """One container's database. Metadata is header name to value."""

    kind = "container"

    def create(
        self,
        account: str,
        container: str,
        timestamp: Timestamp,
        policy: int,
        metadata: Mapping[str, str],
        now: Timestamp,
    ) -> None:
        """Make the database; raises DatabaseExists."""
        items = {name: (value, timestamp.internal) for name, value in metadata.items()}
        facts = (
            account,
            container,
            now.normal,
            self.new_id(),
            timestamp.internal,
            timestamp.internal,
            policy,
            json.dumps(items) if items else "",
        )

        def fill(sql: sqlite3.Connection) -> None:
            sql.execute(
                "INSERT INTO container_info (account, container, created_at, id, put_timestamp, "
                "status_changed_at, storage_policy_index, metadata) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                facts,
            )
            sql.execute("INSERT INTO policy_stat (storage_policy_index) VALUES (?)", (policy,))

        self.engine.create(self.place, fill)

    def put(
        self, account: str, container: str, put: Put, limits: Limits, now: Timestamp
    ) -> Changed:
        """Make the container, make it again after a deletion, or bring it up to date.

        Raises MetadataRefused.
        """
        while True:
            try:
                return self.engine.write(
                    self.place, Change(lambda connection: _put(connection, put, limits), room=True)
                )
            except DatabaseMissing:
                pass
            try:
                self.create(account, container, put.timestamp, put.new_policy, put.metadata, now)
            except DatabaseExists:
                continue
            with suppress(DatabaseMissing):  # it was removed in the same moment
                return Changed(Outcome.CREATED, self.facts())

    def post(
        self, timestamp: Timestamp, metadata: Mapping[str, str], limits: Limits, *, touch: bool
    ) -> Changed:
        """Change metadata; touch also raises the put timestamp. Raises MetadataRefused."""

        def change(connection: Connection) -> Changed:
            facts = container_facts(connection)
            if facts.is_deleted:
                return Changed(Outcome.ABSENT, facts)
            if touch:
                _raise_timestamp(connection, "put_timestamp", timestamp)
            _update(connection, facts.metadata, timestamp, metadata, limits)
            return Changed(Outcome.UPDATED, container_facts(connection))

        return self.engine.write(self.place, Change(change, room=True))

    def delete(self, timestamp: Timestamp) -> Changed:
        """Mark an empty container as deleted, metadata gone. Never removes the file."""
        return self.engine.write(
            self.place, Change(lambda connection: _delete(connection, timestamp))
        )

    def facts(self) -> ContainerFacts:
        return self._read(container_facts)

    def listing(self, window: Window, policy: int | None) -> tuple[ContainerFacts, list[Entry]]:
        """Facts and listed objects of one moment; rows are texts in the order of LISTED.

        policy None means the container's own.
        """

        def work(connection: Connection) -> tuple[ContainerFacts, list[Entry]]:
            facts = container_facts(connection)
            if facts.is_deleted:
                return facts, []
            index = facts.storage_policy_index if policy is None else policy
            source = Source("object", LISTED, "storage_policy_index = :policy", {"policy": index})
            return facts, list_entries(connection.sql, source, window)

        return self._read(work)

    def reported(self, facts: ContainerFacts) -> None:
        """Remember what the account has been told. May be lost in a power cut: it is told again."""

        def change(connection: Connection) -> None:
            connection.sql.execute(
                "UPDATE container_info SET reported_put_timestamp = ?, "
                "reported_delete_timestamp = ?, reported_object_count = ?, "
                "reported_bytes_used = ?",
                (
                    facts.put_timestamp,
                    facts.delete_timestamp,
                    facts.object_count,
                    facts.bytes_used,
                ),
            )

        self.engine.write(self.place, Change(change, relaxed=True))

    def set_container_sync_points(self, point1: int | None, point2: int | None) -> None:
        """How far rows have been sent to the container this one syncs to; None leaves one be."""

        def change(connection: Connection) -> None:
            _set_sync_points(connection, point1, point2)

        self.engine.write(self.place, Change(change))

    def set_reconciler_sync_point(self, point: int) -> None:
        """How far rows have been looked at for being in the wrong policy."""

        def change(connection: Connection) -> None:
            connection.sql.execute("UPDATE container_info SET reconciler_sync_point = ?", (point,))

        self.engine.write(self.place, Change(change))


def _put(connection: Connection, put: Put, limits: Limits) -> Changed:
    sql = connection.sql
    facts = container_facts(connection)
    was_deleted = facts.is_deleted
    if was_deleted:
        sql.execute(
            "INSERT OR IGNORE INTO policy_stat (storage_policy_index) VALUES (?)",
            (put.new_policy,),
        )
        sql.execute(
            "UPDATE container_info SET storage_policy_index = :policy, "
            "status_changed_at = max(:at, status_changed_at) "
            "WHERE storage_policy_index != :policy",
            {"policy": put.new_policy, "at": put.timestamp.internal},
        )
    elif put.policy is not None and put.policy != facts.storage_policy_index:
        return Changed(Outcome.WRONG_POLICY, facts)
    _raise_timestamp(connection, "put_timestamp", put.timestamp)
    facts = container_facts(connection)
    if facts.is_deleted:
        return Changed(Outcome.NEWER_STATE, facts)
    if was_deleted:
        _raise_timestamp(connection, "status_changed_at", put.timestamp)
    _update(connection, facts.metadata, put.timestamp, put.metadata, limits)
    outcome = Outcome.CREATED if was_deleted else Outcome.UPDATED
    return Changed(outcome, container_facts(connection))


def _delete(connection: Connection, timestamp: Timestamp) -> Changed:
    sql = connection.sql
    facts = container_facts(connection)
    # Objects in any policy count, also those that a listing does not show.
    most = sql.execute("SELECT max(object_count) FROM policy_stat").fetchone()[0]
    if most:
        return Changed(Outcome.NOT_EMPTY, facts)
    existed = not facts.is_deleted and bool(Timestamp.from_text(facts.put_timestamp))
    cleared = {
        name: ("", timestamp.internal)
        for name in facts.metadata
        if name.lower() not in _KEPT_WHEN_DELETED
    }
    update_metadata(connection, "container", cleared, None)
    sql.execute(
        "UPDATE container_info SET delete_timestamp = :at, status_changed_at = :at, "
        "status = :status WHERE delete_timestamp < :at",
        {"at": timestamp.internal, "status": DELETED_STATUS},
    )
    facts = container_facts(connection)
    if not facts.is_deleted:
        return Changed(Outcome.NEWER_STATE, facts)
    return Changed(Outcome.DELETED if existed else Outcome.ABSENT, facts)


def _update(
    connection: Connection,
    stored: Metadata,
    timestamp: Timestamp,
    metadata: Mapping[str, str],
    limits: Limits,
) -> None:
    if not metadata:
        return
    target = metadata.get(SYNC_TO)
    if target is not None and target != stored.get(SYNC_TO, (None, ""))[0]:
        _set_sync_points(connection, -1, -1)  # another target has none of the rows yet
    news = {name: (value, timestamp.internal) for name, value in metadata.items()}
    update_metadata(connection, "container", news, limits)


def _set_sync_points(connection: Connection, point1: int | None, point2: int | None) -> None:
    connection.sql.execute(
        "UPDATE container_info SET "
        "x_container_sync_point1 = coalesce(?, x_container_sync_point1), "
        "x_container_sync_point2 = coalesce(?, x_container_sync_point2)",
        (point1, point2),
    )


def _raise_timestamp(connection: Connection, column: str, timestamp: Timestamp) -> None:
    connection.sql.execute(
        f"UPDATE container_info SET {column} = :at WHERE {column} < :at",
        {"at": timestamp.internal},
    )
