"""Asking each node of something for it, on threads."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from swiftlite.cluster import conf as cluster_conf
from swiftlite.host import plain
from swiftlite.peers.call import render_head
from swiftlite.peers.direct import storage_path
from swiftlite.peers.errors import PeerFault
from swiftlite.peers.headers import Headers
from swiftlite.peers.pool import Pool
from swiftlite.ring import Device, Ring
from swiftlite.vocab.headers import X_BACKEND_STORAGE_POLICY_INDEX
from swiftlite.vocab.names import quote_path

_NODE_S = 30.0


@dataclass(frozen=True, slots=True)
class NodeAnswer:
    """status is None when the node did not answer; why says how. digest: MD5 of a body."""

    node: Device
    status: int | None
    headers: Headers | None = None
    body: bytes = b""
    digest: str = ""
    why: str = ""

    @property
    def ok(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def where(self) -> str:
        return f"{self.node.ip}/{self.node.device}"

    def header(self, name: str) -> str:
        return "" if self.headers is None else (self.headers.get(name) or "")


@dataclass(frozen=True, slots=True)
class Listing:
    """What one node lists; last is the answer that ended it, good or bad."""

    first: NodeAnswer
    last: NodeAnswer
    entries: list[dict[str, Any]] = field(default_factory=list)


class Nodes:
    """Threads may share it: each has connections of its own."""

    def __init__(self, swift_dir: str) -> None:
        self._cluster = cluster_conf.load(swift_dir)
        self._swift_dir = swift_dir
        self._rings: dict[str, Ring] = {}
        self._lock = threading.Lock()
        self._local = threading.local()

    def of(self, *names: str, policy_index: int = 0) -> tuple[int, tuple[Device, ...]]:
        return self._ring(len(names), policy_index).nodes(*names)

    def _ring(self, depth: int, policy_index: int) -> Ring:
        name = ("account", "container", "object")[depth - 1]
        if depth == 3 and policy_index:
            name = f"object-{policy_index}"
        with self._lock:
            if name not in self._rings:
                path = os.path.join(self._swift_dir, f"{name}.ring.gz")
                self._rings[name] = Ring.load(path, self._cluster.hash_path)
            return self._rings[name]

    def listings(self, *names: str) -> list[Listing]:
        """From every node of an account or container, to its end."""
        partition, nodes = self.of(*names)
        return [self._listing(node, storage_path(node.device, partition, *names)) for node in nodes]

    def _listing(self, node: Device, target: str) -> Listing:
        first: NodeAnswer | None = None
        entries: list[dict[str, Any]] = []
        marker = ""
        while True:
            query = f"?format=json&marker={quote_path(marker, '')}"
            answer = self._ask(node, "GET", target + query, {}, keep=True)
            first = first or answer
            page = json.loads(answer.body or b"[]") if answer.ok else []
            if not page:
                return Listing(first, answer, entries)
            entries += page
            marker = page[-1].get("name") or page[-1].get("subdir")

    def objects(self, *names: str, policy_index: int, deep: bool) -> list[NodeAnswer]:
        """From every node; with deep their bytes are read, and digested."""
        partition, nodes = self.of(*names, policy_index=policy_index)
        headers = {X_BACKEND_STORAGE_POLICY_INDEX: str(policy_index)}
        method = "GET" if deep else "HEAD"
        return [
            self._ask(node, method, storage_path(node.device, partition, *names), headers)
            for node in nodes
        ]

    def _ask(
        self,
        node: Device,
        method: str,
        target: str,
        headers: Mapping[str, str],
        *,
        keep: bool = False,
    ) -> NodeAnswer:
        """keep: the body is wanted, and small."""
        host = getattr(self._local, "host", None)
        if host is None:
            host = self._local.host = plain.make_host()
            self._local.pool = Pool(host, conn_timeout=5.0, read_timeout=_NODE_S)
        sent = [("User-Agent", "swiftlite-account-audit"), *headers.items()]
        deadline = host.clock.monotonic() + _NODE_S
        try:
            head = render_head(method, target, sent, node.address)
            exchange = self._local.pool.open(node.address, head, deadline=deadline, idempotent=True)
            answer = exchange.answer(deadline)
            kept = bytearray()
            digest = hashlib.md5(usedforsecurity=False)
            while block := answer.read(1 << 16):
                digest.update(block)
                if keep:
                    kept += block
        except PeerFault as fault:
            return NodeAnswer(node, None, why=fault.reason)
        return NodeAnswer(node, answer.status, answer.headers, bytes(kept), digest.hexdigest())
