"""Nodes of tests/dbsync of which some are OpenStack Swift's own servers and daemons."""

from __future__ import annotations

import http.client
import json
import subprocess
from pathlib import Path
from typing import Any

from swiftlite.host.bundle import Host
from tests.dbsync.nodes import HERE, Node, Nodes
from tests.functional.cluster import free_port

PEER = Path(__file__).parents[2] / "tools" / "interop" / "database_peer.py"
SWIFT_CONF = """[swift-hash]
swift_hash_path_suffix = changeme
[storage-policy:0]
name = gold
default = yes
[storage-policy:1]
name = silver
"""


class SwiftNode:
    """One Swift server over one device, and its replicator."""

    def __init__(self, nodes: MixedNodes, number: int) -> None:
        self.nodes = nodes
        self.number = number
        self.name = f"sd{number}"
        self.root = nodes.root / f"node{number}"
        (self.root / self.name).mkdir(parents=True)
        (self.root / "swift.conf").write_text(SWIFT_CONF)
        self.port = free_port()
        self._server = subprocess.Popen(
            [nodes.python, str(PEER), "serve", nodes.kind, str(self.root), str(self.port)],
            stdout=subprocess.PIPE,
        )
        assert self._server.stdout is not None
        assert self._server.stdout.readline() == b"ready\n"

    def stop(self) -> None:
        self._server.kill()
        self._server.wait()

    def ask(self, method: str, path: str, at: str, **headers: str) -> int:
        """A request to its server; its status. path: account/container/object."""
        return self.send(method, path, at, {n.replace("_", "-"): v for n, v in headers.items()})

    def send(
        self, method: str, path: str, at: str, headers: dict[str, str], body: bytes | None = None
    ) -> int:
        names = path.split("/")[: 1 if self.nodes.kind == "account" else 2]
        partition = self.nodes.ring.partition(*names)
        connection = http.client.HTTPConnection(HERE, self.port, timeout=30)
        url = f"/{self.name}/{partition}/{path}"
        connection.request(method, url, body, {"X-Timestamp": at, **headers})
        status = connection.getresponse().status
        connection.close()
        return status

    def replicate(self, *options: str) -> dict[str, Any]:
        """A pass of Swift's replicator; its stats and what it complained of."""
        every = [f"{name}={value}" for name, value in self.nodes.options.items()]
        words = ["replicate", self.nodes.kind, str(self.root), str(self.port), *every, *options]
        return self._run(*words)

    def rows(self, path: str) -> dict[str, Any]:
        """Its database of an account, or of account/container, as Swift reads it."""
        names = path.split("/")
        digest = self.nodes.ring.hash_path.hex(*names)
        where = f"{self.nodes.kind}s/{self.nodes.ring.partition(*names)}/{digest[-3:]}/{digest}"
        file = self.root / self.name / where / f"{digest}.db"
        return self._run("rows", self.nodes.kind, str(self.root), str(file))

    def _run(self, *words: str) -> dict[str, Any]:
        """Its output; our servers answer meanwhile."""
        command = [self.nodes.python, str(PEER), *words]
        done = self.nodes.host.tasks.offload(
            "peer", lambda: subprocess.run(command, capture_output=True, text=True, check=False)
        )
        assert done.returncode == 0, done.stderr
        said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return said


class MixedNodes(Nodes):
    """swift: the numbers of the nodes that are Swift's."""

    def __init__(
        self,
        root: Path,
        host: Host,
        python: str,
        *,
        swift: tuple[int, ...] = (1,),
        **more: Any,  # noqa: ANN401  # of Nodes
    ) -> None:
        self.python = python
        self.swift_numbers = swift
        self.rsync_port = free_port()
        super().__init__(root, host, journal="delete", **more)
        for number in swift:
            folder = root / f"node{number}"
            for kind in ("account", "container"):
                self.ring.save(str(folder / f"{kind}.ring.gz"))
        self._start_rsync()

    def make_node(self, number: int) -> Node:
        if number in self.swift_numbers:
            node: Any = SwiftNode(self, number)
            return node  # type: ignore[no-any-return]  # used for what the two have in common
        return super().make_node(number)

    def _start_rsync(self) -> None:
        conf = self.root / "rsyncd.conf"
        modules = "".join(
            f"[sd{number}]\npath = {self.root}/node{number}\nread only = no\nuse chroot = no\n"
            for number in range(len(self.nodes))
        )
        conf.write_text(f"uid = root\ngid = root\n{modules}")
        self._rsync = subprocess.Popen(
            ["rsync", "--daemon", "--no-detach", f"--config={conf}", f"--port={self.rsync_port}",
             f"--address={HERE}"]
        )  # fmt: skip

    @property
    def options(self) -> dict[str, Any]:
        """Of replicators: the tests' times are years ago, and their tombstones shall stay."""
        module = f"rsync://{HERE}:{self.rsync_port}/{{device}}"
        return {"rsync_module": module, "reclaim_age": 1e8}

    def ours(self, number: int) -> Node:
        return self.nodes[number]

    def swift(self, number: int) -> SwiftNode:
        node: Any = self.nodes[number]
        assert isinstance(node, SwiftNode)
        return node

    def close(self) -> None:
        self._rsync.kill()
        self._rsync.wait()
        for node in self.nodes:
            node.stop()
            if node.number not in self.swift_numbers:
                node.app.close()
