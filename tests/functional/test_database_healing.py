"""Databases of real processes that are lost, damaged or alone: the daemons mend them."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from swiftlite.cli.embedded.layout import ServerName
from tests.functional.cluster import REPOSITORY, Client, Embedded, wait_for

pytestmark = pytest.mark.slow
ACCOUNT = "AUTH_test"


def replicas(embedded: Embedded, kind: str, *names: str) -> dict[int, tuple[str, int]]:
    """Hash and count of rows of a database, by the node that has it, wherever it lies."""
    digest = embedded.ring(kind).hash_path.hex(*names)
    table = "object" if kind == "container" else "container"
    found = {}
    for node in range(1, embedded.layout.nodes + 1):
        for path in embedded.files(node, f"{kind}s/*/*/{digest}/{digest}.db"):
            try:
                sql = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)
                row_hash = sql.execute(f"SELECT hash FROM {kind}_stat").fetchone()[0]
                count = sql.execute(f"SELECT count(*) FROM {table} WHERE deleted = 0").fetchone()
                sql.close()
            except sqlite3.Error:
                continue  # it was taken away, or is not whole yet
            found[node] = (row_hash, count[0])
    return found


def wait_until_equal(embedded: Embedded, kind: str, *names: str, rows: int) -> None:
    """On all primaries, with so many rows, and nowhere else."""

    def is_so() -> bool:
        found = replicas(embedded, kind, *names)
        equal = len(set(found.values())) == 1
        at_home = set(found) == set(embedded.nodes_of(kind, *names))
        return equal and at_home and next(iter(found.values()))[1] == rows

    wait_for(is_so, f"{kind} {'/'.join(names)} has {rows} rows on each of its primaries")


def fill(client: Client, container: str, count: int) -> None:
    client.put(f"/{container}")
    for number in range(count):
        assert client.put(f"/{container}/o{number:02}", b"x").status == 201


def wipe(embedded: Embedded, node: int, kind: str) -> None:
    folder = embedded.layout.device(node) / f"{kind}s"
    folder.rename(folder.with_name(f"old-{kind}s"))
    shutil.rmtree(folder.with_name(f"old-{kind}s"))


def test_databases_of_a_device_that_was_emptied_are_back(
    embedded: Embedded, client: Client
) -> None:
    fill(client, "emptied", 12)
    node = embedded.nodes_of("container", ACCOUNT, "emptied")[0]
    wipe(embedded, node, "container")
    wait_until_equal(embedded, "container", ACCOUNT, "emptied", rows=12)
    assert len(client.get("/emptied").lines) == 12


def test_an_account_s_databases_are_back_and_its_counts_exact(
    embedded: Embedded, client: Client
) -> None:
    fill(client, "counted", 5)
    wipe(embedded, embedded.nodes_of("account", ACCOUNT)[0], "account")
    client.put("/counted/another", b"12345")

    def is_so() -> bool:
        found = replicas(embedded, "account", ACCOUNT)
        return len(found) == 3 and len(set(found.values())) == 1

    wait_for(is_so, "the account's replicas are equal")
    wait_for(lambda: count_of(client, "counted") == 6, "the account knows of the sixth object")


def count_of(client: Client, container: str) -> int:
    rows = json.loads(client.get("", "format=json").body)
    return next(int(row["count"]) for row in rows if row["name"] == container)


def test_rows_written_beside_a_dead_server_come_home(embedded: Embedded, client: Client) -> None:
    """A handoff may have taken them; it does not keep them."""
    client.put("/beside")
    server = ServerName("container", embedded.nodes_of("container", ACCOUNT, "beside")[0])
    embedded.lose_device(server.node)
    try:
        fill(client, "beside", 8)
    finally:
        embedded.return_device(server.node)
    wait_until_equal(embedded, "container", ACCOUNT, "beside", rows=8)


def test_the_auditor_sets_a_damaged_database_aside_and_it_comes_back(
    embedded: Embedded, client: Client
) -> None:
    fill(client, "damaged", 6)
    node = embedded.nodes_of("container", ACCOUNT, "damaged")[1]
    wait_until_equal(embedded, "container", ACCOUNT, "damaged", rows=6)
    digest = embedded.ring("container").hash_path.hex(ACCOUNT, "damaged")
    (path,) = embedded.files(node, f"containers/*/*/{digest}/{digest}.db")
    damage(path)
    audit(embedded, node)
    assert list((embedded.layout.device(node) / "quarantined" / "containers").iterdir())
    wait_until_equal(embedded, "container", ACCOUNT, "damaged", rows=6)


def damage(path: Path) -> None:
    """Its pages, and what a WAL has of them."""
    for each in (path, path.with_name(f"{path.name}-wal")):
        if each.exists() and each.stat().st_size:
            with each.open("r+b") as file:
                file.seek(100 if each == path else 32)
                file.write(b"\xa5" * (each.stat().st_size - 100))


def audit(embedded: Embedded, node: int) -> None:
    conf = embedded.layout.conf(ServerName("container", node))
    command = [sys.executable, str(REPOSITORY / "bin" / "swiftlite-container-auditor"), str(conf)]
    done = subprocess.run([*command, "--once"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
