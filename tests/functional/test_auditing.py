"""The object auditor as a real process: what it takes away, replication brings back."""

from __future__ import annotations

import http.client
import json
import os
import random
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from swiftlite.cli.embedded.layout import HOST, ServerName
from swiftlite.formats.metadata import ATTRIBUTE
from tests.functional.cluster import PATIENCE_S, Client, Separate, wait_for

pytestmark = pytest.mark.slow

ACCOUNT = "AUTH_test"
BODIES = {str(size): random.Random(size).randbytes(size) for size in (1_000, 300_000, 9 << 20)}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Separate]:
    made = Separate(tmp_path_factory.mktemp("audit"))
    try:
        yield made.start()
    finally:
        made.close()


@pytest.fixture(scope="module")
def client(cluster: Separate) -> Iterator[Client]:
    made = cluster.client()
    made.put("/c")
    for name, body in BODIES.items():
        assert made.put(f"/c/{name}", body).status == 201
        wait_for(lambda name=name: len(copies(cluster, name)) == 3, "three copies are there")  # type: ignore[misc]
    yield made
    made.close()


def copies(cluster: Separate, name: str) -> dict[int, Path]:
    partition, devices = cluster.ring("object").nodes(ACCOUNT, "c", name)
    name_hash = cluster.ring("object").hash_path.hex(ACCOUNT, "c", name)
    below = f"objects/{partition}/{name_hash[-3:]}/{name_hash}/*.data"
    found = {device.zone: cluster.files(device.zone, below) for device in devices}
    return {node: files[0] for node, files in found.items() if files}


def recon(cluster: Separate, node: int, check: str) -> dict[str, object]:
    port = cluster.layout.port(ServerName("object", node))
    connection = http.client.HTTPConnection(HOST, port, timeout=30)
    connection.request("GET", f"/recon/{check}")
    found: dict[str, object] = json.loads(connection.getresponse().read())
    connection.close()
    return found


def quarantined(cluster: Separate, node: int) -> int:
    found = recon(cluster, node, "quarantined")["objects"]
    assert isinstance(found, int)
    return found


def test_damage_is_taken_away_and_good_copies_come_back(cluster: Separate, client: Client) -> None:
    victim = max(range(1, 5), key=lambda node: len(holding(cluster, node)))
    damaged = holding(cluster, victim)
    for name, path in damaged.items():
        with path.open("r+b") as file:
            file.seek(len(BODIES[name]) - 1)
            file.write(bytes([BODIES[name][-1] ^ 1]))
    cluster.run_once("obj.auditor", victim)
    assert holding(cluster, victim) == {}
    assert quarantined(cluster, victim) == len(damaged)
    stats = recon(cluster, victim, "auditor/object")["object_auditor_stats_ALL"]
    assert isinstance(stats, dict)
    assert stats["quarantined"] == len(damaged)
    for node in range(1, 5):
        cluster.run_once("obj.replicator", node)
    back = {name: path.read_bytes() for name, path in holding(cluster, victim).items()}
    assert back == {name: BODIES[name] for name in damaged}
    for node in range(1, 5):
        assert quarantined(cluster, node) == (len(damaged) if node == victim else 0)
    for name, body in BODIES.items():
        assert client.get(f"/c/{name}").body == body


def holding(cluster: Separate, node: int) -> dict[str, Path]:
    held = {name: copies(cluster, name).get(node) for name in BODIES}
    return {name: path for name, path in held.items() if path is not None}


def test_the_pass_over_metadata_alone(cluster: Separate, client: Client) -> None:
    name = "1000"
    (node, path), *_ = copies(cluster, name).items()
    before = quarantined(cluster, node)
    os.removexattr(path, ATTRIBUTE)
    cluster.run_once("obj.auditor", node, "-z", "1000")
    assert not path.exists()
    assert quarantined(cluster, node) == before + 1
    assert client.get(f"/c/{name}").body == BODIES[name]


def test_told_to_end_it_says_where_to_go_on(cluster: Separate, client: Client) -> None:
    for number in range(40):
        assert client.put(f"/c/many-{number}", b"x").status == 201
    node = max(range(1, 5), key=lambda node: len(cluster.files(node, "objects/*/*/*/*.data")))
    conf = cluster.layout.conf(ServerName("object", node))
    said = "[object-auditor]\n"
    conf.write_text(conf.read_text().replace(said, f"{said}files_per_second = 1\n"))
    status = cluster.layout.device(node) / "objects/auditor_status_ALL.json"
    auditor = cluster.daemon("obj.auditor", node)
    wait_for(status.exists, "it has begun")
    auditor.send_signal(signal.SIGTERM)
    assert auditor.wait(PATIENCE_S) == 0
    left = json.loads(status.read_text())["partitions"]
    there = {path.name for path in status.parent.iterdir() if path.is_dir()}
    assert left
    assert set(left) <= there
    conf.write_text(conf.read_text().replace("files_per_second = 1\n", "files_per_second = 0\n"))
    cluster.run_once("obj.auditor", node)
    assert not status.exists()
