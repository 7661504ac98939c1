"""Seamless reloads of a cluster at work: not one request fails."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from swiftlite.cli.embedded.layout import Layout
from tests.functional.cluster import Client, free_block, free_port, made_beforehand, wait_for
from tests.functional.test_operator_tools import run

RELOADED = ("proxy", "object.1", "container.2")
SERVERS = ("proxy", *(f"{kind}.{n}" for kind in ("object", "container", "account") for n in (1, 2)))


class Managed:
    """Two nodes and a proxy, each server with a worker, under swiftlite-init."""

    def __init__(self, root: Path) -> None:
        self.port = free_port()
        self.layout = Layout(root, 2, free_block(2))
        made_beforehand(self.layout, 2, self.port, 1)
        for conf in self.layout.etc.glob("*-server/*.conf"):
            conf.write_text(conf.read_text().replace("workers = 0", "workers = 1"))

    def init(self, *words: str) -> str:
        code, said, complaint = run(
            "init", *words, "--swift-dir", self.layout.etc, "-r", self.layout.run / "init"
        )
        assert code == 0, said + complaint
        return said

    def pids(self) -> dict[str, str]:
        folder = self.layout.run / "init"
        return {str(path): path.read_text() for path in folder.rglob("*.pid")}


@pytest.fixture
def managed(tmp_path: Path) -> Iterator[Managed]:
    made = Managed(tmp_path)
    made.init(*SERVERS, "start")
    try:
        yield made
    finally:
        run(
            "init", "main", "stop", "--kill-after-timeout", "--swift-dir", made.layout.etc,
            "-r", made.layout.run / "init",
        )  # fmt: skip


@pytest.mark.slow
def test_no_request_fails_while_proxies_and_storage_servers_reload(managed: Managed) -> None:
    first = Client(managed.port).log_in()
    assert first.put("/c").status in (201, 202)
    pids = managed.pids()
    stop = threading.Event()
    with ThreadPoolExecutor(3) as pool:
        work = [pool.submit(put_and_get, managed.port, number, stop) for number in range(3)]
        for _ in range(2):
            managed.init(*RELOADED, "reload-seamless")
            wait_for(lambda: reloads(managed) >= len(RELOADED), "the reloads")
            forget(managed)
        stop.set()
        assert all(one.result(60) > 3 for one in work)
    assert managed.pids() == pids


def put_and_get(port: int, number: int, stop: threading.Event) -> int:
    """A modest rate; the first answer that is not as it should be raises."""
    client = Client(port).log_in()
    count = 0
    while not stop.is_set():
        name, body = f"/c/{number}-{count}", f"{number} {count}".encode() * 100
        assert client.put(name, body).status == 201
        answer = client.get(name)
        assert (answer.status, answer.body) == (200, body)
        assert client.delete(name).status == 204
        count += 1
        time.sleep(0.02)  # a rate, not a wait
    client.close()
    return count


def reloads(managed: Managed) -> int:
    """How many servers have new workers since forget(). Old ones stay while somebody keeps a
    connection to them, which a proxy does for half a minute."""
    return sum(
        "serving at" in path.read_text().rpartition("reloading: new workers")[2]
        for path in managed.layout.logs.glob("*.log")
        if "reloading: new workers" in path.read_text()
    )


def forget(managed: Managed) -> None:
    for path in managed.layout.logs.glob("*.log"):
        path.write_text("")
