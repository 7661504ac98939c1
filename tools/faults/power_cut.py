"""Cut the power under load and see whether every acknowledged write is still there.

The embedded cluster, with all of its daemons, runs on an image on a loop device. While writers PUT,
overwrite and DELETE, the file system is shut down (cut_disk says what is lost then; a quarter of
the cuts flush the log), every server is killed, the image is mounted again and the cluster started.
Then each acknowledged object must be read back byte for byte and be listed by a quorum of its
container's replicas (or be kept for those that miss it), each acknowledged DELETE must have stayed
one, and the counts of container and account must be true. After every few cuts the passes have to
bring all replicas of objects and databases to the same state, with no update left to deliver.

A request that had no answer when the power went has an unknown outcome: either state is right.

Needs root, xfsprogs and loop devices.
Usage: python -m tools.faults.power_cut --cuts 50 [--file-system ext4] [--volatile]
"""

from __future__ import annotations

import argparse
import hashlib
import http.client
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from swiftlite.cli.embedded.layout import Layout
from swiftlite.cli.embedded.marker import read_marker
from tools.acceptance.chaos_verdict import Verdict
from tools.faults.cut_disk import KINDS, Disk
from tools.faults.lanes import switch_off
from tools.faults.replicas import Replicas

REPOSITORY = Path(__file__).resolve().parents[2]
ACCOUNT_USER, ACCOUNT_KEY = "test:tester", "testing"
SETTLE_S = 60.0  # how long counts may take to become true after a restart
MENDED_S = 180.0  # how long the passes may take
NODES = 4


class Wrong(Exception):
    """A promise was broken; the sentence says which."""


@dataclass(slots=True)
class Expectation:
    """What one name may hold: the last acknowledged state, or any attempt since then.

    A state is the MD5 of the body, or None for "no such object".
    """

    acknowledged: str | None = None
    attempts: list[str | None] = field(default_factory=list)
    size: int | None = None  # as read back; None when there is no such object

    def allowed(self) -> set[str | None]:
        return {self.acknowledged, *self.attempts}


class Ledger:
    """What the writers were told; written by many threads, read when they have ended."""

    def __init__(self) -> None:
        self.names: dict[tuple[str, str], Expectation] = {}
        self.containers: set[str] = set()
        self.acknowledged = 0
        self._lock = threading.Lock()

    def attempt(self, container: str, name: str, state: str | None) -> None:
        with self._lock:
            self.names.setdefault((container, name), Expectation()).attempts.append(state)

    def settle(self, container: str, name: str, state: str | None) -> None:
        with self._lock:
            expectation = self.names[container, name]
            expectation.acknowledged, expectation.attempts = state, []
            self.acknowledged += 1


class Client:
    """One keep-alive connection to the proxy, logged in."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        status, headers, _ = self.call(
            "GET", "/auth/v1.0", {"X-Auth-User": ACCOUNT_USER, "X-Auth-Key": ACCOUNT_KEY}
        )
        if status not in (200, 204):
            raise Wrong(f"the log-in was answered {status}")
        self._token = headers["x-auth-token"]
        self.root = urllib.parse.urlsplit(headers["x-storage-url"]).path

    def call(
        self, method: str, path: str, headers: dict[str, str] | None = None, body: bytes = b""
    ) -> tuple[int, dict[str, str], bytes]:
        self._connection.request(method, path, body or None, headers or {})
        response = self._connection.getresponse()
        data = response.read()
        return response.status, {k.lower(): v for k, v in response.getheaders()}, data

    def store(
        self, method: str, path: str, body: bytes = b"", *, newest: bool = False
    ) -> tuple[int, dict[str, str], bytes]:
        headers = {"X-Auth-Token": self._token}
        if newest:
            headers["X-Newest"] = "true"
        if method == "PUT":
            headers["Content-Length"] = str(len(body))
        return self.call(method, f"{self.root}{path}", headers, body)

    def close(self) -> None:
        self._connection.close()


class Cluster:
    """The embedded cluster as a process group of its own."""

    def __init__(self, data: Path, port: int, log: Path, *, lanes: bool = True) -> None:
        self.data, self.port, self._log = data, port, log
        self._lanes = lanes
        self._storage_port = 20_000 + port % 100 * 100
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        new = not self.data.exists()
        self._start_once()
        if new and not self._lanes:
            self.kill()
            marker = read_marker(self.data)
            assert marker is not None
            switch_off(Layout(self.data, marker.devices, marker.first_port))
            self._start_once()

    def _start_once(self, ready_within_s: float = 60.0) -> None:
        command = [sys.executable, "-m", "swiftlite.cli.main", "server", str(self.data)]
        command += ["--port", str(self.port), "--test-users"]
        if not self.data.exists():  # a block of ports that no other cluster here begins with
            command += ["--storage-port", str(self._storage_port)]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command, stdout=log, stderr=log, start_new_session=True, cwd=REPOSITORY
            )
        limit = time.monotonic() + ready_within_s
        while time.monotonic() < limit:
            if self._process.poll() is not None:
                raise Wrong(f"the cluster ended with {self._process.returncode}; see {self._log}")
            try:
                client = Client(self.port)
                status, _, _ = client.store("HEAD", "")
                client.close()
                if status // 100 == 2:
                    return
            except (OSError, http.client.HTTPException, Wrong):
                pass
            time.sleep(0.1)
        raise Wrong(f"the cluster was not ready within {ready_within_s:.0f} s; see {self._log}")

    def kill(self) -> None:
        """SIGKILL to every process of the cluster, as a power cut would."""
        assert self._process is not None
        members = list(_session_members(self._process.pid))
        for pid in members:
            _kill(pid)
        self._process.wait()
        while any(Path(f"/proc/{pid}").exists() and not _is_zombie(pid) for pid in members):
            time.sleep(0.02)


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _stat_fields(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _is_zombie(pid: int) -> bool:
    fields = _stat_fields(pid)
    return not fields or fields[0] == "Z"


def _session_members(leader: int) -> Iterator[int]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            fields = _stat_fields(int(entry.name))
            if len(fields) > 3 and int(fields[3]) == leader:
                yield int(entry.name)


def _body(chance: random.Random) -> bytes:
    size = chance.choice((0, 1, 700, 1024, 4096, 65_536, 70_000, 300_000, 1_500_000, 5_000_000))
    return chance.randbytes(size)


def write_until_dark(port: int, ledger: Ledger, seed: int, stop: threading.Event) -> None:
    """PUT, overwrite and DELETE in containers of this thread's own, until the power goes."""
    chance = random.Random(seed)
    container = f"c-{seed % 1000:03d}"
    try:
        client = Client(port)
        status, _, _ = client.store("PUT", f"/{container}")
        if status in (201, 202):
            ledger.containers.add(container)
        while not stop.is_set():
            name = f"o-{chance.randrange(400):04d}"
            if chance.random() < 0.15:
                ledger.attempt(container, name, None)
                status, _, _ = client.store("DELETE", f"/{container}/{name}")
                if status in (204, 404):
                    ledger.settle(container, name, None)
            else:
                body = _body(chance)
                digest = hashlib.md5(body).hexdigest()
                ledger.attempt(container, name, digest)
                status, _, _ = client.store("PUT", f"/{container}/{name}", body)
                if status == 201:
                    ledger.settle(container, name, digest)
    except (OSError, http.client.HTTPException, Wrong):
        return  # the power went: what was under way has an unknown outcome


def check_objects(client: Client, ledger: Ledger) -> int:
    """Read every name back through the proxy; gives how many are there. Raises Wrong."""
    live = 0
    for (container, name), expectation in sorted(ledger.names.items()):
        if container not in ledger.containers:
            continue  # the container itself was never acknowledged
        # A replica that missed the last write may answer a plain GET until it is mended.
        status, _, data = client.store("GET", f"/{container}/{name}", newest=True)
        state = hashlib.md5(data).hexdigest() if status == 200 else None
        if status not in (200, 404) or state not in expectation.allowed():
            allowed = sorted(str(s) for s in expectation.allowed())
            raise Wrong(f"{container}/{name}: {status} {state}, allowed {allowed}")
        expectation.size = len(data) if status == 200 else None
        live += status == 200
    return live


def check_listings(replicas: Replicas, account: str, ledger: Ledger) -> None:
    """An acknowledged change is in a quorum of the container's replicas, or kept for them.

    Replicas that miss a row get it from their peers or from the kept update later on.
    """
    for container in sorted(ledger.containers):
        databases = replicas.container(account, container)
        quorum = 2
        if len(databases) < quorum:
            raise Wrong(f"{container}: acknowledged, and on {len(databases)} devices")
        for (its_container, name), expectation in ledger.names.items():
            if its_container != container or expectation.attempts:
                continue
            row = None if expectation.size is None else (1, expectation.size)
            right = sum(database.rows.get(name) == row for database in databases)
            if right < quorum:
                right += replicas.pending_updates(account, container, name)
            if right < quorum:
                listed = {d.device: d.rows.get(name) for d in databases}
                raise Wrong(f"{container}/{name}: stored {row}, listed as {listed}, none kept")


def check_counts(replicas: Replicas, account: str, ledger: Ledger) -> None:
    """Each replica's counts are those of its rows; the account's become the containers'."""
    limit = time.monotonic() + SETTLE_S
    while True:
        complaint = _count_complaint(replicas, account, ledger)
        if complaint is None:
            return
        if time.monotonic() > limit:
            raise Wrong(complaint)
        time.sleep(0.25)


def _count_complaint(replicas: Replicas, account: str, ledger: Ledger) -> str | None:
    counts: dict[str, set[tuple[int, int]]] = {}
    for container in ledger.containers:
        for database in replicas.container(account, container):
            true = len(database.rows), sum(size for _, size in database.rows.values())
            claimed = tuple(
                int(database.claimed[f"x-container-{what}"])
                for what in ("object-count", "bytes-used")
            )
            if claimed != true:
                return f"{container} on {database.device} claims {claimed}, it lists {true}"
            counts.setdefault(container, set()).add(true)
    for database in replicas.account(account):
        for container, possible in counts.items():
            row = database.rows.get(container)
            if row not in possible:
                return f"account on {database.device}: {container} is {row}, not of {possible}"
        rows = database.rows.values()
        true3 = len(rows), sum(count for count, _ in rows), sum(size for _, size in rows)
        claimed3 = tuple(
            int(database.claimed[f"x-account-{what}"])
            for what in ("container-count", "object-count", "bytes-used")
        )
        if claimed3 != true3:
            return f"account on {database.device} claims {claimed3}, it lists {true3}"
    return None


def check_mended(cluster: Cluster) -> str:
    """The passes bring all replicas to the same state; how long it took. Raises Wrong."""
    began = time.monotonic()
    verdict = Verdict(cluster.data, NODES, cluster.port)
    while wrong := verdict.unequal():
        if time.monotonic() - began > MENDED_S:
            raise Wrong(f"not mended after {MENDED_S:.0f} s: {wrong[:3]}")
        time.sleep(1.0)
    if mistakes := verdict.mistakes():
        raise Wrong(f"a daemon or server had an exception: {mistakes[:3]}")
    return f"mended in {time.monotonic() - began:.0f} s"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def one_cut(disk: Disk, cluster: Cluster, ledger: Ledger, chance: random.Random, cut: int) -> str:
    stop = threading.Event()
    before = ledger.acknowledged
    writers = [
        threading.Thread(
            target=write_until_dark, args=(cluster.port, ledger, cut * 1000 + n, stop), daemon=True
        )
        for n in range(6)
    ]
    for writer in writers:
        writer.start()
    time.sleep(chance.uniform(0.3, 4.0))  # the random instant; nothing waits for it
    flush_log = chance.random() < 0.25
    disk.cut_power(flush_log=flush_log)
    cluster.kill()
    stop.set()
    for writer in writers:
        writer.join(60)
    disk.unmount()
    disk.mount()
    cluster.start()
    client = Client(cluster.port)
    live = check_objects(client, ledger)
    account = client.root.rpartition("/")[2]
    replicas = Replicas(cluster.data)
    check_listings(replicas, account, ledger)
    check_counts(replicas, account, ledger)
    client.close()
    unknown = sum(bool(expectation.attempts) for expectation in ledger.names.values())
    kind = "log flushed" if flush_log else "log lost"
    return (
        f"cut {cut}: {ledger.acknowledged - before} acknowledged writes, {unknown} unknown, "
        f"{live} objects live, {kind}: all there and listed"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--cuts", type=int, default=50, help="how many cuts (default 50)")
    parser.add_argument("--seed", type=int, default=None, help="repeat a run's random choices")
    parser.add_argument("--size-gib", type=int, default=16, help="size of the sparse image")
    parser.add_argument("--file-system", choices=KINDS, default="xfs")
    parser.add_argument(
        "--volatile", action="store_true", help="the disk loses what it was not told to flush"
    )
    parser.add_argument("--mended-every", type=int, default=5, help="cuts between looks at peace")
    parser.add_argument("--dir", help="where image and logs go (a temporary folder)")
    parser.add_argument("--lanes", choices=("on", "off"), default="on", help="the fast lanes")
    parser.add_argument("--keep", action="store_true", help="leave image and logs when it fails")
    options = parser.parse_args()
    seed = random.randrange(1 << 30) if options.seed is None else options.seed
    chance = random.Random(seed)
    print(f"seed {seed}", flush=True)
    folder = Path(tempfile.mkdtemp(prefix="power-cut-", dir=options.dir))
    disk = Disk(folder, options.size_gib, options.file_system, volatile=options.volatile)
    log = folder / "cluster.log"
    cluster = Cluster(disk.mount_point / "cluster", _free_port(), log, lanes=options.lanes == "on")
    ledger = Ledger()
    failed = False
    try:
        cluster.start()
        for cut in range(1, options.cuts + 1):
            told = one_cut(disk, cluster, ledger, chance, cut)
            if cut % options.mended_every == 0 or cut == options.cuts:
                told += f"; {check_mended(cluster)}"
            print(told, flush=True)
    except Wrong as wrong:
        failed = True
        print(f"FAILED: {wrong} (seed {seed}; log {log})", flush=True)
    finally:
        cluster.kill()
        if not (failed and options.keep):
            disk.unmount()
            shutil.rmtree(folder)
    if not failed:
        print(f"{options.cuts} cuts, {ledger.acknowledged} acknowledged writes, none lost")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
