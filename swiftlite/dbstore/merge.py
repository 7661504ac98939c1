"""What becomes of a row when news of it arrives. Pure: rows in, rows and sums out.

An object's row carries three times. Size, etag and deletion go by the time of the data, the
content type by its own, and the time of the metadata only by itself, so that PUTs and POSTs may
arrive in any order and every replica ends with the same row.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from swiftlite.dbstore.rows import ContainerRow, ObjectRow
from swiftlite.formats.db_schema.common import row_digest
from swiftlite.vocab.content_type import split_swift_bytes
from swiftlite.vocab.timestamp import Timestamp, parse_combined, render_combined

Row = TypeVar("Row", bound=ObjectRow | ContainerRow)


@dataclass(slots=True)
class Changes(Generic[Row]):
    """What a batch does to a table: rows (by ROWID) that go, and rows that come."""

    gone: list[int] = field(default_factory=list)
    gone_rows: list[Row] = field(default_factory=list)
    come: list[Row] = field(default_factory=list)


def merge_object(new: ObjectRow, old: ObjectRow) -> ObjectRow | None:
    """The row after news of it; None when the news is not news. Same name and policy."""
    if len(new.created_at) == 16 == len(old.created_at):  # one time each, without offset
        return new if new.created_at > old.created_at else None
    new_times = parse_combined(new.created_at)
    old_times = parse_combined(old.created_at)
    newer = [new > old for new, old in zip(new_times, old_times, strict=True)]
    if not any(newer):
        return None
    if all(newer):
        return new
    newer_data, newer_type, _ = newer
    data = new if newer_data else old
    content_type, _ = split_swift_bytes((new if newer_type else old).content_type)
    _, large = split_swift_bytes(data.content_type)
    return ObjectRow(
        new.name,
        render_combined(*(max(pair) for pair in zip(new_times, old_times, strict=True))),
        data.size,
        content_type if large is None else f"{content_type};swift_bytes={large}",
        data.etag,
        data.deleted,
        new.storage_policy_index,
    )


def merge_container(new: ContainerRow, old: ContainerRow) -> ContainerRow | None:
    """The row after a report; None when it says nothing new.

    Each timestamp only grows. Counts are those of the report that came last, as in Swift; but one
    that says when it was made (the offset of its put timestamp) never undoes a later one.
    """
    put = _later(new.put_timestamp, old.put_timestamp)
    delete = _later(new.delete_timestamp, old.delete_timestamp)
    made = Timestamp.from_text(new.put_timestamp)
    counted = old if made.offset and made < Timestamp.from_text(old.put_timestamp) else new
    deleted = not counted.object_count and Timestamp.from_text(delete) > Timestamp.from_text(put)
    merged = counted._replace(put_timestamp=put, delete_timestamp=delete, deleted=int(deleted))
    return None if merged == old else merged


def _later(new: str, old: str) -> str:
    return old if Timestamp.from_text(old) > Timestamp.from_text(new) else new


def object_key(row: ObjectRow) -> Hashable:
    """An object may have a row in each policy, until the reconciler has been."""
    return row.name, row.storage_policy_index


def container_key(row: ContainerRow) -> Hashable:
    return row.name


def merge_batch(
    news: Iterable[Row],
    stored: Iterable[tuple[int, Row]],
    merge: Callable[[Row, Row], Row | None],
    key: Callable[[Row], Hashable],
) -> Changes[Row]:
    """Fold news, in order, into the stored rows of the same names (each with its ROWID).

    Should a file hold a row twice, the two are merged as well and one is left.
    """
    before: dict[Hashable, list[tuple[int, Row]]] = {}
    now: dict[Hashable, Row] = {}
    changed: dict[Hashable, None] = {}  # in order of arrival, which becomes the order of ROWIDs
    for rowid, row in stored:
        identity = key(row)
        before.setdefault(identity, []).append((rowid, row))
        known = now.get(identity)
        now[identity] = row if known is None else merge(row, known) or known
    for row in news:
        identity = key(row)
        known = now.get(identity)
        merged = row if known is None else merge(row, known)
        if merged is not None:
            now[identity] = merged
            changed[identity] = None
    changes: Changes[Row] = Changes()
    for identity in changed:
        for rowid, row in before.get(identity, ()):
            changes.gone.append(rowid)
            changes.gone_rows.append(row)
        changes.come.append(now[identity])
    return changes


@dataclass(slots=True)
class Sums:
    """How a batch changes the statistics: per policy (rows, objects, bytes), and the row hash.

    For a container rows and objects are the same count.
    """

    by_policy: dict[int, list[int]] = field(default_factory=dict)
    digest: int = 0

    def add(self, policy: int, rows: int, objects: int, size: int) -> None:
        sums = self.by_policy.setdefault(policy, [0, 0, 0])
        sums[0] += rows
        sums[1] += objects
        sums[2] += size

    def totals(self) -> tuple[int, int, int]:
        """Over all policies."""
        rows, objects, size = (sum(column) for column in zip(*self.by_policy.values(), strict=True))
        return rows, objects, size


def object_sums(gone: Iterable[ObjectRow], come: Iterable[ObjectRow]) -> Sums:
    """What the triggers of a container database would have added up, row by row."""
    sums = Sums()
    for sign, rows in ((-1, gone), (1, come)):
        for row in rows:
            live = sign * (1 - row.deleted)
            sums.add(row.storage_policy_index, live, live, sign * row.size)
            sums.digest ^= row_digest(row.name, row.created_at)
    return sums


def container_sums(gone: Iterable[ContainerRow], come: Iterable[ContainerRow]) -> Sums:
    """The same for an account database."""
    sums = Sums()
    for sign, rows in ((-1, gone), (1, come)):
        for row in rows:
            live = sign * (1 - row.deleted)
            policy = row.storage_policy_index
            sums.add(policy, live, sign * row.object_count, sign * row.bytes_used)
            text = "-".join((row.put_timestamp, row.delete_timestamp, str(row.object_count)))
            sums.digest ^= row_digest(row.name, f"{text}-{row.bytes_used}")
    return sums


def merge_metadata(
    stored: Mapping[str, tuple[str, str]], news: Mapping[str, tuple[str, str]]
) -> dict[str, tuple[str, str]]:
    """Metadata of a database: name to (value, timestamp); the newer timestamp wins each name.

    An empty value marks a name that was taken away; reclaim drops it in time.
    """
    merged = dict(stored)
    for name, (value, timestamp) in news.items():
        known = merged.get(name)
        if known is None or timestamp > known[1]:
            merged[name] = (value, timestamp)
    return merged
