"""What each node of an embedded cluster says by itself, asked directly and not through the proxy.

A listing through the proxy is one replica's; a promise about a quorum needs all of them.
"""

from __future__ import annotations

import http.client
import json
import urllib.parse
from dataclasses import dataclass
from pathlib import Path

from swiftlite.cluster import conf
from swiftlite.ring import Device, Ring
from swiftlite.vocab.hashing import suffix_of


@dataclass(frozen=True, slots=True)
class Database:
    """One replica of a container or account: its rows, and what its HEAD claims."""

    device: str
    rows: dict[str, tuple[int, int]]  # name -> (objects, bytes); for an object's row (1, bytes)
    claimed: dict[str, str]


class Replicas:
    """folder: that of `swiftlite server`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        swift_dir = folder / "etc"
        self._hash_path = conf.load(str(swift_dir)).hash_path
        self._accounts = Ring.load(str(swift_dir / "account.ring.gz"), self._hash_path)
        self._containers = Ring.load(str(swift_dir / "container.ring.gz"), self._hash_path)

    def account(self, account: str) -> list[Database]:
        partition, devices = self._accounts.nodes(account)
        return self._databases(devices, f"{partition}/{urllib.parse.quote(account)}")

    def container(self, account: str, container: str) -> list[Database]:
        partition, devices = self._containers.nodes(account, container)
        path = f"{partition}/{urllib.parse.quote(account)}/{urllib.parse.quote(container)}"
        return self._databases(devices, path)

    def pending_updates(self, account: str, container: str, name: str) -> int:
        """How many devices keep an update of this object's row for a container server."""
        digest = self._hash_path.hex(account, container, name)
        pattern = f"srv/*/*/async_pending/{suffix_of(digest)}/{digest}-*"
        return len({path.parents[2] for path in self._folder.glob(pattern)})

    def _databases(self, devices: tuple[Device, ...], path: str) -> list[Database]:
        found = (self._database(device, f"/{device.device}/{path}") for device in devices)
        return [database for database in found if database is not None]

    def _database(self, device: Device, path: str) -> Database | None:
        rows: dict[str, tuple[int, int]] = {}
        marker, claimed = "", {}
        while True:
            query = urllib.parse.urlencode({"format": "json", "marker": marker, "limit": "10000"})
            connection = http.client.HTTPConnection(device.ip, device.port, timeout=30)
            connection.request("GET", f"{path}?{query}")
            response = connection.getresponse()
            body = response.read()
            connection.close()
            if response.status == 404:
                return None
            if response.status not in (200, 204):
                raise OSError(f"{device.device}{path} was answered {response.status}")
            claimed = {name.lower(): value for name, value in response.getheaders()}
            page = json.loads(body) if body else []
            for row in page:
                rows[row["name"]] = (row.get("count", 1), row["bytes"])
            if len(page) < 10_000:
                return Database(device.device, rows, claimed)
            marker = page[-1]["name"]
