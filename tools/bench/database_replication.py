"""What a replication pass over databases in sync costs: ours, and OpenStack Swift's beside it.

Three nodes with a device each, every container on all of them. The CPU time counted is that of the
three replicators while they run, and of the three servers that they ask.

    database_replication.py [--databases 1000] [--rows 50] [--passes 3] [--swift-python PYTHON]
                            [--folder /tmp/…] [--first-port 7400]
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from swiftlite.config.units import Reserve
from swiftlite.dbstore import CONTAINER_KIND, ContainerBroker, Devices, Engine, StoreSettings
from swiftlite.dbstore.rows import object_row
from swiftlite.host import plain
from swiftlite.ring import Ring, RingBuilder
from swiftlite.vocab.hashing import HashPath
from swiftlite.vocab.timestamp import Timestamp

PEER = Path(__file__).parents[1] / "interop" / "database_peer.py"
HASH_PATH = HashPath(b"", b"changeme")
SWIFT_CONF = """[swift-hash]
swift_hash_path_suffix = changeme
[storage-policy:0]
name = gold
default = yes
"""
SERVER_CONF = """[DEFAULT]
devices = {folder}
mount_check = no
swift_dir = {folder}
bind_ip = 127.0.0.1
bind_port = {port}
workers = 0
recon_cache_path = {folder}
log_level = ERROR
[pipeline:main]
pipeline = container-server
[app:container-server]
use = egg:swiftlite#container
log_requests = no
fallocate_reserve = 0
[container-replicator]
databases_per_second = 0
interval = 2
"""
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Node:
    folder: Path
    port: int
    server: subprocess.Popen[bytes] | None = None

    def server_cpu(self) -> float:
        assert self.server is not None
        fields = Path(f"/proc/{self.server.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS


class Log:
    def warning(self, message: str) -> None:
        print(message, file=sys.stderr)

    error = warning


def fill(nodes: Sequence[Node], ring: Ring, count: int, rows: int) -> None:
    """Databases with rows on the first node; replication brings them to the others."""
    host = plain.make_host()
    devices = Devices(host.disk, str(nodes[0].folder), False, Reserve())
    engine = Engine(CONTAINER_KIND, devices, host, StoreSettings(HASH_PATH), Log())
    now = Timestamp.from_seconds(host.clock.wall())
    for number in range(count):
        name = f"container-{number}"
        place = engine.place("sd0", str(ring.partition("a", name)), HASH_PATH.hex("a", name))
        broker = ContainerBroker(engine, place)
        broker.create("a", name, now, 0, {"X-Container-Meta-Colour": "blue"}, now)
        broker.merge_rows(
            [object_row(f"object-{n}", now.normal, 10, "text/plain", "etag") for n in range(rows)]
        )
    engine.close()


def start(nodes: Sequence[Node], command: Sequence[str]) -> None:
    for node in nodes:
        words = [word.format(folder=node.folder, port=node.port) for word in command]
        node.server = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until = time.monotonic() + 30
        while subprocess.run(
            ["bash", "-c", f"exec 3<>/dev/tcp/127.0.0.1/{node.port}"], stderr=subprocess.DEVNULL
        ).returncode:
            assert time.monotonic() < until, "the server did not come up"
            time.sleep(0.05)


def stop(nodes: Sequence[Node]) -> None:
    for node in nodes:
        assert node.server is not None
        node.server.terminate()
        node.server.wait()


def cpu_of(process: subprocess.Popen[bytes]) -> float:
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def recon(node: Node) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads((node.folder / "container.recon").read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return found


def measure(title: str, nodes: Sequence[Node], run: Sequence[str], passes: int) -> None:
    """CPU of a pass of the three replicators while they run, and of the servers meanwhile.

    The first pass of each is told apart: nothing is remembered then, and programs start.
    """
    daemons = []
    marks: list[list[tuple[float, float]]] = [[] for _ in nodes]  # per pass: daemon's, servers'
    served = [sum(node.server_cpu() for node in nodes)]
    for node in nodes:
        (node.folder / "container.recon").unlink(missing_ok=True)
        words = [word.format(folder=node.folder, port=node.port) for word in run]
        daemons.append(
            subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        )
    last: list[float] = [0.0] * len(nodes)
    try:
        while min(map(len, marks)) <= passes:
            time.sleep(0.1)
            for number, (node, daemon) in enumerate(zip(nodes, daemons, strict=True)):
                at = recon(node).get("replication_last", 0.0)
                if at != last[number]:
                    last[number] = at
                    servers = sum(node.server_cpu() for node in nodes)
                    marks[number].append((cpu_of(daemon), servers))
    finally:
        for daemon in daemons:
            daemon.kill()
            daemon.wait()
    first = sum(mine[0][0] for mine in marks)
    spent = sum((mine[-1][0] - mine[0][0]) / (len(mine) - 1) for mine in marks)
    rounds = sum(len(mine) - 1 for mine in marks) / len(nodes)
    begun, ended = max(mine[0][1] for mine in marks), max(mine[-1][1] for mine in marks)
    stats = recon(nodes[0])["replication_stats"]
    print(
        f"{title}: a pass of all three: replicators {spent:.2f} s, servers "
        f"{(ended - begun) / rounds:.2f} s of CPU; the first pass, starting included: replicators "
        f"{first:.2f} s, servers {begun - served[0]:.2f} s ({stats['attempted']} databases, "
        f"{stats['no_change']} no_change, {stats['failure']} failures)",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--databases", type=int, default=1000)
    parser.add_argument("--rows", type=int, default=50)
    parser.add_argument("--passes", type=int, default=3)
    parser.add_argument("--swift-python")
    parser.add_argument("--folder", default="/tmp/database-replication")
    parser.add_argument("--first-port", type=int, default=7400)
    chosen = parser.parse_args()
    root = Path(chosen.folder)
    shutil.rmtree(root, ignore_errors=True)
    nodes = [Node(root / f"node{n}", chosen.first_port + n) for n in range(3)]
    builder = RingBuilder.create(10, 3, 1)
    for number, node in enumerate(nodes):
        builder.add_device(
            zone=number, ip="127.0.0.1", port=node.port, device=f"sd{number}", weight=1.0
        )
    builder.rebalance(0.0)
    ring = builder.ring(HASH_PATH)
    for number, node in enumerate(nodes):
        (node.folder / f"sd{number}").mkdir(parents=True)
        (node.folder / "swift.conf").write_text(SWIFT_CONF)
        conf = SERVER_CONF.format(folder=node.folder, port=node.port)
        (node.folder / "container-server.conf").write_text(conf)
        for kind in ("account", "container"):
            ring.save(str(node.folder / f"{kind}.ring.gz"))
    bin_ = Path(sys.executable).parent
    conf = "{folder}/container-server.conf"
    server = [str(bin_ / "swiftlite-container-server"), conf]
    replicator = [str(bin_ / "swiftlite-container-replicator"), conf]
    fill(nodes, ring, chosen.databases, chosen.rows)
    start(nodes, server)
    try:
        for _ in range(2):  # brings them to the other nodes
            for node in nodes:
                words = [word.format(folder=node.folder) for word in replicator]
                subprocess.run([*words, "--once"], check=True, stderr=subprocess.DEVNULL)
        time.sleep(3)  # files older than a tick of the file system need not be opened
        measure("swiftlite", nodes, replicator, chosen.passes)
    finally:
        stop(nodes)
    if chosen.swift_python:
        peer = [chosen.swift_python, str(PEER)]
        start(nodes, [*peer, "serve", "container", "{folder}", "{port}"])
        run = [*peer, "run", "container", "{folder}", "{port}"]
        run += ["databases_per_second=1000000", "interval=2"]
        try:
            measure("OpenStack Swift, which finds our files", nodes, run, 1)
            measure("OpenStack Swift", nodes, run, chosen.passes)
        finally:
            stop(nodes)
    shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    main()
