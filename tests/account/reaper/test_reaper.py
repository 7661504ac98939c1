from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from swiftlite.account.reaper.options import ReaperOptions
from swiftlite.account.reaper.reap import share_of
from swiftlite.account.reaper.sweep import ReaperPass
from swiftlite.config.load import ConfError
from swiftlite.host import green
from swiftlite.host.bundle import Host
from swiftlite.httpd.acceptor import serve
from swiftlite.observe.log import Log
from swiftlite.ring import Device
from swiftlite.service.passes import Idle
from tests.account.servers import Lines as NoLines
from tests.account.servers import cluster_conf, make_server
from tests.dbstore.asking import ask
from tests.dbstore.stores import NOW, at
from tests.service.contexts import Lines, make_context
from tests.sim.cluster import OneRing

ACCOUNT = "/sda1/7/AUTH_gone"


@pytest.fixture(scope="module")
def host() -> Host:
    return green.make_host()


class Stored:
    """All container and object servers in one: objects by container, and what was deleted."""

    def __init__(self, containers: dict[str, list[str]]) -> None:
        self.containers = {name: list(objects) for name, objects in containers.items()}
        self.deleted: list[tuple[str, str]] = []  # device, path below the partition
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self.status: Callable[[str, str], int] = lambda device, path: 204

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:  # noqa: ANN401 - PEP 3333
        method = environ["REQUEST_METHOD"]
        _, device, _, path = environ["PATH_INFO"].split("/", 3)
        headers = {k: v for k, v in environ.items() if k.startswith("HTTP_")}
        self.requests.append((method, path, headers))
        body = b""
        if method == "GET":
            query = parse_qs(environ["QUERY_STRING"], keep_blank_values=True)
            marker = query["marker"][0].encode("latin-1").decode()
            names = [n for n in self.containers[path.split("/")[1]] if n > marker][:3]
            status, body = 200, json.dumps([{"name": name} for name in names]).encode()
        else:
            status = self.status(device, path)
            if status == 204:
                self.deleted.append((device, path))
        more = [("X-Backend-Storage-Policy-Index", "0"), ("Content-Length", str(len(body)))]
        start_response(f"{status} X", more)
        return [body]


class Cluster:
    def __init__(self, root: Path, host: Host, containers: dict[str, list[str]]) -> None:
        self.root, self.host = root, host
        self.stored = Stored(containers)
        listener = host.net.listen(("127.0.0.1", 0))
        log = Log("storage", sink=NoLines())
        self.acceptor = serve(listener, self.stored, host=host, log=log)
        assert isinstance(listener.address, tuple)
        self.port = listener.address[1]
        self.ring = OneRing([self._device(n) for n in range(3)], 3)
        self.accounts = make_server(root)
        self.lines = Lines()
        now = host.clock.wall()
        since = round(now - NOW.seconds)  # what ask() counts from
        ask(self.accounts, "PUT", ACCOUNT, since - 100)
        for name in containers:
            ask(
                self.accounts, "PUT", f"{ACCOUNT}/{name}",
                X_Put_Timestamp=at(since - 90).internal, X_Delete_Timestamp="0",
                X_Object_Count=str(len(containers[name])), X_Bytes_Used="1",
            )  # fmt: skip
        self.deleted_at = since - 50

    def _device(self, number: int) -> Device:
        ip, port = "127.0.0.1", self.port
        return Device(number, 1, number, ip, port, ip, port, f"sd{'abc'[number]}1", 1.0)

    account = container = property(lambda self: self.ring)

    def object(self, policy: int) -> OneRing:
        if policy:
            raise ConfError("no such ring")
        return self.ring

    def delete_account(self) -> None:
        assert ask(self.accounts, "DELETE", ACCOUNT, self.deleted_at).status == 204

    def run(self, **options: Any) -> None:  # noqa: ANN401 - of ReaperOptions
        self.accounts.engine.close()
        conf = {"devices": str(self.root), "mount_check": "false", "fallocate_reserve": "0"}
        context = make_context(
            self.host, cluster=cluster_conf(), rings=self, conf=conf, sink=self.lines,
            bind_ip="127.0.0.1", bind_port=self.port,
        )  # fmt: skip
        reaper = ReaperPass(context, ReaperOptions(**options))
        while not isinstance(reaper.step(), Idle):
            pass
        reaper.close()

    def close(self) -> None:
        self.accounts.close()
        self.acceptor.drain(self.host.clock.monotonic() + 1)


CONTAINERS = {f"c{n}": [f"o{n}", f"o{n + 1}"] for n in range(6)} | {"ü": ["ö/1", "ö/2", "x", "y"]}
MINE = {name for name in CONTAINERS if share_of(name, 3) == 0}  # sda1 is the first replica


@pytest.fixture
def cluster(tmp_path: Path, host: Host) -> Iterator[Cluster]:
    made = Cluster(tmp_path, host, CONTAINERS)
    yield made
    made.close()


def test_each_replica_takes_its_share_of_the_containers() -> None:
    assert {share_of(name, 3) for name in CONTAINERS} == {0, 1, 2}
    assert share_of("c", 3) == 0x4A8A08F09D37B73795649038408B5F33 % 3  # md5("c")


def test_objects_and_then_their_containers_go_on_every_node(cluster: Cluster) -> None:
    cluster.delete_account()
    cluster.run()
    expected = set()
    for device in ("sda1", "sdb1", "sdc1"):
        for name in MINE:
            expected.add((device, f"AUTH_gone/{name}"))
            expected |= {(device, f"AUTH_gone/{name}/{obj}") for obj in CONTAINERS[name]}
    found = {(device, path.encode("latin-1").decode()) for device, path in cluster.stored.deleted}
    assert found == expected
    for name in MINE:
        deletions = [path for method, path, _ in cluster.stored.requests if method == "DELETE"]
        path = f"AUTH_gone/{name}".encode().decode("latin-1")
        assert max(
            i for i, p in enumerate(deletions) if p.startswith(f"{path}/")
        ) < deletions.index(path)


def test_calls_say_whom_to_tell_and_when(cluster: Cluster) -> None:
    cluster.delete_account()
    cluster.run()
    name = sorted(MINE)[0]
    here = f"127.0.0.1:{cluster.port}"
    containers = [
        h for m, p, h in cluster.stored.requests if m == "DELETE" and p == f"AUTH_gone/{name}"
    ]
    assert len({headers["HTTP_X_TIMESTAMP"] for headers in containers}) == 1
    assert {headers["HTTP_X_ACCOUNT_DEVICE"] for headers in containers} == {"sda1", "sdb1", "sdc1"}
    for headers in containers:
        assert headers["HTTP_X_ACCOUNT_HOST"] == here
        assert headers["HTTP_X_ACCOUNT_PARTITION"] == "7"
        assert headers["HTTP_X_ACCOUNT_OVERRIDE_DELETED"] == "yes"
    path = f"AUTH_gone/{name}/{CONTAINERS[name][0]}"
    objects = [h for m, p, h in cluster.stored.requests if m == "DELETE" and p == path]
    assert [headers["HTTP_X_CONTAINER_DEVICE"] for headers in objects] == ["sda1", "sdb1", "sdc1"]
    for headers in objects:
        assert headers["HTTP_X_CONTAINER_HOST"] == here
        assert headers["HTTP_X_CONTAINER_PARTITION"] == "7"
        assert headers["HTTP_X_BACKEND_STORAGE_POLICY_INDEX"] == "0"


def test_an_account_that_is_not_deleted_is_left_alone(cluster: Cluster) -> None:
    cluster.run()
    assert cluster.stored.requests == []


def test_reaping_waits_as_long_as_it_is_told(cluster: Cluster) -> None:
    cluster.delete_account()
    cluster.run(delay_reaping=60.0)
    assert cluster.stored.requests == []
    cluster.run(delay_reaping=40.0)
    assert cluster.stored.deleted


def test_what_remains_is_said_and_after_a_while_with_a_warning(cluster: Cluster) -> None:
    cluster.delete_account()
    cluster.stored.status = lambda device, path: 409 if path.count("/") == 1 else 204
    cluster.run()
    assert any(f"{len(MINE)} containers remaining" in line for line in cluster.lines.lines)
    assert not any("has not been reaped since" in line for line in cluster.lines.lines)
    cluster.run(reap_warn_after=40.0)
    assert any("AUTH_gone has not been reaped since" in line for line in cluster.lines.lines)


def test_an_object_that_is_gone_already_counts_as_deleted(cluster: Cluster) -> None:
    cluster.delete_account()
    cluster.stored.status = lambda device, path: 404 if path.count("/") > 1 else 204
    cluster.run()
    count = sum(len(CONTAINERS[name]) for name in MINE)
    assert any(f"{count} objects deleted" in line for line in cluster.lines.lines)


def test_one_node_that_fails_keeps_nobody(cluster: Cluster) -> None:
    cluster.delete_account()
    cluster.stored.status = lambda device, path: 507 if device == "sdb1" else 204
    cluster.run()
    assert {device for device, _ in cluster.stored.deleted} == {"sda1", "sdc1"}
    assert any(f"{len(MINE)} containers deleted" in line for line in cluster.lines.lines)
