"""An account's database: what an account server asks of it, each in one transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum, auto

from swiftlite.dbstore.broker import READ_TIMEOUT_S, Broker
from swiftlite.dbstore.connection import Connection
from swiftlite.dbstore.engine import Change
from swiftlite.dbstore.errors import DatabaseExists, DatabaseMissing
from swiftlite.dbstore.facts import (
    AccountFacts,
    PolicyCounts,
    account_facts,
    policy_counts,
    update_metadata,
)
from swiftlite.dbstore.folding import Entry, list_entries
from swiftlite.dbstore.listing import Source, Window
from swiftlite.dbstore.rows import ContainerRow
from swiftlite.formats.db_schema.common import DELETED_STATUS
from swiftlite.vocab.limits import Limits
from swiftlite.vocab.timestamp import Timestamp

LISTED = ("name", "object_count", "bytes_used", "put_timestamp", "storage_policy_index")
_SOURCE = Source("container", LISTED)


class AccountPut(Enum):
    """What a PUT found and did."""

    CREATED = auto()
    UPDATED = auto()
    RECENTLY_DELETED = auto()  # it may come back only after it has been reclaimed
    OLDER_THAN_DELETE = auto()


@dataclass(frozen=True, slots=True)
class AccountState:
    """Facts and counts of one moment."""

    facts: AccountFacts
    policies: dict[int, PolicyCounts]


class AccountBroker(Broker[ContainerRow]):
    """One account's database. Metadata is header name to value."""

    kind = "account"

    def create(
        self, account: str, timestamp: Timestamp, metadata: Mapping[str, str], now: Timestamp
    ) -> None:
        """Make the database; raises DatabaseExists."""
        items = {name: (value, timestamp.internal) for name, value in metadata.items()}
        facts = (
            account,
            now.normal,
            self.new_id(),
            timestamp.internal,
            timestamp.internal,
            json.dumps(items) if items else "",
        )

        def fill(sql: sqlite3.Connection) -> None:
            sql.execute(
                "INSERT INTO account_stat (container_count, account, created_at, id, "
                "put_timestamp, status_changed_at, metadata) VALUES (0, ?, ?, ?, ?, ?, ?)",
                facts,
            )

        self.engine.create(self.place, fill)

    def put(
        self,
        account: str,
        timestamp: Timestamp,
        metadata: Mapping[str, str],
        limits: Limits,
        now: Timestamp,
    ) -> AccountPut:
        """Make the account, or bring it up to date. Raises MetadataRefused."""
        news = {name: (value, timestamp.internal) for name, value in metadata.items()}

        def change(connection: Connection) -> AccountPut:
            facts = account_facts(connection)
            if facts.is_status_deleted:
                return AccountPut.RECENTLY_DELETED
            was_deleted = facts.is_deleted
            _raise_put_timestamp(connection, timestamp)
            if account_facts(connection).is_deleted:
                return AccountPut.OLDER_THAN_DELETE
            if news:
                update_metadata(connection, "account", news, limits)
            return AccountPut.CREATED if was_deleted else AccountPut.UPDATED

        while True:
            try:
                return self.engine.write(self.place, Change(change, room=True))
            except DatabaseMissing:
                pass
            try:
                self.create(account, timestamp, metadata, now)
            except DatabaseExists:
                continue
            return AccountPut.CREATED

    def post(
        self, timestamp: Timestamp, metadata: Mapping[str, str], limits: Limits
    ) -> AccountFacts | None:
        """Change metadata; None done, or the facts of an account that is deleted."""
        news = {name: (value, timestamp.internal) for name, value in metadata.items()}

        def change(connection: Connection) -> AccountFacts | None:
            facts = account_facts(connection)
            if facts.is_deleted:
                return facts
            update_metadata(connection, "account", news, limits)
            return None

        return self.engine.write(self.place, Change(change, room=True))

    def delete(self, timestamp: Timestamp) -> AccountFacts | None:
        """Mark as deleted, metadata gone; None done, or the facts of one deleted before."""

        def change(connection: Connection) -> AccountFacts | None:
            facts = account_facts(connection)
            if facts.is_deleted:
                return facts
            cleared = dict.fromkeys(facts.metadata, ("", timestamp.internal))
            update_metadata(connection, "account", cleared, None)
            connection.sql.execute(
                "UPDATE account_stat SET delete_timestamp = :at, status_changed_at = :at, "
                "status = :status WHERE delete_timestamp < :at",
                {"at": timestamp.internal, "status": DELETED_STATUS},
            )
            return None

        return self.engine.write(self.place, Change(change))

    def put_container(
        self,
        row: ContainerRow,
        *,
        even_if_deleted: bool,
        create_as: tuple[str, Timestamp, Timestamp] | None = None,
    ) -> bool:
        """Take a container's report; False when the account is not there, or is deleted.

        create_as: account, its timestamp, and now, to make an account that is not there.
        """
        rows = self.engine.kind.rows

        def change(connection: Connection) -> bool:
            if not even_if_deleted and account_facts(connection).is_deleted:
                return False
            rows.merge_rows(connection, (row,))
            return True

        while True:
            try:
                return self.engine.write(self.place, Change(change, room=True))
            except DatabaseMissing:
                if create_as is None:
                    return False
            account, timestamp, now = create_as
            with suppress(DatabaseExists):
                self.create(account, timestamp, {}, now)

    def state(self) -> AccountState:
        return self._read(_state)

    def listing(self, window: Window) -> tuple[AccountState, list[Entry]]:
        """State and listed containers of one moment; rows are texts in the order of LISTED."""

        def work(connection: Connection) -> tuple[AccountState, list[Entry]]:
            state = _state(connection)
            if state.facts.is_deleted:
                return state, []
            return state, list_entries(connection.sql, _SOURCE, window)

        return self._read(work, READ_TIMEOUT_S)

    def container_names(self, marker: str, limit: int) -> list[str]:
        """Names of containers after marker, in order, though the account be deleted."""

        def work(connection: Connection) -> list[str]:
            found = connection.sql.execute(
                "SELECT name FROM container WHERE deleted = 0 AND name > ? ORDER BY name LIMIT ?",
                (marker, limit),
            )
            return [name for (name,) in found.fetchall()]

        return self._read(work, READ_TIMEOUT_S)


def _state(connection: Connection) -> AccountState:
    return AccountState(account_facts(connection), policy_counts(connection, "account"))


def _raise_put_timestamp(connection: Connection, timestamp: Timestamp) -> None:
    connection.sql.execute(
        "UPDATE account_stat SET put_timestamp = :at WHERE put_timestamp < :at",
        {"at": timestamp.internal},
    )
