"""Dark data: acted upon only when every server of the container has said that it lists nothing."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qs

import pytest

from swiftlite.httpd.acceptor import serve
from swiftlite.observe.log import Log
from swiftlite.observe.sinks import NullSink
from swiftlite.ring import Device
from swiftlite.vocab.names import wsgi_to_text
from swiftlite.vocab.timestamp import Timestamp
from tests.obj.auditor.worlds import SimAuditing
from tests.objectstore.stores import NOW
from tests.sim.cluster import OneRing

OLD = Timestamp(NOW.raw - 8 * 8_640_000_000)


class ContainerServer:
    """rows: names by container path; shards: instead of rows, those that a container has."""

    def __init__(self) -> None:
        self.rows: dict[str, list[str]] = {"a/c": []}
        self.shards: dict[str, list[str]] = {}
        self.status = 200
        self.body: bytes | None = None
        self.asked: list[tuple[str, dict[str, list[str]]]] = []

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:  # noqa: ANN401 - PEP 3333
        path = "/".join(wsgi_to_text(environ["PATH_INFO"]).split("/")[3:])
        query = parse_qs(environ["QUERY_STRING"], errors="surrogateescape")
        self.asked.append((path, query))
        headers = [("Content-Type", "application/json")]
        if self.status != 200 or (path not in self.rows and path not in self.shards):
            start_response(f"{404 if self.status == 200 else self.status} X", headers)
            return [b""]
        if path in self.shards and environ["HTTP_X_BACKEND_RECORD_TYPE"] == "auto":
            headers.append(("X-Backend-Record-Type", "shard"))
            entries = [{"name": shard, "lower": "", "upper": ""} for shard in self.shards[path]]
        else:
            names = sorted(self.rows.get(path, []))
            (prefix,) = query["prefix"]
            entries = [{"name": name} for name in names if name.startswith(prefix)][:1]
        body = json.dumps(entries).encode() if self.body is None else self.body
        start_response("200 OK", [*headers, ("Content-Length", str(len(body)))])
        return [body]


class DarkNode(SimAuditing):
    def __init__(self) -> None:
        super().__init__()
        self.servers = [ContainerServer() for _ in range(3)]
        devices = []
        for number, app in enumerate(self.servers):
            ip = f"10.0.1.{number}"
            host = self.world.node(ip).host
            log = Log("container", sink=NullSink())
            serve(host.net.listen((ip, 6201)), app, host=host, log=log)
            devices.append(Device(number, 1, number, ip, 6201, ip, 6201, "sdc", 1.0))
        self.rings = _Rings(OneRing(devices, 3))
        self.world.run_for(0.1)

    def look(self, action: str = "delete", **how: Any) -> None:  # noqa: ANN401 - as audit()
        sections = {"object-auditor:watcher:dark_data": {"action": action}}
        how.setdefault("watchers", ("dark_data",))
        self.run(lambda: self.audit(context={"sections": sections}, **how))

    def keep(self, obj: str, at: Timestamp = OLD) -> None:
        self.run(lambda: self.put(obj, b"x", at))

    def is_there(self, obj: str) -> bool:
        return self.store.files(obj) != []


class _Rings:
    def __init__(self, container: OneRing) -> None:
        self.container = container


@pytest.fixture
def node() -> DarkNode:
    return DarkNode()


def test_an_object_that_one_of_the_servers_lists_stays(node: DarkNode) -> None:
    for name in ("listed", "ünïcode/ name?&=", "dark"):
        node.keep(name)
    node.servers[2].rows["a/c"] = ["listed", "listed too", "ünïcode/ name?&="]
    node.look()
    assert node.is_there("listed")
    assert node.is_there("ünïcode/ name?&=")
    assert not node.is_there("dark")
    assert any("0 unknown, 2 ok, 1 dark" in line for line in node.sink.lines)


def test_a_name_that_only_begins_the_same_is_no_row_of_it(node: DarkNode) -> None:
    node.keep("dark")
    for server in node.servers:
        server.rows["a/c"] = ["darker"]
    node.look()
    assert not node.is_there("dark")


@pytest.mark.parametrize("silent", ["dead", "not found", "error", "nothing", "nonsense"])
def test_nothing_happens_while_one_server_does_not_say(node: DarkNode, silent: str) -> None:
    node.keep("o")
    server = node.servers[1]
    if silent == "dead":
        node.world.node("10.0.1.1").kill()
    elif silent == "not found":
        server.rows = {}
    elif silent == "error":
        server.status = 503
    else:
        server.body = b"" if silent == "nothing" else b'{"o": 1}'
    node.look()
    assert node.is_there("o")
    assert any("1 unknown, 0 ok, 0 dark" in line for line in node.sink.lines)


def test_young_objects_are_not_even_asked_about(node: DarkNode) -> None:
    node.keep("o", NOW)
    node.look()
    assert node.is_there("o")
    assert node.servers[0].asked == []


def test_the_pass_over_metadata_asks_nobody(node: DarkNode) -> None:
    node.keep("o")
    node.look(flags={"zero_byte_fps": 1e9})
    assert node.is_there("o")
    assert node.servers[0].asked == []


def test_log_only_tells(node: DarkNode) -> None:
    node.keep("o")
    node.look("log")
    assert node.is_there("o")
    assert any("Dark data (log): /a/c/o" in line for line in node.sink.lines)


def test_quarantine_sets_aside(node: DarkNode) -> None:
    node.keep("o")
    node.look("quarantine")
    node.expect_quarantined("o")


def test_the_row_of_a_sharded_container_is_found_in_its_shard(node: DarkNode) -> None:
    for name in ("o", "dark"):
        node.keep(name)
    for server in node.servers:
        server.shards["a/c"] = [".shards_a/c-1"]
        server.rows[".shards_a/c-1"] = ["o"]
    node.look()
    assert node.is_there("o")
    assert not node.is_there("dark")


def test_a_shard_that_does_not_answer_keeps_the_object(node: DarkNode) -> None:
    node.keep("o")
    for server in node.servers:
        server.shards["a/c"] = [".shards_a/c-1"]
    node.look()
    assert node.is_there("o")


def test_a_root_that_names_itself_as_its_shard_is_asked_for_its_rows(node: DarkNode) -> None:
    for name in ("o", "dark"):
        node.keep(name)
    for server in node.servers:
        server.shards["a/c"] = ["a/c"]
        server.rows["a/c"] = ["o"]
    node.look()
    assert node.is_there("o")
    assert not node.is_there("dark")
