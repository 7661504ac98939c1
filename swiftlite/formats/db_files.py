"""Where databases lie on a device, and what their files are called.

Pure names: nothing here looks at a disk. Paths are relative to the devices root's device unless a
function takes the device's path. Source: doc/formats/databases.md.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable
from typing import NamedTuple

from swiftlite.vocab.hashing import suffix_of
from swiftlite.vocab.timestamp import Timestamp

ACCOUNTS = "accounts"
CONTAINERS = "containers"
SYNC_CONTAINERS = "sync_containers"
QUARANTINED = "quarantined"
LOCK_NAME = ".lock"
PENDING_CAP = 131_072
"""Bytes after which OpenStack Swift merges a pending file at once."""

_is_hash = re.compile(r"[0-9a-f]{32}\Z").match


class DbName(NamedTuple):
    """A database's file name, taken apart. epoch is None before the first sharding."""

    digest: str
    epoch: Timestamp | None


def hash_dir(kind: str, partition: str | int, digest: str) -> str:
    """`containers/<partition>/<suffix>/<hash>`: the directory of one database."""
    return f"{kind}/{partition}/{suffix_of(digest)}/{digest}"


def db_name(digest: str, epoch: Timestamp | None = None) -> str:
    """`<hash>.db`, or `<hash>_<epoch>.db` once sharding has begun."""
    return f"{digest}.db" if epoch is None else f"{digest}_{epoch.normal}.db"


def parse_db_name(name: str) -> DbName | None:
    """Undo db_name; None for any other file (journals, locks, pending and temporary files)."""
    stem, dot, extension = name.rpartition(".")
    if not dot or extension != "db":
        return None
    digest, underscore, epoch = stem.partition("_")
    if not _is_hash(digest):
        return None
    if not underscore:
        return DbName(digest, None)
    try:
        return DbName(digest, Timestamp.from_text(epoch))
    except ValueError:
        return None


def db_names_in(names: Iterable[str], digest: str) -> list[str]:
    """The databases of one hash among the names of its directory, oldest epoch first.

    The last one takes writes; there are two while a container is being sharded.
    """
    found = []
    for name in names:
        parsed = parse_db_name(name)
        if parsed is not None and parsed.digest == digest:
            found.append((parsed.epoch.raw if parsed.epoch else -1, name))
    return [name for _, name in sorted(found)]


def pending_name(digest: str) -> str:
    """The file of rows not merged yet; it keeps the plain name whatever the epoch."""
    return f"{digest}.db.pending"


def quarantine_dir(kind: str, digest: str) -> str:
    """Where a directory that cannot be trusted is moved to; taken names get `-<uuid>` added."""
    return f"{QUARANTINED}/{kind}/{digest}"


def sync_link(db_path: str) -> str | None:
    """The path under `sync_containers` that marks a container as one that syncs.

    db_path is the absolute path of a database under `containers`; None for any other.
    """
    head, found, tail = db_path.rpartition(f"/{CONTAINERS}/")
    return posixpath.join(head, SYNC_CONTAINERS, tail) if found else None
