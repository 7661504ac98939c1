"""What replicas of a database say to one another: the bodies of REPLICATE, both sides of each.

A body is a JSON array, an operation and its arguments, as OpenStack Swift has them. Between
swiftlite nodes there is one more conversation, a comparison of many databases in one call: a line
of text for each, a digit for an answer. Source: doc/formats/database-replication.md.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from swiftlite.formats.json_input import decode_json
from swiftlite.vocab.timestamp import Timestamp

_is_digits = re.compile(r"[0-9]{1,10}\Z").match
_is_hash = re.compile(r"[0-9a-f]{32}\Z").match
Item = Mapping[str, Any]
"""A row as it travels: column to value, ROWID among them."""


@dataclass(frozen=True, slots=True)
class Replica:
    """What a replica says of itself. Timestamps are text as stored, metadata the stored JSON.

    storage_policy_index is None for accounts, and where a peer does not tell.
    """

    max_row: int
    hash: str
    id: str
    created_at: str
    put_timestamp: str
    delete_timestamp: str
    metadata: str
    status_changed_at: str = "0"
    count: int = 0
    storage_policy_index: int | None = None

    @property
    def is_deleted(self) -> bool:
        return not self.count and _time(self.delete_timestamp) > _time(self.put_timestamp)

    def deleted_before(self, moment: Timestamp) -> bool:
        """Deleted, empty, and so for long enough that no replica can bring it back."""
        return self.is_deleted and _time(self.delete_timestamp) < moment

    def token(self) -> str:
        """Short text that is equal where rows, timestamps, policy and metadata are."""
        metadata = json.loads(self.metadata) if self.metadata else {}
        said = (
            self.hash,
            *(_time(text).raw for text in self._timestamps),
            self.storage_policy_index,
            sorted(metadata.items()),
        )
        return hashlib.blake2b(json.dumps(said).encode(), digest_size=8).hexdigest()

    @property
    def _timestamps(self) -> tuple[str, str, str]:
        return self.created_at, self.put_timestamp, self.delete_timestamp


def _time(text: str) -> Timestamp:
    return Timestamp.from_text(text or "0")


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to `sync`: the other replica, and how far it has our rows."""

    replica: Replica
    point: int


# Calls, as the server reads them


@dataclass(frozen=True, slots=True)
class Sync:
    replica: Replica


@dataclass(frozen=True, slots=True)
class MergeItems:
    """Rows in order of ROWID without a gap; source is the id of the replica that sends them."""

    items: Sequence[Item]
    source: str

    @property
    def last_rowid(self) -> int:
        return max((_whole(item.get("ROWID"), "ROWID") for item in self.items), default=-1)


@dataclass(frozen=True, slots=True)
class MergeSyncs:
    """remote_id and sync_point of each."""

    points: Sequence[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class FileCame:
    """`complete_rsync`, or `rsync_then_merge` with merge: a file lies in tmp under source's name.

    name: what the file is called at the sender, where that is told.
    """

    source: str
    merge: bool
    name: str | None = None


@dataclass(frozen=True, slots=True)
class GetShardRanges:
    pass


@dataclass(frozen=True, slots=True)
class MergeShardRanges:
    items: Sequence[Item]


Call = Sync | MergeItems | MergeSyncs | FileCame | GetShardRanges | MergeShardRanges


def decode_call(body: bytes) -> Call:
    """Raises ValueError with a sentence."""
    parts = decode_json(body)
    if not isinstance(parts, list) or not parts or not isinstance(parts[0], str):
        raise ValueError("The body must be a JSON array that begins with an operation's name.")
    name, arguments = parts[0], parts[1:]
    match name, arguments:
        case "sync", [_, _, _, _, _, _, _, *_]:
            return Sync(_replica_of_arguments(arguments))
        case "merge_items", [items, source, *_]:
            return MergeItems(_items(items), _file_name(source))
        case "merge_syncs", [points, *_]:
            return MergeSyncs([_point(item) for item in _items(points)])
        case "complete_rsync", [source]:
            return FileCame(_file_name(source), False)
        case "complete_rsync", [source, file_name, *_]:
            return FileCame(_file_name(source), False, _file_name(file_name))
        case "rsync_then_merge", [source, *_]:
            return FileCame(_file_name(source), True)
        case "get_shard_ranges", _:
            return GetShardRanges()
        case "merge_shard_ranges", [items, *_]:
            return MergeShardRanges(_items(items))
    raise ValueError(f"There is no operation {name[:40]!r} with {len(arguments)} arguments.")


def _replica_of_arguments(arguments: Sequence[object]) -> Replica:
    max_row, row_hash, identity, created, put, delete, metadata, *more = arguments
    tells_policy = len(more) >= 3
    return Replica(
        _whole(max_row, "max_row"),
        _text(row_hash, "hash"),
        _text(identity, "id"),
        _timestamp(created, "created_at"),
        _timestamp(put, "put_timestamp"),
        _timestamp(delete, "delete_timestamp"),
        _metadata(metadata),
        _timestamp(more[0], "status_changed_at") if tells_policy else "0",
        _whole(more[1], "count") if tells_policy else 0,
        _whole(more[2], "storage_policy_index") if tells_policy else None,
    )


# Calls, as the replicator writes them


def encode_sync(replica: Replica) -> bytes:
    parts: list[object] = [
        replica.max_row,
        replica.hash,
        replica.id,
        replica.created_at,
        replica.put_timestamp,
        replica.delete_timestamp,
        replica.metadata,
    ]
    if replica.storage_policy_index is not None:
        parts += [replica.status_changed_at, replica.count, replica.storage_policy_index]
    return _encode("sync", *parts)


def encode_merge_items(items: Sequence[Item], source: str) -> bytes:
    return _encode("merge_items", items, source)


def encode_merge_syncs(points: Iterable[tuple[str, int]]) -> bytes:
    return _encode("merge_syncs", [{"remote_id": i, "sync_point": p} for i, p in points])


def encode_file_came(source: str, name: str, *, merge: bool) -> bytes:
    return _encode("rsync_then_merge" if merge else "complete_rsync", source, name)


def _encode(*parts: object) -> bytes:
    return json.dumps(parts).encode()


def encode_reply(replica: Replica, point: int, more: Mapping[str, object]) -> bytes:
    """more: what else the database says of itself, which peers may like to know."""
    fields: dict[str, object] = {
        **more,
        "max_row": replica.max_row,
        "hash": replica.hash,
        "id": replica.id,
        "created_at": replica.created_at,
        "put_timestamp": replica.put_timestamp,
        "delete_timestamp": replica.delete_timestamp,
        "metadata": replica.metadata,
        "status_changed_at": replica.status_changed_at,
        "count": replica.count,
        "point": point,
    }
    if replica.storage_policy_index is not None:
        fields["storage_policy_index"] = replica.storage_policy_index
    return json.dumps(fields).encode()


def decode_reply(body: bytes) -> Reply:
    """Raises ValueError."""
    fields = decode_json(body)
    if not isinstance(fields, dict):
        raise ValueError("the answer to sync is not a JSON object")
    policy = fields.get("storage_policy_index")
    replica = Replica(
        _whole(fields.get("max_row"), "max_row"),
        _text(fields.get("hash"), "hash"),
        _text(fields.get("id"), "id"),
        _timestamp(fields.get("created_at"), "created_at"),
        _timestamp(fields.get("put_timestamp"), "put_timestamp"),
        _timestamp(fields.get("delete_timestamp"), "delete_timestamp"),
        _metadata(fields.get("metadata")),
        _timestamp(fields.get("status_changed_at", "0"), "status_changed_at"),
        _whole(fields.get("count", 0), "count"),
        None if policy is None else _whole(policy, "storage_policy_index"),
    )
    return Reply(replica, _whole(fields.get("point", -1), "point"))


# The comparison between swiftlite nodes


@dataclass(frozen=True, slots=True)
class Ask:
    """Is the replica on `device` as mine is, and has it all my rows?"""

    device: str
    partition: str
    digest: str
    id: str
    max_row: int
    token: str


def encode_asks(asks: Iterable[Ask]) -> bytes:
    return b"".join(
        f"{ask.device} {ask.partition} {ask.digest} {ask.id} {ask.max_row} {ask.token}\n".encode()
        for ask in asks
    )


def decode_asks(body: bytes) -> list[Ask]:
    """Raises ValueError."""
    asks = []
    for line in body.decode("utf-8").splitlines():
        fields = line.split(" ")
        if len(fields) != 6:
            raise ValueError(f"not six words: {line[:120]!r}")
        device, partition, digest, identity, max_row, token = fields
        if not _is_digits(partition) or not _is_hash(digest):
            raise ValueError(f"not a database: {line[:120]!r}")
        asks.append(Ask(device, partition, digest, identity, int(max_row), token))
    return asks


def encode_verdicts(in_sync: Iterable[bool]) -> bytes:
    return "".join("1" if same else "0" for same in in_sync).encode()


def decode_verdicts(body: bytes, count: int) -> list[bool]:
    """Raises ValueError when there are not as many as were asked for."""
    if len(body) != count or body.strip(b"01"):
        raise ValueError(f"not {count} digits: {body[:40]!r}")
    return [digit == 0x31 for digit in body]


# What peers send is held to what it can be


def _text(value: object, what: str) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{what} must be text")
    return value


def _whole(value: object, what: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"{what} must be a whole number")
    return value


def _timestamp(value: object, what: str) -> str:
    """As it stands; old peers may send a number where a text is meant."""
    text = value if isinstance(value, str) else str(_whole(value, what))
    Timestamp.from_text(text or "0")
    return text


def _metadata(value: object) -> str:
    """A JSON object of name to [value, timestamp], checked, as the text it came in."""
    text = _text(value or "", "metadata")
    if not text:
        return ""
    items = decode_json(text)
    if not isinstance(items, dict):
        raise ValueError("metadata must be a JSON object")
    for pair in items.values():
        if not isinstance(pair, list) or [type(part) for part in pair] != [str, str]:
            raise ValueError("each item of metadata must be a value and a timestamp")
    return text


def _items(value: object) -> list[Item]:
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise ValueError("rows must be a JSON array of objects")
    return value


def _point(item: Item) -> tuple[str, int]:
    return _text(item.get("remote_id"), "remote_id"), _whole(item.get("sync_point"), "sync_point")


def _file_name(value: object) -> str:
    """An id or a file's name: it becomes part of a path."""
    text = _text(value, "id")
    if not text or len(text) > 200 or "/" in text or "\x00" in text or text in (".", ".."):
        raise ValueError(f"not an id: {text[:40]!r}")
    return text
