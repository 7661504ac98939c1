"""Engines over a folder of the real file system, and a few shortcuts for tests of databases."""

from __future__ import annotations

import dataclasses
import os
import sqlite3
from pathlib import Path

from swiftlite.config.units import Reserve
from swiftlite.dbstore import (
    ACCOUNT_KIND,
    CONTAINER_KIND,
    AccountBroker,
    ContainerBroker,
    Devices,
    Engine,
    StoreSettings,
)
from swiftlite.dbstore.container import Changed, Put
from swiftlite.dbstore.rows import ContainerRow, ObjectRow, object_row
from swiftlite.formats.db_schema.common import chexor
from swiftlite.host.bundle import Host
from swiftlite.host.disk import Disk
from swiftlite.host.plain import make_host
from swiftlite.vocab.hashing import HashPath
from swiftlite.vocab.limits import Limits
from swiftlite.vocab.timestamp import Timestamp

NOW = Timestamp.from_seconds(1_700_000_000)
HASH_PATH = HashPath(b"", b"changeme")
LIMITS = Limits()


class ListLog:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def warning(self, message: str) -> None:
        self.lines.append(message)

    error = info = warning


def at(seconds: float) -> Timestamp:
    """NOW and so many seconds."""
    return NOW.plus(round(seconds * 100_000))


def row(name: str, seconds: float = 0, size: int = 1, **more: object) -> ObjectRow:
    """An object's row, made `seconds` after NOW."""
    fields: dict[str, object] = {"content_type": "text/plain", "etag": "etag", **more}
    created_at = str(fields.pop("created_at", at(seconds).internal))
    return object_row(name, created_at, size, **fields)  # type: ignore[arg-type]  # names of fields


class Store:
    """One device, `sda1`, with account `a` and container `c` of partition 7; not made yet."""

    def __init__(
        self,
        root: Path,
        *,
        host: Host | None = None,
        disk: Disk | None = None,
        reserve: Reserve = Reserve(),  # a value
        mount_check: bool = False,
        **settings: object,
    ) -> None:
        self.root = root
        self.host = host or make_host()
        self.log = ListLog()
        self.disk = disk or self.host.disk
        (root / "sda1").mkdir(parents=True, exist_ok=True)
        devices = Devices(self.disk, str(root), mount_check, reserve)
        self.settings = dataclasses.replace(
            StoreSettings(HASH_PATH),
            **settings,  # type: ignore[arg-type]  # names of settings
        )
        self.containers: Engine[ObjectRow] = Engine(
            CONTAINER_KIND, devices, self.host, self.settings, self.log
        )
        self.accounts: Engine[ContainerRow] = Engine(
            ACCOUNT_KIND, devices, self.host, self.settings, self.log
        )

    def container(self, name: str = "c", account: str = "a") -> ContainerBroker:
        digest = HASH_PATH.hex(account, name)
        return ContainerBroker(self.containers, self.containers.place("sda1", "7", digest))

    def account(self, name: str = "a") -> AccountBroker:
        return AccountBroker(self.accounts, self.accounts.place("sda1", "7", HASH_PATH.hex(name)))

    def made_container(self, name: str = "c") -> ContainerBroker:
        broker = self.container(name)
        self.put(broker, name=name)
        return broker

    def made_account(self) -> AccountBroker:
        broker = self.account()
        broker.put("a", NOW, {}, LIMITS, NOW)
        return broker

    def put(
        self,
        broker: ContainerBroker,
        seconds: float = 0,
        *,
        name: str = "c",
        policy: int | None = None,
        **metadata: str,
    ) -> Changed:
        """PUT the container; keywords are metadata, Colour -> X-Container-Meta-Colour."""
        items = {f"X-Container-Meta-{key}": value for key, value in metadata.items()}
        put = Put(at(seconds), policy, policy or 0, items)
        return broker.put("a", name, put, LIMITS, at(seconds))

    def close(self) -> None:
        self.containers.close()
        self.accounts.close()


def connect(path: str | os.PathLike[str]) -> sqlite3.Connection:
    """A connection beside the house's, as another program would open it."""
    sql = sqlite3.connect(path, isolation_level=None)
    sql.create_function("chexor", 3, chexor)
    return sql


def names(broker: ContainerBroker) -> list[str]:
    """The names that a plain listing shows."""
    from swiftlite.dbstore import Folder, Window

    _, entries = broker.listing(Window(10_000, allow_reserved=True), None)
    return [entry.name if isinstance(entry, Folder) else entry[0] for entry in entries]


def recount(path: str | os.PathLike[str]) -> tuple[dict[int, tuple[int, int]], str]:
    """Counts and bytes per policy, and the hash, added up from a container's rows themselves."""
    sql = connect(path)
    counts: dict[int, tuple[int, int]] = {}
    digest = "0" * 32
    query = "SELECT name, created_at, size, deleted, storage_policy_index FROM object"
    for name, created_at, size, deleted, policy in sql.execute(query):
        objects, total = counts.get(policy, (0, 0))
        counts[policy] = objects + 1 - deleted, total + size
        digest = chexor(digest, name, created_at)
    sql.close()
    return counts, digest


def kept(path: str | os.PathLike[str]) -> tuple[dict[int, tuple[int, int]], str]:
    """The same as the statistics tables have it, policies without rows left out."""
    sql = connect(path)
    found = sql.execute("SELECT storage_policy_index, object_count, bytes_used FROM policy_stat")
    counts = {policy: (objects, size) for policy, objects, size in found}
    digest = sql.execute("SELECT hash FROM container_info").fetchone()[0]
    present = {p for (p,) in sql.execute("SELECT DISTINCT storage_policy_index FROM object")}
    sql.close()
    return {policy: both for policy, both in counts.items() if policy in present}, str(digest)
