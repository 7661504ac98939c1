"""Where things lie in an embedded cluster's folder, and what its servers are called.

DIR/etc/        swift.conf, the rings and their builders, one conf for each server
DIR/srv/nodeN/dN  the devices, one a node, each node a zone of its own
DIR/log/        one file for each server and daemon
DIR/run/        lock and pid of the running cluster, its cache of generations
DIR/cache/      what each node's servers and daemons leave for the recon tools
DIR/openrc      credentials for clients, readable by the owner alone
DIR/cluster.json  what this cluster is (see marker.py)
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

HOST = "127.0.0.1"
"""Storage servers of an embedded cluster are nobody else's business."""

STORAGE_KINDS = ("object", "container", "account")
"""In the order of their ports within a node."""

PORTS_PER_NODE = 10
BACKENDS_DEFAULT_PORT = 6200


@dataclass(frozen=True, slots=True)
class ServerName:
    """One server of the cluster: kind is proxy, account, container or object; node counts from 1,
    and is 0 for the proxy."""

    kind: str
    node: int = 0

    @property
    def label(self) -> str:
        return f"{self.kind}-server {self.node}" if self.node else f"{self.kind}-server"

    @property
    def log_name(self) -> str:
        return f"{self.kind}-{self.node}" if self.node else self.kind


@dataclass(frozen=True, slots=True)
class Layout:
    """Paths of one cluster. root is absolute."""

    root: Path
    nodes: int
    first_port: int

    @property
    def etc(self) -> Path:
        return self.root / "etc"

    @property
    def logs(self) -> Path:
        return self.root / "log"

    @property
    def run(self) -> Path:
        return self.root / "run"

    def recon(self, node: int) -> Path:
        """A node's recon caches; 0: of what belongs to no node."""
        return self.root / "cache" / (f"node{node}" if node else "cluster")

    @property
    def openrc(self) -> Path:
        return self.root / "openrc"

    @property
    def servers(self) -> list[ServerName]:
        """Storage servers first: the proxy needs them."""
        storage = [
            ServerName(kind, node) for node in range(1, self.nodes + 1) for kind in STORAGE_KINDS
        ]
        return [*storage, ServerName("proxy")]

    def devices(self, node: int) -> Path:
        """The directory that holds a node's devices."""
        return self.root / "srv" / f"node{node}"

    def device_name(self, node: int) -> str:
        return f"d{node}"

    def device(self, node: int) -> Path:
        return self.devices(node) / self.device_name(node)

    def port(self, server: ServerName) -> int:
        """A storage server's port; the proxy's is chosen at each start."""
        return storage_port(self.first_port, server.kind, server.node)

    def metrics_port(self, node: int) -> int:
        """Where the daemons of a node tell their metrics: 6213 for those of the first; node 0: of
        those that belong to none."""
        return self.first_port + PORTS_PER_NODE * node + len(STORAGE_KINDS)

    def conf(self, server: ServerName) -> Path:
        if server.kind == "proxy":
            return self.etc / "proxy-server.conf"
        return self.etc / f"{server.kind}-server" / f"{server.node}.conf"

    def log(self, server: ServerName) -> Path:
        return self.logs / f"{server.log_name}.log"

    def pid_file(self, server: ServerName) -> Path:
        return self.run / f"{server.log_name}.pid"

    def ring(self, kind: str) -> Path:
        return self.etc / f"{kind}.ring.gz"

    def builder(self, kind: str) -> Path:
        return self.etc / f"{kind}.builder"


def storage_port(first_port: int, kind: str, node: int) -> int:
    """6210, 6211, 6212 for the first node's object, container and account server, and so on."""
    return first_port + PORTS_PER_NODE * node + STORAGE_KINDS.index(kind)


def storage_ports(first_port: int, nodes: int) -> list[int]:
    return [
        storage_port(first_port, kind, node)
        for node in range(1, nodes + 1)
        for kind in STORAGE_KINDS
    ]
