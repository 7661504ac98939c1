"""What to do about another replica of a database, from what both say of themselves. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from swiftlite.protocols.db_sync import Replica, Reply


class Way(Enum):
    """How the other replica gets what it lacks."""

    NO_CHANGE = auto()  # it has all our rows
    HASH_MATCH = auto()  # it has equal rows, and we had not known
    DIFF = auto()  # the rows since a point, in batches
    REMOTE_MERGE = auto()  # our file, which it merges with its own
    WHOLE_FILE = auto()  # our file, for it has none


@dataclass(frozen=True, slots=True)
class Plan:
    """start: with DIFF, the ROWID after which rows are to be sent."""

    way: Way
    start: int = -1


def plan_push(own: Replica, reply: Reply | None, sent: int, per_diff: int) -> Plan:
    """reply: the other's answer, None when it has no such database. sent: how far we remember
    having sent rows to it; per_diff: rows in a batch.

    A file beats rows when the other has less than half of ours and many are missing.
    """
    if reply is None:
        return Plan(Way.WHOLE_FILE)
    point = max(reply.point, sent)
    if point >= own.max_row:
        return Plan(Way.NO_CHANGE)
    if reply.replica.hash == own.hash:
        return Plan(Way.HASH_MATCH)
    other_rows = reply.replica.max_row
    if other_rows * 2 < own.max_row and own.max_row - other_rows > per_diff:
        return Plan(Way.REMOTE_MERGE)
    return Plan(Way.DIFF, point)


def has_news(own: Replica, other: Replica) -> bool:
    """Whether taking over the other's timestamps, policy and metadata could change anything."""
    return (
        other.created_at < own.created_at
        or other.put_timestamp > own.put_timestamp
        or other.delete_timestamp > own.delete_timestamp
        or (other.metadata not in ("", own.metadata))
        or other.storage_policy_index not in (None, own.storage_policy_index)
    )
