"""A whole cluster in one thread: two proxies over four storage nodes with all of their programs.

Account, container and object servers, every background pass under the real runner, rings made by
the builder, HTTP between them all; only time, disks, networks and tasks are simulated. Databases
are SQLite's and lie in real folders (in memory where the machine has such a place): devices of
theirs can be wiped, unmounted and damaged, while losing power costs them nothing.
"""

from __future__ import annotations

import io
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, cast

from swiftlite.account.options import AccountServerOptions
from swiftlite.account.server import AccountServer
from swiftlite.cli.embedded.daemons import DAEMONS, EXPIRER
from swiftlite.cluster.conf import ClusterConf
from swiftlite.cluster.rings import Rings
from swiftlite.container.options import ContainerServerOptions
from swiftlite.container.server import ContainerServer
from swiftlite.formats.sync_realms import SyncRealms
from swiftlite.host.bundle import Host
from swiftlite.host.os_disk import OsDisk
from swiftlite.httpd.acceptor import serve
from swiftlite.memcache import Generations, MemoryCache
from swiftlite.obj.expirer.expire import ExpirerPass
from swiftlite.obj.expirer.options import ExpirerOptions
from swiftlite.obj.options import ObjectServerOptions
from swiftlite.obj.server.app import ObjectServer
from swiftlite.observe.log import DEBUG, Log
from swiftlite.policies import parse_policies
from swiftlite.proxy.app import ProxyApp
from swiftlite.proxy.context import Context
from swiftlite.proxy.options import ProxyOptions
from swiftlite.ring import Ring, RingBuilder
from swiftlite.service.internal_client import InternalClient
from swiftlite.service.passes import DaemonContext
from swiftlite.service.runner import run_pass
from swiftlite.testing.sim_host import SimNode, World
from swiftlite.vocab.hashing import HashPath
from swiftlite.vocab.limits import Limits
from swiftlite.vocab.names import quote_path
from swiftlite.web.wsgi import WsgiApp
from tests.service.contexts import make_context
from tests.web.environs import Answer, make_environ

NODES, REPLICAS, PART_POWER = 4, 3, 3
PORTS = {"object": 6200, "container": 6201, "account": 6202}
HASH_PATH = HashPath(b"", b"whole")
CONF = ClusterConf("", HASH_PATH, Limits(), parse_policies({}))
OBJECT_DEVICES, RECON = "/srv/node", "/var/cache/swift"
_MEMORY = "/dev/shm"


@cache
def ring_of(kind: str) -> Ring:
    builder = RingBuilder.create(PART_POWER, REPLICAS, 0)
    for number in range(1, NODES + 1):
        builder.add_device(
            zone=number, ip=node_ip(number), port=PORTS[kind], device=f"d{number}", weight=100
        )
    builder.rebalance(0, seed=kind)
    return builder.ring(HASH_PATH)


def node_ip(number: int) -> str:
    return f"10.0.0.{number}"


class _Watcher:
    def __init__(self, kind: str) -> None:
        self._kind = kind

    def current(self) -> Ring:
        return ring_of(self._kind)


class TheRings:
    """cluster.rings.Rings."""

    account, container = _Watcher("account"), _Watcher("container")

    def object(self, policy_index: int) -> _Watcher:
        return _Watcher("object")


RINGS = cast(Rings, TheRings())


class Lines:
    """A sink that keeps what tells of a mistake of ours."""

    def __init__(self) -> None:
        self.mistakes: list[str] = []

    def write(self, level: int, line: str) -> None:
        if "Traceback" in line:
            self.mistakes.append(line)


@dataclass(frozen=True)
class Settings:
    """intervals: seconds between passes, by daemon. skews: of the nodes' clocks, by address.
    report_interval: of container servers to accounts; 0 leaves it to the updater."""

    intervals: Mapping[str, float]
    skews: Mapping[str, float]
    proxy: Mapping[str, Any]
    reclaim_age: float = 604_800.0
    report_interval: float = 1.0


class WholeCluster:
    """Storage nodes 10.0.0.1 to .4, proxies 10.0.1.1 and .2; the expirer is on the first of them.

    Use it as a context manager: it has folders."""

    def __init__(self, seed: int, settings: Settings) -> None:
        self.settings = settings
        self.world = World(seed, ordered_disks=bool(seed % 2))
        self.lines = Lines()
        self.log = Log("sim", level=DEBUG, sink=self.lines)
        memory = _MEMORY if os.path.isdir(_MEMORY) else None
        self.folder = tempfile.mkdtemp(prefix="swiftlite-sim-", dir=memory)
        self.passes = 0
        self._closers: dict[str, list[Callable[[], object]]] = {}
        self._grounds: dict[str, OsDisk] = {}
        self.storage = [self._make_storage(number) for number in range(1, NODES + 1)]
        self.proxies = [self._make_proxy(number) for number in (1, 2)]
        self.world.run_for(0.1)

    def __enter__(self) -> WholeCluster:
        return self

    def __exit__(self, *_: object) -> None:
        for node in [*self.storage, *(proxy.node for proxy in self.proxies)]:
            self._end(node)
            node.kill()
        shutil.rmtree(self.folder)

    # --- nodes

    def _node(self, ip: str) -> SimNode:
        return self.world.node(ip, skew=self.settings.skews.get(ip, 0.0))

    def _make_storage(self, number: int) -> SimNode:
        node = self._node(node_ip(number))
        node.disk.makedirs(f"{OBJECT_DEVICES}/d{number}")
        node.disk.makedirs(RECON)
        node.disk.mounts.add(f"{OBJECT_DEVICES}/d{number}")
        node.disk.cut_power()
        node.disk.power_on("nothing")  # what was made is stable now
        os.makedirs(self.database_device(number))
        os.makedirs(f"{self.folder}/recon{number}")
        self.start(node)
        return node

    def _make_proxy(self, number: int) -> Proxy:
        proxy = Proxy(self, self._node(f"10.0.1.{number}"))
        if number == 1:
            proxy.start_expirer()
        return proxy

    def number_of(self, node: SimNode) -> int:
        return int(node.ip.rpartition(".")[2])

    def database_device(self, number: int) -> str:
        return f"{self.folder}/node{number}/d{number}"

    def grounded(self, node: SimNode) -> Host:
        """The host of programs that keep databases."""
        return replace(node.host, disk=self.ground_of(node))

    def ground_of(self, node: SimNode) -> OsDisk:
        """Where a node's databases are; its methods may be exchanged for a while."""
        if node.ip not in self._grounds:
            clock = node.host.clock
            disk = OsDisk(pause=node.tasks.sleep, monotonic=clock.monotonic)
            self._grounds[node.ip] = disk
        return self._grounds[node.ip]

    def start(self, node: SimNode) -> None:
        """All programs of a storage node, when it is made and after each death."""
        number, net, log = self.number_of(node), node.host.net, self.log
        grounded = self.grounded(node)
        databases: dict[str, Any] = {"devices": f"{self.folder}/node{number}", "mount_check": False}
        objects = ObjectServerOptions(devices=OBJECT_DEVICES)
        reporting = self.settings.report_interval
        told = ContainerServerOptions(**databases, account_report_interval=reporting)
        containers = ContainerServer(grounded, CONF, RINGS, told, SyncRealms(), log)
        accounts = AccountServer(grounded, CONF, AccountServerOptions(**databases), log)
        self._closers[node.ip] = [containers.close, accounts.close]
        apps: dict[str, WsgiApp] = {"container": containers, "account": accounts}
        apps["object"] = ObjectServer(node.host, objects, CONF, log)
        for kind, app in apps.items():
            serve(net.listen((node.ip, PORTS[kind])), app, host=node.host, log=log)
        for daemon in DAEMONS:
            if daemon.name != EXPIRER:
                host = node.host if daemon.kind == "object" else grounded
                node.tasks.spawn(self._run_daemon, node, host, daemon.name)

    def kill(self, node: SimNode) -> None:
        self._end(node)
        node.kill()

    def cut_power(self, node: SimNode) -> None:
        self._end(node)
        node.cut_power()

    def _end(self, node: SimNode) -> None:
        """What the kernel does with a dead program's files. (Tasks end in a moment.)"""
        for close in self._closers.pop(node.ip, []):
            self.world.scheduler.outside(cast(Callable[[], None], close))

    # --- passes

    def _run_daemon(self, node: SimNode, host: Host, name: str) -> None:
        """service.daemon_main's part: the options, the context, the runner."""
        number = self.number_of(node)
        daemon = next(one for one in DAEMONS if one.name == name)
        spec = daemon.spec()
        conf = {"devices": OBJECT_DEVICES}
        if daemon.kind != "object":
            conf = {"devices": f"{self.folder}/node{number}", "mount_check": "false"}
        recon = RECON if daemon.kind == "object" else f"{self.folder}/recon{number}"
        context = self.context(
            host, conf=conf, recon_path=recon, bind_ip=node.ip, bind_port=PORTS[daemon.kind]
        )
        table: Any = spec.tables[0]
        work = spec.build(context, table(**self._options(table, name)))
        run_pass(context, _Counted(self, work), lambda word: None)

    def _options(self, table: type, name: str) -> dict[str, Any]:
        """Swift's defaults, but for what the seed decides."""
        chosen: dict[str, Any] = {}
        fields = table.__dataclass_fields__  # type: ignore[attr-defined]  # tables are dataclasses
        if "interval" in fields:
            chosen["interval"] = self.settings.intervals[name]
        if "reclaim_age" in fields:
            chosen["reclaim_age"] = self.settings.reclaim_age
        if "account_suppression_time" in fields:
            chosen["account_suppression_time"] = 5.0
        if name == "object-replicator":
            chosen["sync_method"] = "ssync"
        return chosen

    def context(self, host: Host, **more: Any) -> DaemonContext:  # noqa: ANN401 - fields of it
        return make_context(
            host, cluster=CONF, rings=RINGS, sink=cast(Any, self.lines),
            sections={"object-replicator": {}}, **more,
        )  # fmt: skip


class _Counted:
    """service.passes.Pass that counts its passes."""

    def __init__(self, cluster: WholeCluster, work: Any) -> None:  # noqa: ANN401 - a Pass
        self._cluster = cluster
        self._work = work
        self.close = work.close

    def step(self) -> Any:  # noqa: ANN401 - Busy or Idle
        outcome = self._work.step()
        self._cluster.passes += hasattr(outcome, "seconds")
        return outcome


class Proxy:
    """One proxy and whoever asks it."""

    def __init__(self, cluster: WholeCluster, node: SimNode) -> None:
        self.cluster = cluster
        self.node = node
        options = ProxyOptions(
            account_autocreate=True, log_handoffs=False, **cluster.settings.proxy
        )
        self.app = ProxyApp(Context(node.host, options, CONF, RINGS, cluster.log))
        self.cache = MemoryCache(node.host.clock, generations=Generations())

    def start_expirer(self) -> None:
        node, cluster = self.node, self.cluster
        node.disk.makedirs(RECON)
        context = cluster.context(node.host, recon_path=RECON, conf_path="object-expirer.conf")
        client = InternalClient(
            self._with_cache, "Swift Object Expirer", tries=3, pause=node.tasks.sleep
        )
        options = ExpirerOptions(interval=cluster.settings.intervals[EXPIRER])
        work = ExpirerPass(context, options, client)
        node.tasks.spawn(run_pass, context, _Counted(cluster, work), lambda word: None)

    def _with_cache(self, environ: dict[str, Any], start_response: Any) -> Any:  # noqa: ANN401
        environ["swift.cache"] = self.cache
        return self.app(environ, start_response)

    def ask(
        self, method: str, path: str, body: bytes = b"", query: str = "", **headers: str
    ) -> Answer:
        """One client's request; from a task of this node. path: container/object."""
        whole = f"/v1/a/{path}".rstrip("/")
        given: dict[str, Any] = dict(headers)
        environ = make_environ(method, whole, **given)
        environ["RAW_PATH_INFO"] = quote_path(whole)
        environ["QUERY_STRING"] = query
        environ["swift.cache"] = self.cache
        environ["HTTP_HOST"] = "proxy"
        environ["wsgi.input"] = io.BytesIO(body)
        if method == "PUT":
            environ["CONTENT_LENGTH"] = str(len(body))
            environ["CONTENT_TYPE"] = "text/plain"
        return Answer(self.app, environ)
