"""The options that account and container servers share about their databases."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from swiftlite.config.option import Seconds, opt
from swiftlite.config.units import Reserve, parse_reserve
from swiftlite.dbstore.connection import JournalMode
from swiftlite.vocab.hashing import HashPath

ListingIndex = Literal["covering", "swift"]


@dataclass(frozen=True, slots=True)
class DatabaseOptions:
    """Part of the tables of account-server and container-server."""

    devices: str = opt("/srv/node", "Folder under which devices are mounted.")
    mount_check: bool = opt(True, "Refuse to use a device that is not a mount point.")
    fallocate_reserve: Reserve = opt(
        Reserve(percent=1.0),
        "Room to keep free on each device, in bytes or as a share (1%); within it writes get 507.",
        parse=parse_reserve,
    )
    disable_fallocate: bool = opt(
        False, "Read for confs written for OpenStack Swift; new databases are written whole."
    )
    db_journal_mode: str = opt(
        "wal",
        "How SQLite keeps a transaction whole. wal: one write and one sync for many rows. delete: "
        "as OpenStack Swift does, for devices that its processes use at the same time.",
        choices=("wal", "delete"),
    )
    db_listing_index: str = opt(
        "covering",
        "Index of new databases. covering: it holds all that a listing shows (listings 3 times "
        "as fast, files 1.5 times as large). swift: names alone. Either serves both programs.",
        choices=("covering", "swift"),
    )
    db_connections: int = opt(
        256, "Idle database connections that a worker keeps open.", minimum=1, maximum=100_000
    )
    db_timeout: Seconds = opt(
        25.0, "How long a request waits for others who hold its database.", minimum=0
    )
    db_preallocation: bool = opt(
        False, "Read for confs written for OpenStack Swift; databases grow as SQLite asks."
    )
    db_query_logging: bool = opt(
        False, "Read for confs written for OpenStack Swift; queries are not logged."
    )


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """What the engine needs to know beside its devices."""

    hash_path: HashPath
    journal_mode: JournalMode = "wal"
    listing_index: ListingIndex = "covering"
    connections: int = 256
    broker_timeout: float = 25.0
    pending_timeout: float = 10.0


def store_settings(options: DatabaseOptions, hash_path: HashPath) -> StoreSettings:
    return StoreSettings(
        hash_path,
        journal_mode="delete" if options.db_journal_mode == "delete" else "wal",
        listing_index="swift" if options.db_listing_index == "swift" else "covering",
        connections=options.db_connections,
        broker_timeout=options.db_timeout,
    )
