"""A disk replaced by an empty one, while clients read and write: full again, and nobody notices.

Starts an embedded cluster in DIR, fills it, takes all objects of one device away, and lets clients
go on until that device holds again what the ring says, file by file. Fails (exit code 1) if a
client meets an error, reads something else than was written, or the device is not full in time.

    python tools/acceptance/replaced_disk.py DIR [--objects 100000] [--size 1024] [--clients 4]
        [--port 8500] [--storage-port 7500] [--patience 1800]

Prints a line of JSON: how long it took, files and bytes a second, what clients did meanwhile.
"""

from __future__ import annotations

import argparse
import hashlib
import http.client
import json
import random
import shutil
import subprocess
import sys
import threading
import time
import urllib.parse
from dataclasses import dataclass, field
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

from swiftlite.cli.embedded.layout import Layout  # noqa: E402
from swiftlite.cluster import conf as cluster_conf  # noqa: E402
from swiftlite.ring import Ring  # noqa: E402

VICTIM = 2
NODES = 4


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


@dataclass
class Traffic:
    """What clients do while the disk fills."""

    port: int
    objects: int
    size: int
    over: threading.Event = field(default_factory=threading.Event)
    done: int = 0
    errors: list[str] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)

    def run(self, number: int) -> None:
        chance = random.Random(number)
        user = User(self.port)
        written = 0
        while not self.over.is_set():
            start = time.monotonic()
            if chance.random() < 0.7:
                name = f"/o{chance.randrange(self.objects)}"
                status, content = user.ask("GET", name)
                good = status == 200 and content == body_of(name, self.size)
            else:
                name = f"/new{number}-{written}"
                written += 1
                status, _ = user.ask("PUT", name, body_of(name, self.size))
                good = status == 201
            self.waits.append(time.monotonic() - start)
            self.done += 1
            if not good:
                self.errors.append(f"{name}: {status}")


def fill(port: int, objects: int, size: int, clients: int) -> None:
    user = User(port)
    assert user.ask("PUT", "")[0] in (201, 202)
    todo = iter(range(objects))
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


class Expected:
    """The objects that the ring wants on the victim."""

    def __init__(self, layout: Layout, account: str, objects: int) -> None:
        hash_path = cluster_conf.load(str(layout.etc)).hash_path
        ring = Ring.load(str(layout.ring("object")), hash_path)
        self.root = layout.device(VICTIM) / "objects"
        self.dirs = []
        for number in range(objects):
            names = (account, "c", f"o{number}")
            partition, primaries = ring.nodes(*names)
            if any(primary.zone == VICTIM for primary in primaries):
                name_hash = hash_path.hex(*names)
                self.dirs.append(self.root / str(partition) / name_hash[-3:] / name_hash)

    def missing(self) -> int:
        return sum(not any(one.glob("*.data")) for one in self.dirs)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("dir", type=Path)
    parser.add_argument("--objects", type=int, default=100_000)
    parser.add_argument("--size", type=int, default=1024)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--port", type=int, default=8500)
    parser.add_argument("--storage-port", type=int, default=7500)
    parser.add_argument("--patience", type=float, default=1800.0)
    chosen = parser.parse_args()
    chosen.dir = chosen.dir.resolve()
    words = [sys.executable, "-m", "swiftlite.cli.main", "server", str(chosen.dir), "--test-users"]
    words += ["--port", str(chosen.port), "--storage-port", str(chosen.storage_port)]
    cluster = subprocess.Popen(words, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)
    assert cluster.stdout is not None
    try:
        for line in cluster.stdout:
            if line.startswith("Ctrl-C"):
                return exercise(chosen)
        print("the cluster did not start", file=sys.stderr)
        return 1
    finally:
        cluster.terminate()
        cluster.wait()


def exercise(chosen: argparse.Namespace) -> int:
    fill(chosen.port, chosen.objects, chosen.size, chosen.clients * 4)
    layout = Layout(chosen.dir, NODES, chosen.storage_port)
    account = User(chosen.port).path.rpartition("/")[2]
    expected = Expected(layout, account, chosen.objects)
    end = time.monotonic() + chosen.patience
    while expected.missing() and time.monotonic() < end:  # replicas that a busy start has missed
        time.sleep(1)
    traffic = Traffic(chosen.port, chosen.objects, chosen.size)
    threads = [
        threading.Thread(target=traffic.run, args=(number,)) for number in range(chosen.clients)
    ]
    for thread in threads:
        thread.start()
    old = expected.root.with_name("taken out")
    expected.root.rename(old)
    start = time.monotonic()
    while (missing := expected.missing()) and time.monotonic() < end:
        time.sleep(0.5)
    took = time.monotonic() - start
    traffic.over.set()
    for thread in threads:
        thread.join()
    shutil.rmtree(old)
    count = len(expected.dirs)
    waits = sorted(traffic.waits)
    print(json.dumps({
        "objects": chosen.objects, "files of the disk": count, "still missing": missing,
        "seconds": round(took, 1), "files/s": round((count - missing) / took, 1),
        "MB/s": round((count - missing) * chosen.size / took / 1e6, 2),
        "requests meanwhile": traffic.done, "errors": len(traffic.errors),
        "first errors": traffic.errors[:5],
        "p50 s": round(waits[len(waits) // 2], 3) if waits else None,
        "p99 s": round(waits[int(len(waits) * 0.99)], 3) if waits else None,
    }))  # fmt: skip
    return 1 if missing or traffic.errors else 0


if __name__ == "__main__":
    sys.exit(main())
