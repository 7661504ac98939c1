"""A few nodes in one process: real servers on loopback ports, real databases, a replicator each."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

from swiftlite.account.options import AccountServerOptions
from swiftlite.account.replicator import AccountReplicatorOptions
from swiftlite.account.replicator import build as build_accounts
from swiftlite.account.server import AccountServer
from swiftlite.config.units import Reserve
from swiftlite.container.options import ContainerServerOptions
from swiftlite.container.replicator import ContainerReplicatorOptions
from swiftlite.container.replicator import build as build_containers
from swiftlite.container.server import ContainerServer
from swiftlite.dbstore import AccountBroker, ContainerBroker
from swiftlite.dbstore.container import Put
from swiftlite.formats.recon_cache import parse_recon
from swiftlite.formats.sync_realms import SyncRealms
from swiftlite.host.bundle import Host
from swiftlite.httpd.acceptor import serve
from swiftlite.httpd.limits import HttpLimits
from swiftlite.observe.log import Log
from swiftlite.ring import Device, Ring, RingBuilder
from swiftlite.service.passes import Idle, Pass
from swiftlite.vocab.limits import Limits
from swiftlite.vocab.timestamp import Timestamp
from tests.account.servers import cluster_conf
from tests.dbstore.stores import HASH_PATH, at
from tests.service.contexts import Lines, make_context

HERE = "127.0.0.1"


class Later:
    """A clock some time ahead, so that files just written have been at rest for long."""

    def __init__(self, clock: Any, ahead: float) -> None:  # noqa: ANN401  # any clock
        self._clock = clock
        self.ahead = ahead

    def wall(self) -> float:
        return float(self._clock.wall()) + self.ahead

    def monotonic(self) -> float:
        return float(self._clock.monotonic())


@dataclasses.dataclass
class _Rings:
    """Stands in for cluster.rings.Rings; also its own watcher."""

    ring: Ring | None = None

    @property
    def account(self) -> _Rings:
        return self

    container = account

    def current(self) -> Ring:
        assert self.ring is not None
        return self.ring


class Node:
    """One server over one device, sd<number>, and what its replicator would be given."""

    def __init__(self, nodes: Nodes, number: int) -> None:
        self.nodes = nodes
        self.number = number
        self.name = f"sd{number}"
        self.root = nodes.root / f"node{number}"
        (self.root / self.name).mkdir(parents=True)
        self.lines = Lines()
        self.asked: list[str] = []
        self.app = self._make_app()
        listener = nodes.host.net.listen((HERE, 0))
        log: Any = Log("server", sink=self.lines)
        self.acceptor = serve(
            listener, self._counted, host=nodes.host, limits=HttpLimits(), log=log
        )
        address = listener.address
        assert isinstance(address, tuple)
        self.port = address[1]
        self.stop = listener.close
        self.down = 0

    def _counted(self, environ: Any, start_response: Any) -> Any:  # noqa: ANN401  # WSGI
        self.asked.append(f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}")
        if self.down:
            start_response(f"{self.down} Down", [("Content-Length", "0")])
            return []
        if not self.nodes.lanes:
            environ.pop("HTTP_X_BACKEND_SWIFTLITE", None)
            if environ["PATH_INFO"] == "/compare":
                start_response("400 Bad Request", [("Content-Length", "0")])
                return []
        return self.app(environ, start_response)

    def _make_app(self) -> Any:  # noqa: ANN401  # one of two servers
        host, conf = self.nodes.host, cluster_conf()
        log = Log("server", sink=self.lines)
        shared: dict[str, Any] = {
            "devices": str(self.root),
            "mount_check": False,
            "fallocate_reserve": Reserve(),
            "log_requests": False,
            "db_journal_mode": self.nodes.journal,
        }
        if self.nodes.kind == "account":
            return AccountServer(host, conf, AccountServerOptions(**shared), log)
        options = ContainerServerOptions(**shared, account_report_interval=0.0)
        rings: Any = self.nodes.rings
        return ContainerServer(host, conf, rings, options, SyncRealms(), log)

    @property
    def device(self) -> Device:
        device = self.nodes.ring.devices[self.number]
        assert device is not None
        return device

    def container(self, name: str = "c", partition: int | None = None) -> ContainerBroker:
        digest = HASH_PATH.hex("a", name)
        right = self.nodes.ring.partition("a", name)
        place = self.app.engine.place(
            self.name, str(right if partition is None else partition), digest
        )
        return ContainerBroker(self.app.engine, place)

    def account(self, name: str = "a") -> AccountBroker:
        partition = str(self.nodes.ring.partition(name))
        place = self.app.engine.place(self.name, partition, HASH_PATH.hex(name))
        return AccountBroker(self.app.engine, place)

    def made(
        self, name: str = "c", seconds: float = 0, partition: int | None = None, policy: int = 0
    ) -> ContainerBroker:
        broker = self.container(name, partition)
        put = Put(at(seconds), policy, policy, {})
        broker.put("a", name, put, Limits(), at(seconds))
        return broker

    def replicator(
        self,
        partitions: frozenset[int] = frozenset(),
        **options: Any,  # noqa: ANN401  # of a replicator
    ) -> Pass:
        host = self.nodes.host
        context = make_context(
            host,
            cluster=cluster_conf(),
            rings=self.nodes.rings,
            sink=self.lines,
            recon_path=str(self.root),
            node_conf={
                "devices": str(self.root),
                "mount_check": "no",
                "fallocate_reserve": "0",
                "db_journal_mode": self.nodes.journal,
            },
            bind_ip=HERE,
            bind_port=self.port,
            once=True,
            partitions=partitions,
        )
        if self.nodes.kind == "account":
            return build_accounts(context, AccountReplicatorOptions(**options))
        return build_containers(context, ContainerReplicatorOptions(**options))

    def replicate(self, **options: Any) -> dict[str, Any]:  # noqa: ANN401  # as above
        """One pass of a fresh replicator; its stats."""
        work = self.replicator(**options)
        run_once(work)
        work.close()
        return self.stats()

    def stats(self) -> dict[str, Any]:
        recon = parse_recon((self.root / f"{self.nodes.kind}.recon").read_bytes())
        stats: Any = recon["replication_stats"]
        return dict(stats)


def run_once(work: Pass) -> None:
    while not isinstance(work.step(), Idle):
        pass


class Nodes:
    """lanes False: nodes answer as OpenStack Swift does."""

    def __init__(
        self,
        root: Path,
        host: Host,
        *,
        kind: str = "container",
        count: int = 3,
        replicas: float = 3,
        ahead: float = 0.0,
        journal: str = "wal",
    ) -> None:
        self.root = root
        self.kind = kind
        self.journal = journal
        clock: Any = Later(host.clock, ahead)
        self.clock: Later = clock
        self.host = dataclasses.replace(host, clock=clock)
        self.lanes = True
        self.rings = _Rings()
        self.nodes = [self.make_node(number) for number in range(count)]
        builder = RingBuilder.create(4, replicas, 1)
        for node in self.nodes:
            builder.add_device(
                zone=node.number, ip=HERE, port=node.port, device=node.name, weight=1.0
            )
        builder.rebalance(0.0)
        self.rings.ring = builder.ring(HASH_PATH)

    def make_node(self, number: int) -> Node:
        return Node(self, number)

    @property
    def ring(self) -> Ring:
        return self.rings.current()

    def __getitem__(self, number: int) -> Node:
        return self.nodes[number]

    def __iter__(self) -> Any:  # noqa: ANN401  # an iterator of nodes
        return iter(self.nodes)

    def primaries(self, name: str = "c") -> list[Node]:
        _, devices = self.ring.nodes("a", name)
        return [self.nodes[device.id] for device in devices]

    def handoff(self, name: str = "c") -> Node:
        at_home = {node.number for node in self.primaries(name)}
        return next(node for node in self.nodes if node.number not in at_home)

    def replicate_all(self, **options: Any) -> list[dict[str, Any]]:  # noqa: ANN401  # options
        return [node.replicate(**options) for node in self.nodes]

    def close(self) -> None:
        for node in self.nodes:
            node.stop()
            node.app.close()


Make = Callable[..., Nodes]
MOMENT = Timestamp.from_seconds(1_700_000_000)
