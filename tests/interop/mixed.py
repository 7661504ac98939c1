"""Storage nodes of which some are OpenStack Swift's and some ours, under one object ring."""

from __future__ import annotations

import http.client
import os
import pwd
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from swiftlite.formats.metadata import decode_metadata, gather_blob
from swiftlite.ring import Ring, RingBuilder
from swiftlite.vocab.hashing import HashPath
from swiftlite.vocab.names import quote_path
from swiftlite.vocab.timestamp import Timestamp

HASH_PATH = HashPath(b"", b"changeme")
REPOSITORY = Path(__file__).parents[2]
RUNNER = REPOSITORY / "tools" / "interop" / "swift_program.py"
START = Timestamp(int(time.time() - 10_000) * 100_000)
PATIENCE_S = 60.0

Files = dict[str, tuple[bytes, dict[str, str]]]


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


class Mixed:
    """sides: `ours` or `theirs` for each node; nodes are counted from 1."""

    def __init__(self, root: Path, swift_python: str, sides: list[str], method: str) -> None:
        self.root = root
        self.swift_python = swift_python
        self.sides = sides
        self.method = method
        *self.ports, self.rsync_port = free_ports(len(sides) + 1)
        self.etc = root / "etc"
        self.etc.mkdir()
        (self.etc / "swift.conf").write_text(
            "[swift-hash]\nswift_hash_path_suffix = changeme\n"
            "[storage-policy:0]\nname = gold\ndefault = yes\n"
        )
        builder = RingBuilder.create(4, 3, 0)
        for number, port in enumerate(self.ports, start=1):
            builder.add_device(
                zone=number, ip="127.0.0.1", port=port, device=f"d{number}", weight=100
            )
            (self.srv(number) / f"d{number}").mkdir(parents=True)
            (root / f"cache{number}").mkdir()
        builder.rebalance(0, seed="1")
        builder.write_ring(str(self.etc / "object.ring.gz"))
        self.ring = Ring.load(str(self.etc / "object.ring.gz"), HASH_PATH)
        self._running: list[subprocess.Popen[bytes]] = []

    @property
    def nodes(self) -> range:
        return range(1, len(self.sides) + 1)

    def srv(self, number: int) -> Path:
        return self.root / f"srv{number}"

    def start(self) -> None:
        for number in self.nodes:
            words = [*self._program(number, "server"), str(self._conf(number))]
            self._start(words, f"server{number}")
        conf = self.root / "rsyncd.conf"
        modules = "".join(
            f"[object_d{number}]\npath = {self.srv(number)}\nread only = no\n"
            for number in self.nodes
        )
        conf.write_text(
            f"port = {self.rsync_port}\naddress = 127.0.0.1\nuse chroot = no\n"
            f"uid = {os.getuid()}\ngid = {os.getgid()}\n{modules}"
        )
        if self.method == "rsync":
            self._start(["rsync", "--daemon", "--no-detach", f"--config={conf}"], "rsyncd")
        for port in [*self.ports, *([self.rsync_port] if self.method == "rsync" else [])]:
            _wait_for(port)

    def stop(self) -> None:
        for running in self._running:
            running.terminate()
        for running in self._running:
            running.wait()

    def replicate(self, number: int) -> str:
        """One pass of a node's replicator; what it logged."""
        words = [*self._program(number, "replicator"), str(self._conf(number)), "once", "-v"]
        done = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE_S * 5)
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout + done.stderr

    def _start(self, words: list[str], name: str) -> None:
        with open(self.root / f"{name}.log", "wb") as log:
            self._running.append(subprocess.Popen(words, stdout=log, stderr=log))

    def _program(self, number: int, kind: str) -> list[str]:
        if self.sides[number - 1] == "ours":
            return [sys.executable, str(REPOSITORY / "bin" / f"swiftlite-object-{kind}")]
        return [self.swift_python, str(RUNNER), str(self.etc), f"object-{kind}"]

    def _conf(self, number: int) -> Path:
        egg = "swiftlite" if self.sides[number - 1] == "ours" else "swift"
        path = self.root / f"object-server-{number}.conf"
        path.write_text(
            f"[DEFAULT]\nuser = {pwd.getpwuid(os.getuid()).pw_name}\nbind_ip = 127.0.0.1\n"
            f"bind_port = {self.ports[number - 1]}\nworkers = 0\nswift_dir = {self.etc}\n"
            f"devices = {self.srv(number)}\nmount_check = false\nmetadata_format = swift\n"
            f"recon_cache_path = {self.root}/cache{number}\nlog_level = DEBUG\n"
            f"[pipeline:main]\npipeline = object-server\n"
            f"[app:object-server]\nuse = egg:{egg}#object\nfallocate_reserve = 0\n"
            f"[object-replicator]\nsync_method = {self.method}\n"
            f"rsync_module = rsync://127.0.0.1:{self.rsync_port}/object_{{device}}\n"
        )
        return path

    # --- objects

    def primaries(self, name: str) -> list[int]:
        return [device.id + 1 for device in self.ring.nodes("a", "c", name)[1]]

    def handoff(self, name: str) -> int:
        partition = self.ring.partition("a", "c", name)
        return next(iter(self.ring.handoffs(partition))).device.id + 1

    def ask(
        self, number: int, verb: str, name: str, at: Timestamp = START, body: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:  # fmt: skip
        partition = self.ring.partition("a", "c", name)
        connection = http.client.HTTPConnection(
            "127.0.0.1", self.ports[number - 1], timeout=PATIENCE_S
        )
        sent = {"X-Timestamp": at.internal, **(headers or {})}
        if verb == "PUT":
            sent.setdefault("Content-Type", "text/plain")
        path = f"/d{number}/{partition}/a/c/{quote_path(name)}"
        connection.request(verb, path, body if verb == "PUT" else None, sent)
        answer = connection.getresponse()
        found = {key.lower(): value for key, value in answer.getheaders()}
        result = Answer(answer.status, found, answer.read())
        connection.close()
        return result

    def files(self, number: int, name: str) -> Files:
        """What a node has of an object: content and metadata by name."""
        partition = self.ring.partition("a", "c", name)
        name_hash = HASH_PATH.hex("a", "c", name)
        root = self.srv(number) / f"d{number}/objects/{partition}/{name_hash[-3:]}/{name_hash}"
        if not root.is_dir():
            return {}
        return {path.name: (path.read_bytes(), _metadata(path)) for path in root.iterdir()}


def _metadata(path: Path) -> dict[str, str]:
    def read(name: str) -> bytes | None:
        try:
            return os.getxattr(path, name)
        except OSError:
            return None

    blob = gather_blob(read)
    return {} if blob is None else decode_metadata(blob)


def _wait_for(port: int) -> None:
    end = time.monotonic() + PATIENCE_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            assert time.monotonic() < end, f"nobody listens at {port}"
            time.sleep(0.05)
