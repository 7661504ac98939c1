"""What a node says of itself under /recon."""

from __future__ import annotations

import dataclasses
import errno
import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

from swiftlite.host.plain import make_host
from swiftlite.middleware.recon.caches import CACHED
from swiftlite.middleware.recon.filter import Recon
from swiftlite.middleware.recon.options import ReconOptions
from swiftlite.observe import recon
from swiftlite.testing.sim_disk import SimDisk
from tests.middleware.parts import Canned, ListLog, SetClock
from tests.web.environs import Answer, make_environ

RINGS = ("account", "container", "object", "object-2")


class Node:
    def __init__(self, root: Path, **host: Any) -> None:  # noqa: ANN401 - parts of a host
        self.root = root
        for name in ("cache", "devices", "etc"):
            (root / name).mkdir(exist_ok=True)
        self.host = dataclasses.replace(make_host(), clock=SetClock(), **host)
        self.log = ListLog()
        self.app = Canned(204)
        options = ReconOptions(recon_cache_path=f"{root}/cache", devices=f"{root}/devices/")
        self.filter = Recon(
            self.app, options, host=self.host, log=self.log,  # type: ignore[arg-type]
            swift_dir=f"{root}/etc", ring_names=RINGS,
        )  # fmt: skip

    def ask(self, check: str, status: int = 200) -> Any:  # noqa: ANN401 - JSON
        answer = Answer(self.filter, make_environ("GET", f"/recon/{check}"))
        assert answer.status == status, answer.body
        if status != 200:
            return answer.body
        assert answer.headers["content-type"] == "application/json"
        return json.loads(answer.body)

    def cache(self, name: str, **updates: Any) -> None:  # noqa: ANN401 - JSON
        recon.dump(self.host.disk, f"{self.root}/cache/{name}.recon", updates)


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


def test_other_paths_go_on_to_the_server(node: Node) -> None:
    for path in ("/", "/recon", "/sda1/7/a/c/o", "/healthcheck"):
        assert Answer(node.filter, make_environ("GET", path)).status == 204
    assert len(node.app.seen) == 4


@pytest.mark.parametrize("path", ["", "nothing", "updater", "updater/account", "mem/", "auditor/x"])
def test_a_check_that_is_none_is_told_so(node: Node, path: str) -> None:
    assert node.ask(path, 404) == f"Invalid path: /recon/{path}".encode()


@pytest.mark.parametrize("check", CACHED)
def test_keys_that_nobody_has_written_are_null(node: Node, check: str) -> None:
    assert node.ask(check) == dict.fromkeys(CACHED[check].keys)


def test_what_daemons_have_written_is_shown(node: Node) -> None:
    stats = {"attempted": 3, "failure": 0, "success": 3}
    node.cache("container", replication_time=2.5, replication_stats=stats, replication_last=9.0)
    node.cache("object", async_pending=4, async_pending_last=5.0, other=1)
    assert node.ask("replication/container") == {
        "replication_time": 2.5, "replication_stats": stats, "replication_last": 9.0,
    }  # fmt: skip
    assert node.ask("async") == {"async_pending": 4, "async_pending_last": 5.0}
    assert node.ask("replication") == node.ask("replication/object")


def test_a_torn_cache_counts_as_empty(node: Node) -> None:
    (node.root / "cache/object.recon").write_bytes(b'{"async_pending": ')
    assert node.ask("async") == {"async_pending": None, "async_pending_last": None}


def test_the_machine(node: Node) -> None:
    memory = node.ask("mem")
    assert memory["MemTotal"].endswith(" kB")
    load = node.ask("load")
    assert set(load) == {"1m", "5m", "15m", "tasks", "processes"}
    assert all(isinstance(load[key], float) for key in ("1m", "5m", "15m"))
    assert {"device": "proc", "path": "/proc"} in node.ask("mounted")
    sockets = node.ask("sockstat")
    assert {"tcp_in_use", "orphan", "time_wait", "tcp_mem_allocated_bytes"} <= set(sockets)
    assert node.ask("time") == 1_700_000_000.0
    assert set(node.ask("version")) == {"version"}


def test_devices_that_are_no_mount_points(node: Node) -> None:
    for name in ("sda1", "sdb1"):
        (node.root / "devices" / name).mkdir()
    (node.root / "devices/a file").write_bytes(b"")
    assert sorted(node.ask("devices")[f"{node.root}/devices"]) == ["a file", "sda1", "sdb1"]
    found = sorted(node.ask("unmounted"), key=lambda entry: entry["device"])
    assert found == [{"device": "sda1", "mounted": False}, {"device": "sdb1", "mounted": False}]
    assert {
        "device": "sda1", "mounted": False, "size": "", "used": "", "avail": "",
    } in node.ask("diskusage")  # fmt: skip


def test_a_folder_of_devices_that_is_not_there(node: Node) -> None:
    os.rmdir(node.root / "devices")
    assert node.ask("devices") == {f"{node.root}/devices": None}
    assert node.ask("unmounted") == []
    assert node.ask("diskusage") == []
    assert node.ask("quarantined")["objects"] == 0


def test_mounted_full_and_broken_devices(tmp_path: Path) -> None:
    disk = SimDisk(capacity=1 << 30)
    node = Node(tmp_path, disk=disk)
    for name in ("good", "broken"):
        disk.makedirs(f"{tmp_path}/devices/{name}")
        disk.mounts.add(f"{tmp_path}/devices/{name}")
    disk.broken[f"{tmp_path}/devices/broken"] = errno.EIO
    (entry,) = node.ask("unmounted")
    assert entry["device"] == "broken"
    assert "Errno 5" in entry["mounted"]
    usage = {entry["device"]: entry for entry in node.ask("diskusage")}
    assert usage["good"]["mounted"] is True
    assert usage["good"]["size"] == 1 << 30
    assert usage["good"]["used"] + usage["good"]["avail"] == 1 << 30
    assert usage["broken"]["size"] == ""


def test_quarantines_are_counted_by_kind_and_policy(node: Node) -> None:
    for path in (
        "sda1/quarantined/objects/one", "sda1/quarantined/objects/two",
        "sdb1/quarantined/objects-2/three", "sdb1/quarantined/containers/four",
        "sdb1/quarantined/something else/five", "sdb1/quarantined/accounts", "sdc1",
    ):  # fmt: skip
        (node.root / "devices" / path).mkdir(parents=True)
    assert node.ask("quarantined") == {
        "objects": 3, "containers": 1, "accounts": 0,
        "policies": {"0": {"objects": 2}, "2": {"objects": 1}},
    }  # fmt: skip


def test_sums_of_rings_and_of_swift_conf_follow_the_files(node: Node) -> None:
    ring, conf = node.root / "etc/object-2.ring.gz", node.root / "etc/swift.conf"
    assert node.ask("ringmd5") == {}
    assert node.ask("swiftconfmd5") == {str(conf): None}
    for content in (b"one", b"another"):
        for path in (ring, conf):
            path.with_suffix(".new").write_bytes(content)
            path.with_suffix(".new").rename(path)
        expected = hashlib.md5(content).hexdigest()
        assert node.ask("ringmd5") == {str(ring): expected}
        assert node.ask("swiftconfmd5") == {str(conf): expected}


def test_a_check_that_fails_is_logged_and_a_500(tmp_path: Path) -> None:
    node = Node(tmp_path, disk=SimDisk())
    assert node.ask("mem", 500) == b"Internal server error."
    assert "/recon/mem" in node.log.text()
