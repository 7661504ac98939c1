"""Rows for one container, told to its container servers directly, as object servers tell them.

OpenStack Swift takes one row a request, swiftlite many (its lane for rows). To fill a container
beforehand Swift gets them by its replication call instead, which takes thousands.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from swiftlite.cluster import conf as cluster_conf
from swiftlite.host.bundle import Host
from swiftlite.peers.call import render_head
from swiftlite.peers.pool import Pool
from swiftlite.ring import Device, Ring
from swiftlite.vocab.timestamp import Timestamp

_PATIENCE_S = 120.0
_FILL_ROWS = 5000
_LANE_ROWS = 200
_MANY = ("X-Backend-Swiftlite", "rows")


@dataclass(slots=True)
class Told:
    """What a load of rows came to."""

    rows: int = 0
    failed: int = 0


class Replicas:
    """The container servers of one container, found in the side's own rings."""

    def __init__(self, host: Host, swift_dir: str, account: str, container: str) -> None:
        hash_path = cluster_conf.load(swift_dir).hash_path
        ring = Ring.load(f"{swift_dir}/container.ring.gz", hash_path)
        partition, self._devices = ring.nodes(account, container)
        self._host = host
        self._pool = Pool(host, conn_timeout=5.0, read_timeout=_PATIENCE_S)
        self._hash = hash_path.hex(account, container)
        self._place = f"{partition}/{account}/{container}"
        self._partition = partition
        self.takes_many = self._takes_many()

    def fill(self, numbers: range, tell: Callable[[int], None]) -> None:
        """The rows of these numbers, the same on every replica."""
        for first in range(0, len(numbers), _FILL_ROWS):
            batch = [row_of(n, self._now()) for n in numbers[first : first + _FILL_ROWS]]
            for device in self._devices:
                if self.takes_many:
                    status = self._update(device, batch)
                else:
                    merge = json.dumps(["merge_items", batch, None]).encode()
                    path = f"{self._partition}/{self._hash}"
                    status = self._ask(device, "REPLICATE", path, merge)
                if status >= 300:
                    raise SystemExit(f"filling the container was answered {status}")
            if (first + len(batch)) % 100_000 == 0:
                tell(first + len(batch))

    def load(self, seconds: float, clients: int, numbers: Iterator[int] | None = None) -> Told:
        """New rows into the first replica, as fast as it takes them; numbers: which, behind all
        others unless given."""
        told = Told()
        if numbers is None:
            numbers = iter(range(10**9, 2 * 10**9))
        until = self._host.clock.monotonic() + seconds
        tasks = [self._host.tasks.spawn(self._client, numbers, until, told) for _ in range(clients)]
        for task in tasks:
            task.wait()
        return told

    def close(self) -> None:
        self._pool.close()

    def _client(self, numbers: Iterator[int], until: float, told: Told) -> None:
        device, count = self._devices[0], _LANE_ROWS if self.takes_many else 1
        while self._host.clock.monotonic() < until:
            batch = [row_of(next(numbers), self._now()) for _ in range(count)]
            status = self._update(device, batch) if self.takes_many else self._put(device, batch[0])
            if status < 300:
                told.rows += count
            else:
                told.failed += 1

    def _update(self, device: Device, batch: list[dict[str, object]]) -> int:
        headers = [("X-Backend-Swiftlite-Rows", "1")]
        return self._ask(device, "UPDATE", self._place, json.dumps(batch).encode(), headers)

    def _put(self, device: Device, row: dict[str, object]) -> int:
        headers = [
            ("X-Timestamp", str(row["created_at"])),
            ("X-Size", str(row["size"])),
            ("X-Content-Type", str(row["content_type"])),
            ("X-Etag", str(row["etag"])),
        ]
        return self._ask(device, "PUT", f"{self._place}/{row['name']}", b"", headers)

    def _takes_many(self) -> bool:
        device = self._devices[0]
        head = render_head("HEAD", f"/{device.device}/{self._place}", [_MANY], device.address)
        deadline = self._host.clock.monotonic() + _PATIENCE_S
        answer = self._pool.open(device.address, head, deadline=deadline).answer(deadline)
        answer.close()
        return answer.headers.get(_MANY[0]) == _MANY[1]

    def _ask(
        self,
        device: Device,
        method: str,
        path: str,
        body: bytes,
        headers: list[tuple[str, str]] | None = None,
    ) -> int:
        target = f"/{device.device}/{path}"
        length = len(body)
        head = render_head(method, target, headers or [], device.address, content_length=length)
        deadline = self._host.clock.monotonic() + _PATIENCE_S
        exchange = self._pool.open(
            device.address, head, body=body, deadline=deadline, idempotent=True
        )
        answer = exchange.answer(deadline)
        answer.read_all(1 << 20)
        return answer.status

    def _now(self) -> str:
        return Timestamp.from_seconds(self._host.clock.wall()).internal


def row_of(number: int, moment: str) -> dict[str, object]:
    return {
        "name": f"photos/2026/{number:010d}.jpg",
        "created_at": moment,
        "size": number % 1_000_000,
        "content_type": "image/jpeg",
        "etag": f"{number:032x}",
        "deleted": 0,
        "storage_policy_index": 0,
        "ctype_timestamp": None,
        "meta_timestamp": None,
    }
