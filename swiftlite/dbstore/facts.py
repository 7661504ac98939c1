"""What a database says of itself: timestamps, counts, metadata. Values, and how they are read.

Timestamps are text as stored (Swift leaves a bare '0' where there is none); compare them with
`later`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from swiftlite.dbstore.connection import Connection
from swiftlite.dbstore.errors import DatabaseDamaged, MetadataRefused
from swiftlite.dbstore.merge import merge_metadata
from swiftlite.formats.db_schema.common import DELETED_STATUS
from swiftlite.vocab.headers import is_user_meta, strip_user_meta_prefix
from swiftlite.vocab.limits import Limits
from swiftlite.vocab.timestamp import Timestamp

Metadata = dict[str, tuple[str, str]]
"""Header name (text, Title-Case) to value and the internal timestamp of when it was set."""


class PolicyCounts(NamedTuple):
    """What a database holds in one policy. containers is 0 in a container's database."""

    containers: int
    objects: int
    bytes_used: int


@dataclass(frozen=True, slots=True)
class AccountFacts:
    account: str
    created_at: str
    put_timestamp: str
    delete_timestamp: str
    container_count: int
    object_count: int
    bytes_used: int
    hash: str
    id: str
    status: str
    status_changed_at: str
    metadata: Metadata

    @property
    def is_deleted(self) -> bool:
        return self.status == DELETED_STATUS or (
            not self.container_count and later(self.delete_timestamp, self.put_timestamp)
        )

    @property
    def is_status_deleted(self) -> bool:
        """Deleted by its owner, who has to wait until it is reclaimed, rows or no rows."""
        return self.status == DELETED_STATUS or later(self.delete_timestamp, self.put_timestamp)


@dataclass(frozen=True, slots=True)
class ContainerFacts:
    account: str
    container: str
    created_at: str
    put_timestamp: str
    delete_timestamp: str
    reported_put_timestamp: str
    reported_delete_timestamp: str
    reported_object_count: int
    reported_bytes_used: int
    hash: str
    id: str
    status: str
    status_changed_at: str
    metadata: Metadata
    x_container_sync_point1: int
    x_container_sync_point2: int
    storage_policy_index: int
    reconciler_sync_point: int
    object_count: int
    bytes_used: int

    @property
    def is_deleted(self) -> bool:
        return not self.object_count and later(self.delete_timestamp, self.put_timestamp)

    @property
    def is_reported(self) -> bool:
        """Whether the account has been told of all this."""
        return (
            self.object_count == self.reported_object_count
            and self.bytes_used == self.reported_bytes_used
            and not later(self.put_timestamp, self.reported_put_timestamp)
            and not later(self.delete_timestamp, self.reported_delete_timestamp)
        )


def later(left: str, right: str) -> bool:
    """Whether one stored timestamp is after another."""
    return Timestamp.from_text(left or "0") > Timestamp.from_text(right or "0")


_ACCOUNT_COLUMNS = ", ".join(AccountFacts.__dataclass_fields__)
_CONTAINER_COLUMNS = ", ".join(ContainerFacts.__dataclass_fields__)
_METADATA_AT = {
    "account": list(AccountFacts.__dataclass_fields__).index("metadata"),
    "container": list(ContainerFacts.__dataclass_fields__).index("metadata"),
}


def account_facts(connection: Connection) -> AccountFacts:
    return AccountFacts(*_row(connection, "account", _ACCOUNT_COLUMNS))


def container_facts(connection: Connection) -> ContainerFacts:
    return ContainerFacts(*_row(connection, "container", _CONTAINER_COLUMNS))


def _row(connection: Connection, kind: str, columns: str) -> list[Any]:
    found = connection.sql.execute(f"SELECT {columns} FROM {kind}_stat").fetchone()
    if found is None:
        raise DatabaseDamaged(connection.path, f"missing row in {kind}_stat table")
    row = list(found)
    row[_METADATA_AT[kind]] = decode_metadata(connection.path, row[_METADATA_AT[kind]])
    return row


def decode_metadata(path: str, text: object) -> Metadata:
    """Metadata as stored: a JSON object of name to [value, timestamp], or nothing."""
    if not text:
        return {}
    try:
        items = json.loads(str(text)).items()
        return {str(name): (str(value), str(timestamp)) for name, (value, timestamp) in items}
    except (ValueError, TypeError, AttributeError) as error:
        raise DatabaseDamaged(path, f"unreadable metadata: {error}") from error


def update_metadata(
    connection: Connection, kind: str, news: Mapping[str, tuple[str, str]], limits: Limits | None
) -> Metadata:
    """Merge metadata inside the caller's transaction; all of it as it is now.

    kind: "account" or "container". With limits, raises MetadataRefused when the result has too
    much user metadata, however many requests it came in.
    """
    table = "account_stat" if kind == "account" else "container_info"
    found = connection.sql.execute(f"SELECT metadata FROM {table}").fetchone()
    if found is None:
        raise DatabaseDamaged(connection.path, f"missing row in {table}")
    stored = decode_metadata(connection.path, found[0])
    merged = merge_metadata(stored, news)
    if limits is not None:
        _check_limits(connection.path, kind, merged, limits)
    if merged != stored:
        connection.sql.execute(f"UPDATE {table} SET metadata = ?", (json.dumps(merged),))
    return merged


def _check_limits(path: str, kind: str, metadata: Metadata, limits: Limits) -> None:
    count = size = 0
    for name, (value, _) in metadata.items():
        if value and is_user_meta(kind, name):
            count += 1
            size += len(strip_user_meta_prefix(kind, name).encode()) + len(value.encode())
    if count > limits.max_meta_count:
        raise MetadataRefused(
            path, f"Too many metadata items; there may be {limits.max_meta_count}."
        )
    if size > limits.max_meta_overall_size:
        raise MetadataRefused(
            path, f"The metadata takes more than {limits.max_meta_overall_size} bytes in all."
        )


def policy_counts(connection: Connection, kind: str) -> dict[int, PolicyCounts]:
    """Counts by policy index."""
    containers = "container_count" if kind == "account" else "0"
    found = connection.sql.execute(
        f"SELECT storage_policy_index, {containers}, object_count, bytes_used FROM policy_stat"
    )
    return {row[0]: PolicyCounts(*(count or 0 for count in row[1:])) for row in found.fetchall()}
