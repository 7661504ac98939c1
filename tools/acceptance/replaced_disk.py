"""A disk replaced by an empty one, while clients read and write: full again, and nobody notices.

Fills a cluster of four devices with objects, exchanges one device for an empty one, and lets
clients go on until it holds again what the rings say, file by file: objects, and the databases of
account and container. Fails (exit code 1) if a client meets an error, reads something else than
was written, or the device is not full in time.

    python -m tools.acceptance.replaced_disk DIR [--objects 100000] [--size 1024] [--clients 4]
        [--rate 40] [--port 8500] [--storage-port 7500] [--patience 1800] [--straight]
        [--only fill|replace]
    python -m tools.acceptance.replaced_disk --peer HOME ...

An embedded cluster is made in DIR, or started if it is there; one that was filled before, or in
part, gets what is missing. --peer: the running OpenStack Swift, with its daemons, whose folder this
is. --straight: objects are written to the devices and not PUT, which is sooner done; no container
lists them then. --rate: requests a second of all clients together. Prints lines of JSON: what was
filled, and how long the rest took, files and bytes a second, processor time of the cluster and what
clients did meanwhile.
"""

from __future__ import annotations

import argparse
import hashlib
import http.client
import json
import os
import random
import shutil
import sys
import threading
import time
import urllib.parse
from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from swiftlite.cli.bench.processes import with_descendants
from swiftlite.cli.embedded.layout import Layout
from swiftlite.cluster import conf as cluster_conf
from swiftlite.formats.block_checksums import ATTRIBUTE, BlockSummer, encode_blocks
from swiftlite.formats.metadata import attributes_of, encode_metadata
from swiftlite.ring import Ring
from swiftlite.vocab.timestamp import Timestamp
from tools.embedded import Embedded

VICTIM = 2
NODES = 4
_CLOCK = os.sysconf("SC_CLK_TCK")


class User:
    """One connection of the object API."""

    def __init__(self, port: int) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        headers = {"X-Auth-User": "test:tester", "X-Auth-Key": "testing"}
        _, found, _ = self.send("GET", "/auth/v1.0", headers=headers)
        self.token = found["x-auth-token"]
        self.path = urllib.parse.urlsplit(found["x-storage-url"]).path

    def send(
        self, verb: str, path: str, body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> tuple[int, dict[str, str], bytes]:  # fmt: skip
        self.connection.request(verb, path, body, headers or {})
        answer = self.connection.getresponse()
        found = {name.lower(): value for name, value in answer.getheaders()}
        return answer.status, found, answer.read()

    def ask(self, verb: str, name: str, body: bytes | None = None) -> tuple[int, bytes]:
        path = f"{self.path}/c{name}"
        status, _, content = self.send(verb, path, body, {"X-Auth-Token": self.token})
        return status, content


def body_of(name: str, size: int) -> bytes:
    seed = hashlib.md5(name.encode()).digest()
    return (seed * (size // len(seed) + 1))[:size]


@dataclass(frozen=True)
class Field:
    """A cluster of either kind. devices: one in each zone, in their order."""

    port: int
    swift_dir: Path
    note: Path
    pids: tuple[int, ...]
    devices: tuple[Path, ...]
    form: str
    """Of metadata."""

    @classmethod
    def embedded(cls, cluster: Embedded, port: int, storage_port: int) -> Field:
        layout = Layout(cluster.root, NODES, storage_port)
        note = cluster.root / "filled.json"
        devices = tuple(layout.device(node) for node in range(1, NODES + 1))
        return cls(port, layout.etc, note, (cluster.pid,), devices, "msgpack")

    @classmethod
    def peer(cls, home: Path) -> Field:
        ready = dict(line.split("=", 1) for line in (home / "saio.ready").read_text().split())
        port = urllib.parse.urlsplit(ready["AUTH_URL"]).port
        assert port is not None
        pids = [int(file.read_text().split()[0]) for file in Path(ready["PID_DIR"]).glob("*.pid")]
        devices = tuple(home / f"mnt/{node}/node/sdb{node}" for node in range(1, NODES + 1))
        swift_dir = Path(ready["SWIFT_DIR"])
        return cls(port, swift_dir, home / "filled.json", tuple(pids), devices, "swift")

    @property
    def device(self) -> Path:
        """The one that will be replaced."""
        return self.devices[VICTIM - 1]

    def cpu_seconds(self) -> float:
        """Of all its processes, those included that have ended and been waited for."""
        ticks = 0
        for pid in with_descendants(self.pids):
            try:
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            ticks += sum(int(number) for number in fields[11:15])
        return ticks / _CLOCK


@dataclass
class Traffic:
    """What clients do while the disk fills; rate: requests a second of each of them."""

    port: int
    objects: int
    size: int
    rate: float
    over: threading.Event = field(default_factory=threading.Event)
    done: int = 0
    errors: list[str] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)

    def run(self, number: int) -> None:
        chance = random.Random(number)
        user = User(self.port)
        written = 0
        due = time.monotonic()
        while not self.over.is_set():
            start = time.monotonic()
            if chance.random() < 0.7:
                name = f"/o{chance.randrange(self.objects)}"
                status, content = user.ask("GET", name)
                good = status == 200 and content == body_of(name, self.size)
            else:
                name = f"/new{number}-{time.time_ns()}-{written}"
                written += 1
                status, _ = user.ask("PUT", name, body_of(name, self.size))
                good = status == 201
            self.waits.append(time.monotonic() - start)
            self.done += 1
            if not good:
                self.errors.append(f"{name}: {status}")
            due = max(due + 1 / self.rate, time.monotonic() - 1)
            self.over.wait(max(0.0, due - time.monotonic()))


def fill(port: int, numbers: range, size: int, clients: int) -> None:
    user = User(port)
    assert user.ask("PUT", "")[0] in (201, 202)
    todo = iter(numbers)
    lock = threading.Lock()
    wrong: list[int] = []

    def work() -> None:
        mine = User(port)
        while True:
            with lock:
                number = next(todo, None)
            if number is None:
                return
            name = f"/o{number}"
            status, _ = mine.ask("PUT", name, body_of(name, size))
            if status != 201:
                wrong.append(status)

    threads = [threading.Thread(target=work) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong, wrong[:5]


def fill_straight(where: Field, numbers: range, size: int) -> None:
    """Objects on all their primaries, as object servers would have left them."""
    user = User(where.port)
    assert user.ask("PUT", "")[0] in (201, 202)
    account = user.path.rpartition("/")[2]
    hash_path = cluster_conf.load(str(where.swift_dir)).hash_path
    ring = Ring.load(str(where.swift_dir / "object.ring.gz"), hash_path)
    stamp = Timestamp.from_seconds(time.time()).internal
    for number in numbers:
        name = f"o{number}"
        body = body_of(f"/{name}", size)
        metadata = {
            "name": f"/{account}/c/{name}",
            "X-Timestamp": stamp,
            "Content-Type": "application/octet-stream",
            "Content-Length": str(size),
            "ETag": hashlib.md5(body).hexdigest(),
        }
        attributes = attributes_of(encode_metadata(metadata, where.form))
        if where.form == "msgpack":
            summer = BlockSummer(size)
            summer.update(body)
            attributes.append((ATTRIBUTE, encode_blocks(summer.finish())))
        partition, primaries = ring.nodes(account, "c", name)
        name_hash = hash_path.hex(account, "c", name)
        for primary in primaries:
            top = where.devices[primary.zone - 1] / "objects" / str(partition)
            place = top / name_hash[-3:] / name_hash
            place.mkdir(parents=True, exist_ok=True)
            file = place / f"{stamp}.data"
            file.write_bytes(body)
            for key, value in attributes:
                os.setxattr(file, key, value)
            with (top / "hashes.invalid").open("a") as marks:
                marks.write(f"{name_hash[-3:]}\n")


class Expected:
    """Hash dirs that the rings want on the victim: of the objects, and of the databases."""

    def __init__(self, where: Field, account: str, objects: int) -> None:
        self._hash_path = cluster_conf.load(str(where.swift_dir)).hash_path
        self._where = where
        self._left: dict[Path, list[Path]] = {}  # by partition; what was seen is not looked for
        self.objects = self._add("object", ((account, "c", f"o{n}") for n in range(objects)))
        self.databases = self._add("container", [(account, "c")])
        self.databases += self._add("account", [(account,)])

    def _add(self, kind: str, names: Iterable[tuple[str, ...]]) -> int:
        ring = Ring.load(str(self._where.swift_dir / f"{kind}.ring.gz"), self._hash_path)
        folder = self._where.device / f"{kind}s"
        count = 0
        for parts in names:
            partition, primaries = ring.nodes(*parts)
            if any(primary.zone == VICTIM for primary in primaries):
                name_hash = self._hash_path.hex(*parts)
                top = folder / str(partition)
                self._left.setdefault(top, []).append(top / name_hash[-3:] / name_hash)
                count += 1
        return count

    def missing(self) -> int:
        for top in [top for top in self._left if top.is_dir()]:
            self._left[top] = [one for one in self._left[top] if not _holds_something(one)]
            if not self._left[top]:
                del self._left[top]
        return sum(len(left) for left in self._left.values())


def _holds_something(place: Path) -> bool:
    try:
        return any(name.endswith((".data", ".db")) for name in os.listdir(place))
    except FileNotFoundError:
        return False


def wait_until_full(expected: Expected, end: float, *, tell: bool) -> int:
    """What is missing still, in the end."""
    begin = told = time.monotonic()
    while True:
        start = time.monotonic()
        missing = expected.missing()
        now = time.monotonic()
        if not missing or now > end:
            return missing
        if tell and now - told > 30:
            told = now
            print(f"{now - begin:.0f} s: {missing} missing", file=sys.stderr, flush=True)
        time.sleep(max(0.5, 20 * (now - start)))  # a twentieth of a processor


def fill_once(where: Field, chosen: argparse.Namespace) -> None:
    there = json.loads(where.note.read_text()) if where.note.exists() else {"objects": 0}
    numbers = range(there["objects"], chosen.objects)
    if not numbers:
        return
    assert there.get("size", chosen.size) == chosen.size, "it was filled with other bodies"
    start = time.monotonic()
    if chosen.straight:
        fill_straight(where, numbers, chosen.size)
    else:
        fill(where.port, numbers, chosen.size, chosen.clients * 4)
    where.note.write_text(json.dumps({"objects": chosen.objects, "size": chosen.size}))
    took = round(time.monotonic() - start, 1)
    print(json.dumps({"filled with": len(numbers), "seconds": took}), flush=True)


def replace(where: Field, chosen: argparse.Namespace) -> int:
    account = User(where.port).path.rpartition("/")[2]
    patience = chosen.patience
    if wait_until_full(
        Expected(where, account, chosen.objects), time.monotonic() + patience, tell=False
    ):
        print("the device was not full to begin with", file=sys.stderr)
        return 1
    expected = Expected(where, account, chosen.objects)
    traffic = Traffic(where.port, chosen.objects, chosen.size, chosen.rate / chosen.clients)
    threads = [
        threading.Thread(target=traffic.run, args=(number,)) for number in range(chosen.clients)
    ]
    for thread in threads:
        thread.start()
    outside = where.device.parent.parent
    old, fresh = outside / "taken-out", outside / "fresh"
    fresh.mkdir()
    cpu = where.cpu_seconds()
    start = time.monotonic()
    where.device.rename(old)
    fresh.rename(where.device)
    missing = wait_until_full(expected, start + patience, tell=True)
    took = time.monotonic() - start
    cpu = where.cpu_seconds() - cpu
    traffic.over.set()
    for thread in threads:
        thread.join()
    shutil.rmtree(old)
    back = expected.objects + expected.databases - missing
    waits = sorted(traffic.waits)
    print(json.dumps({
        "objects": chosen.objects, "files of the disk": expected.objects,
        "databases": expected.databases, "still missing": missing, "seconds": round(took, 1),
        "files/s": round(back / took, 1), "MB/s": round(back * chosen.size / took / 1e6, 2),
        "cpu s": round(cpu, 1), "requests meanwhile": traffic.done,
        "errors": len(traffic.errors), "first errors": traffic.errors[:5],
        "p50 s": round(waits[len(waits) // 2], 3), "p99 s": round(waits[len(waits) * 99 // 100], 3),
        "longest s": round(waits[-1], 3),
    }), flush=True)  # fmt: skip
    return 1 if missing or traffic.errors else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("dir", type=Path, nargs="?")
    parser.add_argument("--peer", type=Path)
    parser.add_argument("--objects", type=int, default=100_000)
    parser.add_argument("--size", type=int, default=1024)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--rate", type=float, default=40.0)
    parser.add_argument("--port", type=int, default=8500)
    parser.add_argument("--storage-port", type=int, default=7500)
    parser.add_argument("--patience", type=float, default=1800.0)
    parser.add_argument("--straight", action="store_true")
    parser.add_argument("--only", choices=("fill", "replace"))
    chosen = parser.parse_args()
    if (chosen.dir is None) == (chosen.peer is None):
        parser.error("either DIR or --peer HOME")
    cluster = None
    if chosen.dir is not None:
        cluster = Embedded(chosen.dir.resolve(), chosen.port, chosen.storage_port)
    with cluster or nullcontext():
        if cluster is None:
            where = Field.peer(chosen.peer)
        else:
            where = Field.embedded(cluster, chosen.port, chosen.storage_port)
        if chosen.only != "replace":
            fill_once(where, chosen)
        return replace(where, chosen) if chosen.only != "fill" else 0


if __name__ == "__main__":
    sys.exit(main())
