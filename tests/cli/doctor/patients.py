"""A node that is well, to be made ill: real confs, rings and listening servers in a folder; a disk
that says what it is told of mounts, room and attributes."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from swiftlite.cli.doctor import checks, finding, fleet
from swiftlite.cli.doctor.finding import Finding
from swiftlite.cli.doctor.node import Node
from swiftlite.cli.processes import Process
from swiftlite.host.os_disk import OsDisk
from swiftlite.ring import RingBuilder

NOW = 1_700_000_000.0
KINDS = ("proxy", "account", "container", "object")
PEER = "10.0.0.2"
SETTINGS = {"object-replicator": "sync_method = ssync\n"}
DAEMONS = ("object-replicator", "object-auditor", "account-auditor", "container-updater")


class ToldDisk(OsDisk):
    """The operating system's, but for what a test says."""

    def __init__(self) -> None:
        super().__init__()
        self.unmounted: set[str] = set()
        self.statvfs_of: dict[str, dict[str, int]] = {}
        self.attribute_error: int | None = None
        self.attribute_room = 1 << 16
        self.statvfs = self._statvfs  # type: ignore[assignment]  # in the class's own manner
        self.setxattr = self._setxattr  # type: ignore[method-assign]  # as above

    def is_mount(self, path: str) -> bool:
        return os.path.isdir(path) and path not in self.unmounted

    def _statvfs(self, path_or_fd: str | int) -> os.statvfs_result:
        os.stat(path_or_fd)
        told = {"bavail": 500_000, "files": 1000, "favail": 900, "flag": 0, "frsize": 4096}
        told |= self.statvfs_of.get(str(path_or_fd), {})
        return os.statvfs_result((
            4096, told["frsize"], 1_000_000, told["bavail"], told["bavail"], told["files"],
            told["favail"], told["favail"], told["flag"], 255, hash(path_or_fd) & 0xFFFF,
        ))  # fmt: skip

    def _setxattr(self, target: str | int, name: str, value: bytes, flags: int = 0) -> None:
        if self.attribute_error is not None:
            raise OSError(self.attribute_error, os.strerror(self.attribute_error))
        if len(value) > self.attribute_room:
            raise OSError(28, "No space left on device")


class Answers(BaseHTTPRequestHandler):
    """What a server of ours says. server.told: status or JSON by path."""

    def do_GET(self) -> None:
        told = self.server.told.get(self.path, 404)  # type: ignore[attr-defined]  # set by serving
        body = b"" if isinstance(told, int) else json.dumps(told).encode()
        self.send_response(told if isinstance(told, int) else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_OPTIONS = do_GET

    def do_HEAD(self) -> None:
        self.send_response(self.server.told.get("HEAD", 404))  # type: ignore[attr-defined]  # as above
        self.end_headers()

    def version_string(self) -> str:
        return f"{self.server.told['name']}/1"  # type: ignore[attr-defined]  # as above

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving(told: dict[str, Any]) -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        server.told = told  # type: ignore[attr-defined]  # for Answers
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


class Patient:
    """One node that is a whole cluster."""

    def __init__(self, root: Path, servers: dict[str, ThreadingHTTPServer]) -> None:
        self.root, self.etc = root, root / "etc"
        self.swift_dir = str(self.etc)
        self.devices, self.cache = root / "node", root / "cache"
        self.servers = servers
        self.disk = ToldDisk()
        for folder in (self.etc, self.cache, self.devices / "sda1", self.devices / "sdb1"):
            folder.mkdir(parents=True)
        (self.etc / "swift.conf").write_text(
            "[swift-hash]\nswift_hash_path_suffix = secret\n"
            "[storage-policy:0]\nname = gold\ndefault = yes\n"
        )
        for kind in KINDS:
            self.write_conf(kind)
            if kind != "proxy":
                self.write_ring(kind)
        self.processes = [
            self.process(f"{kind}-server", kind, 100 + at) for at, kind in enumerate(KINDS)
        ] + [
            self.process(name, name.partition("-")[0], 200 + at) for at, name in enumerate(DAEMONS)
        ]
        for process in self.processes:
            self.enable(str(process.unit))

    def enable(self, unit: str) -> None:
        folder = self.root / "etc/systemd/system/multi-user.target.wants"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / unit).touch()

    def port(self, kind: str) -> int:
        return int(self.servers[kind].server_address[1])

    def conf(self, kind: str) -> Path:
        return self.etc / f"{kind}-server.conf"

    def write_conf(self, kind: str) -> None:
        sections = "".join(
            f"[{name}]\n{SETTINGS.get(name, '')}" for name in DAEMONS if name.startswith(kind)
        )
        cache = "[filter:cache]\nuse = egg:swiftlite#memcache\n" if kind == "proxy" else ""
        self.conf(kind).write_text(
            f"[DEFAULT]\nbind_ip = 127.0.0.1\nbind_port = {self.port(kind)}\n"
            f"swift_dir = {self.etc}\ndevices = {self.devices}\nuser = {me()}\n"
            f"recon_cache_path = {self.cache}\nlog_file = {self.root}/{kind}.log\n"
            f"[pipeline:main]\npipeline = {kind}-server\n"
            f"[app:{kind}-server]\nuse = egg:swiftlite#{kind}\n{cache}{sections}"
        )

    def write_ring(self, kind: str) -> None:
        builder = RingBuilder.create(4, 2, 0)
        for name in ("sda1", "sdb1"):
            builder.add_device(zone=1, ip="127.0.0.1", port=self.port(kind), device=name, weight=1)
        # The other node is being drained: nobody asks it anything.
        builder.add_device(zone=2, ip=PEER, port=6200, device="sda1", weight=0)
        builder.rebalance(1, seed="1")
        builder.write_ring(str(self.etc / f"{kind}.ring.gz"))

    def process(self, name: str, kind: str, pid: int) -> Process:
        words = (f"swiftlite-{name}", str(self.conf(kind)))
        return Process(pid, 1, 3600.0, words, f"swiftlite-{name}.service")

    def change(self, kind: str, old: str, new: str) -> None:
        text = self.conf(kind).read_text()
        assert old in text
        self.conf(kind).write_text(text.replace(old, new))

    def recon(self, kind: str, **content: object) -> None:
        (self.cache / f"{kind}.recon").write_text(json.dumps(content))

    @property
    def node(self) -> Node:
        return Node(
            self.swift_dir,
            disk=self.disk,
            processes=lambda: self.processes,
            now=lambda: NOW,
            root=str(self.root),
        )

    def look(self) -> list[Finding]:
        return finding.run(checks.OF_A_NODE, self.node)

    def ask(self) -> list[Finding]:
        return finding.run(checks.OF_THE_FLEET, fleet.ask(self.node, 5.0))

    def names(self) -> list[str]:
        return [one.name for one in self.look()]


def me() -> str:
    import pwd

    return pwd.getpwuid(os.getuid()).pw_name


def healthy_answers(kind: str, etc: Path) -> dict[str, Any]:
    return {
        "name": f"{kind}-server",
        "/healthcheck": "OK",
        "/": "",
        "/recon/ringmd5": {},
        "/recon/swiftconfmd5": {},
        "/recon/version": {"version": "1.0"},
        "/recon/unmounted": [],
        "/recon/diskusage": [{"device": "sda1", "size": 100, "avail": 50, "used": 50}],
        "/recon/quarantined": {"accounts": 0, "containers": 0, "objects": 0},
        "/recon/driveaudit": {"drive_audit_errors": None},
        "/recon/async": {"async_pending": 0, "async_pending_last": NOW - 60},
        "/recon/replication/account": {"replication_last": NOW - 60},
        "/recon/replication/container": {"replication_last": NOW - 60},
        "/recon/replication/object": {"object_replication_last": NOW - 60},
    }
