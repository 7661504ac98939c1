"""What a database file says, for people: opened to read, by its path, wherever it lies.

Nothing is repaired, migrated or merged, and no engine needs to know of it. A file whose locks
cannot be had, or that lies where nothing may be written, can be read as it is on disk (stale).
"""

from __future__ import annotations

import posixpath
import sqlite3
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import quote

from swiftlite.dbstore.errors import DatabaseDamaged, DatabaseError
from swiftlite.dbstore.facts import Metadata, decode_metadata
from swiftlite.formats.db_files import db_names_in, parse_db_name
from swiftlite.formats.db_schema.common import DELETED_STATUS
from swiftlite.host.disk import Disk
from swiftlite.vocab.timestamp import Timestamp

KindName = Literal["account", "container"]
_QUOTED_ROOT = "X-Container-Sysmeta-Shard-Quoted-Root"
_ROOT = "X-Container-Sysmeta-Shard-Root"
_WAIT_S = 5.0


@dataclass(frozen=True, slots=True)
class Sync:
    """How far rows were exchanged with another replica."""

    sync_point: int
    remote_id: str
    updated_at: str


@dataclass(frozen=True, slots=True)
class Inspection:
    """facts: the columns of account_stat or container_stat, metadata left out, as stored."""

    kind: KindName
    facts: dict[str, Any]
    metadata: Metadata
    incoming: list[Sync] = field(default_factory=list)
    outgoing: list[Sync] = field(default_factory=list)
    policies: dict[int, dict[str, int]] = field(default_factory=dict)
    shard_ranges: list[dict[str, Any]] = field(default_factory=list)
    db_state: str = "unsharded"

    @property
    def is_deleted(self) -> bool:
        facts = self.facts
        count = facts["container_count" if self.kind == "account" else "object_count"]
        if facts["status"] == DELETED_STATUS and self.kind == "account":
            return True
        put, deleted = (
            Timestamp.from_text(str(facts[key] or "0"))
            for key in ("put_timestamp", "delete_timestamp")
        )
        return not count and deleted > put

    @property
    def is_root(self) -> bool:
        """Not a shard of another container."""
        own = f"{self.facts['account']}/{self.facts.get('container')}"
        quoted = self.metadata.get(_QUOTED_ROOT, ("", ""))[0]
        plain = self.metadata.get(_ROOT, ("", ""))[0]
        return (quoted or quote(plain)) in ("", quote(own))


class NotThatKind(DatabaseError):
    """A database, but of something else."""


def inspect(disk: Disk, path: str, kind: KindName, *, stale: bool = False) -> Inspection:
    """Raises NotThatKind, DatabaseDamaged, or DatabaseError when it is locked for long."""
    mode = "immutable=1" if stale else "mode=ro"
    try:
        sql = sqlite3.connect(f"file:{quote(path)}?{mode}", uri=True, timeout=_WAIT_S)
    except sqlite3.Error as error:
        raise DatabaseError(path, str(error)) from error
    try:
        return _read(sql, disk, path, kind)
    except sqlite3.OperationalError as error:
        if "no such table" in str(error):
            raise NotThatKind(path, f"is not the database of an {kind}") from error
        raise DatabaseError(path, str(error)) from error
    except sqlite3.DatabaseError as error:
        raise DatabaseDamaged(path, str(error)) from error
    finally:
        sql.close()


def _read(sql: sqlite3.Connection, disk: Disk, path: str, kind: KindName) -> Inspection:
    sql.row_factory = sqlite3.Row
    found = sql.execute(f"SELECT * FROM {kind}_stat").fetchone()
    if found is None:
        raise DatabaseDamaged(path, f"missing row in {kind}_stat table")
    facts = dict(found)
    made = Inspection(
        kind,
        facts,
        decode_metadata(path, facts.pop("metadata", "")),
        _syncs(sql, "incoming_sync"),
        _syncs(sql, "outgoing_sync"),
        _policies(sql),
    )
    if kind == "container":
        made.shard_ranges.extend(_shard_ranges(sql))
        return Inspection(
            kind,
            facts,
            made.metadata,
            made.incoming,
            made.outgoing,
            made.policies,
            [one for one in made.shard_ranges if one["name"] != _own_name(facts)],
            _state(disk, path, facts, made.shard_ranges),
        )
    return made


def _rows(sql: sqlite3.Connection, query: str) -> list[sqlite3.Row]:
    """Nothing where an old schema lacks the table."""
    try:
        return sql.execute(query).fetchall()
    except sqlite3.OperationalError as error:
        if "no such table" in str(error):
            return []
        raise


def _syncs(sql: sqlite3.Connection, table: str) -> list[Sync]:
    found = []
    for row in _rows(sql, f"SELECT * FROM {table}"):
        values = dict(row)
        updated = str(values.get("updated_at") or "0")
        found.append(Sync(values["sync_point"], values["remote_id"], updated))
    return found


def _policies(sql: sqlite3.Connection) -> dict[int, dict[str, int]]:
    found = {}
    for row in _rows(sql, "SELECT * FROM policy_stat ORDER BY storage_policy_index"):
        values = dict(row)
        found[values.pop("storage_policy_index")] = values
    return found


def _shard_ranges(sql: sqlite3.Connection) -> list[dict[str, Any]]:
    query = "SELECT * FROM shard_range WHERE deleted = 0 ORDER BY lower, state, upper, name"
    return [dict(row) for row in _rows(sql, query)]


def _own_name(facts: dict[str, Any]) -> str:
    return f"{facts['account']}/{facts['container']}"


def _state(disk: Disk, path: str, facts: dict[str, Any], ranges: list[dict[str, Any]]) -> str:
    """How far sharding is, by the files beside this one and the container's own range."""
    folder, name = posixpath.split(path)
    parsed = parse_db_name(name)
    if parsed is None:
        return "unsharded"
    if len(db_names_in(disk.listdir(folder or "."), parsed.digest)) > 1:
        return "sharding"
    own = next((one for one in ranges if one["name"] == _own_name(facts)), None)
    if parsed.epoch is None or own is None or not own["epoch"]:
        return "unsharded"
    if Timestamp.from_text(str(own["epoch"])) != parsed.epoch:
        return "unsharded"
    return "sharded" if len(ranges) > 1 else "collapsed"
