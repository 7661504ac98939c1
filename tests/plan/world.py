"""A whole cluster in a simulated world, to be asked about and then done to: real rings, proxy,
object servers, replicators and recon filters; accounts and containers are stand-ins that know on
which devices they are.
"""

from __future__ import annotations

import io
import json
import os
import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

from swiftlite.cli.plan.facts import Facts, facts_of
from swiftlite.cli.plan.measure import measured
from swiftlite.cli.plan.rings import rings_of
from swiftlite.cli.plan.told import PATHS, read
from swiftlite.cli.recon.ask import SERVER_TYPE, Reply, Server
from swiftlite.cluster.conf import ClusterConf
from swiftlite.cluster.rings import Rings
from swiftlite.httpd.acceptor import serve
from swiftlite.memcache import Generations, MemoryCache
from swiftlite.middleware.recon.caches import PARTITIONS
from swiftlite.middleware.recon.filter import Recon
from swiftlite.middleware.recon.options import ReconOptions
from swiftlite.obj.options import ObjectServerOptions
from swiftlite.obj.replicator.options import ReplicatorOptions
from swiftlite.obj.replicator.sweep import ReplicatorPass
from swiftlite.obj.server.app import ObjectServer
from swiftlite.observe import recon
from swiftlite.observe.log import Log
from swiftlite.observe.sinks import NullSink
from swiftlite.policies import parse_policies
from swiftlite.proxy.app import ProxyApp
from swiftlite.proxy.context import Context
from swiftlite.proxy.options import ProxyOptions
from swiftlite.ring import Device, Ring, RingBuilder
from swiftlite.service.passes import Idle
from swiftlite.testing.sim_host import SimNode, World
from swiftlite.vocab.hashing import HashPath
from swiftlite.vocab.limits import Limits
from swiftlite.vocab.names import wsgi_quote
from tests.service.contexts import Lines, make_context
from tests.web.environs import Answer, make_environ

ROOT, CACHE = "/srv/node", "/var/cache/swift"
PORTS = {"object": 6200, "container": 6201, "account": 6202}
HASH_PATH = HashPath(b"", b"changeme")
NOW = 1_700_000_000.0
MOMENT = "1600000000.00000"
HOUR = 3600.0
INTERVAL_S = 0.1
"""Between passes; what is moved here is moved in seconds."""


class Place:
    """cluster.rings' watcher of one ring that a test may exchange."""

    def __init__(self, ring: Ring) -> None:
        self.ring = ring

    def current(self) -> Ring:
        return self.ring


class Places:
    """cluster.rings.Rings."""

    def __init__(self, rings: dict[str, Ring]) -> None:
        self.account, self.container, self._object = (
            Place(rings[name]) for name in ("account", "container", "object")
        )

    def object(self, policy_index: int) -> Place:
        return self._object

    def put(self, name: str, ring: Ring) -> None:
        place = self._object if name == "object" else getattr(self, name)
        place.ring = ring


class Databases:
    """The account or container server of a node: what is on which device, and that it agrees."""

    def __init__(self, node: SimNode) -> None:
        self.node = node
        self.held: set[tuple[str, str]] = set()  # device, path

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:  # noqa: ANN401  # PEP 3333
        source = environ["wsgi.input"]
        while source.read(65_536):
            pass
        _, device, _, *names = environ["PATH_INFO"].split("/")
        verb = environ["REQUEST_METHOD"]
        is_there = (device, "/".join(names[:2])) in self.held
        if not self.node.disk.is_mount(f"{ROOT}/{device}"):
            status = "507 Insufficient Storage"
        elif not is_there:
            status = "404 Not Found"
        else:
            status = {"PUT": "201 Created", "UPDATE": "202 Accepted"}.get(verb, "204 No Content")
        start_response(status, [("Content-Length", "0"), *(_FACTS if is_there else ())])
        return []


_FACTS = (
    ("X-Backend-Storage-Policy-Index", "0"),
    ("X-Container-Object-Count", "0"),
    ("X-Container-Bytes-Used", "0"),
    ("X-Account-Container-Count", "1"),
    ("X-Account-Object-Count", "0"),
    ("X-Account-Bytes-Used", "0"),
    ("X-Timestamp", MOMENT),
    ("X-Put-Timestamp", MOMENT),
    ("X-Backend-Timestamp", MOMENT),
    ("X-Backend-Put-Timestamp", MOMENT),
)


class PlanWorld:
    """Nodes 10.0.0.1, .2, ...; the proxy on 10.0.1.1; rings also as files in folder."""

    def __init__(
        self, seed: int, folder: Path, *, nodes: int, disks: int, zones: int, replicas: float,
        concurrency: int = 1, part_power: int = 5, fate: int = 0,
    ) -> None:  # fmt: skip
        self.chance = random.Random(f"plan {seed}")
        self.folder, self.concurrency = folder, concurrency
        self.world = World(seed + 1_000_000 * fate, ordered_disks=bool(seed % 2))
        self.world.clock.advance(NOW - self.world.clock.wall())
        self.conf = ClusterConf(str(folder), HASH_PATH, Limits(), parse_policies({}))
        self.log = Log("sim", sink=NullSink())
        self.ips = [f"10.0.0.{number}" for number in range(1, nodes + 1)]
        self.down: set[str] = set()
        self.powers = {"object": part_power, "container": 3, "account": 2}
        self.builders = self._builders(disks, zones, replicas)
        self.places = Places({name: self.ring_of(name) for name in PORTS})
        self.databases: dict[Server, Databases] = {}
        self.servers: dict[str, ObjectServer] = {}
        self.bodies: dict[str, bytes] = {}
        for name in PORTS:
            self.write_ring(name)
        for ip in self.ips:
            self._equip(self.world.node(ip), disks)
        self.proxy = self.world.node("10.0.1.1")
        self.fresh_proxy()
        self.world.run_for(0.1)

    # --- making it

    def _builders(self, disks: int, zones: int, replicas: float) -> dict[str, RingBuilder]:
        weights = [self.chance.choice((100.0, 100.0, 100.0, 150.0)) for _ in self.ips]
        found = {}
        for name, port in PORTS.items():
            builder = RingBuilder.create(self.powers[name], replicas, 0)
            for number, ip in enumerate(self.ips):
                for disk in range(disks):
                    builder.add_device(
                        zone=number % zones, ip=ip, port=port, device=f"sd{chr(97 + disk)}",
                        weight=weights[number],
                    )  # fmt: skip
            builder.rebalance(NOW, seed="1")
            found[name] = builder
        return found

    def ring_of(self, name: str) -> Ring:
        return self.builders[name].ring(HASH_PATH)

    def write_ring(self, name: str, *, backup: bool = True) -> None:
        """The ring in force, as a file; and a copy where the builder keeps its own."""
        now = self.wall
        ring = self.place(name).ring
        path = self.folder / f"{name}.ring.gz"
        ring.save(str(path))
        os.utime(path, (now, now))
        if backup:
            (self.folder / "backups").mkdir(exist_ok=True)
            ring.save(str(self.folder / "backups" / f"{int(now)}.{name}.ring.gz"))

    def place(self, name: str) -> Place:
        return cast(
            Place, self.places.object(0) if name == "object" else getattr(self.places, name)
        )

    @property
    def wall(self) -> float:
        return self.world.clock.wall()

    def _equip(self, node: SimNode, disks: int) -> None:
        for disk in range(disks):
            path = f"{ROOT}/sd{chr(97 + disk)}"
            node.disk.makedirs(path)
            node.disk.mounts.add(path)
        node.disk.makedirs(CACHE)
        for kind in ("account", "container"):
            self.databases[node.ip, PORTS[kind]] = Databases(node)
        self.start(node)

    def start(self, node: SimNode) -> None:
        """The servers of a node, when it is made and after each fault."""
        self.down.discard(node.ip)
        options = ObjectServerOptions(devices=ROOT)
        app = self.servers[node.ip] = ObjectServer(node.host, options, self.conf, self.log)
        net = node.host.net
        serve(net.listen((node.ip, 6200)), app, host=node.host, log=self.log)
        for kind in ("account", "container"):
            address = (node.ip, PORTS[kind])
            standing_in = self.databases[address]
            serve(net.listen(address), standing_in, host=node.host, log=self.log)

    def fresh_proxy(self) -> None:
        """One that knows of no fault yet."""
        options = ProxyOptions(account_autocreate=False, log_handoffs=False)
        rings = cast(Rings, self.places)
        self.app = ProxyApp(Context(self.proxy.host, options, self.conf, rings, self.log))
        self.cache = MemoryCache(self.proxy.host.clock, generations=Generations())

    # --- faults

    def stop(self, ip: str) -> None:
        if ip not in self.down:
            self.down.add(ip)
            self.world.node(ip).kill()

    def unmount(self, ip: str, device: str) -> None:
        self.world.node(ip).disk.mounts.discard(f"{ROOT}/{device}")

    def mount(self, ip: str, device: str) -> None:
        self.world.node(ip).disk.mounts.add(f"{ROOT}/{device}")

    def is_there(self, device: Device) -> bool:
        mounts = self.world.node(device.ip).disk.mounts
        return device.ip not in self.down and f"{ROOT}/{device.device}" in mounts

    # --- clients

    def ask(self, verb: str, path: str, body: bytes = b"") -> Answer:
        environ: dict[str, Any] = make_environ(verb, path)
        environ["RAW_PATH_INFO"] = wsgi_quote(path)
        environ["swift.cache"] = self.cache
        environ["HTTP_HOST"] = "proxy"
        environ["wsgi.input"] = io.BytesIO(body)
        if verb == "PUT":
            environ["CONTENT_LENGTH"] = str(len(body))
            environ["CONTENT_TYPE"] = "text/plain"
        return self.world.run(self.proxy, Answer, self.app, environ)

    def put(self, path: str, body: bytes) -> bool:
        """Remembered when it is acknowledged."""
        granted = self.ask("PUT", path, body).status == 201
        if granted:
            self.bodies[path] = body
        return granted

    def reads(self, path: str) -> bool:
        answer = self.ask("GET", path)
        return answer.status == 200 and answer.body == self.bodies[path]

    def make_database(self, path: str) -> None:
        """An account (`a`) or container (`a/c`), on all of its primaries."""
        kind = "container" if "/" in path else "account"
        ring = self.place(kind).ring
        for device in ring.nodes(*path.split("/"))[1]:
            self.databases[device.address].held.add((device.device, path))

    def partition(self, path: str) -> int:
        """Of an object as clients name it: /v1/a/c/o."""
        return self.place("object").ring.partition(*path.split("/")[2:])

    # --- what is on the disks

    def holders(self, path: str) -> set[Device]:
        account, container, name = path.split("/")[2:]
        hashed = HASH_PATH.hex(account, container, name)
        below = f"objects/{self.partition(path)}/{hashed[-3:]}/{hashed}"
        found = set()
        for device in self.place("object").ring.devices:
            if device is None:
                continue
            disk = self.world.node(device.ip).disk
            folder = f"{ROOT}/{device.device}/{below}"
            if disk.exists(folder) and any(n.endswith(".data") for n in disk.listdir(folder)):
                found.add(device)
        return found

    def partitions_on(self, device: Device) -> list[int]:
        disk = self.world.node(device.ip).disk
        folder = f"{ROOT}/{device.device}/objects"
        if not disk.exists(folder):
            return []
        return [int(name) for name in disk.listdir(folder) if name.isdigit()]

    def bytes_on(self, device: Device) -> dict[int, int]:
        """Of objects' files, by partition, as they lie there."""
        disk = self.world.node(device.ip).disk
        root = f"{ROOT}/{device.device}/objects"
        return {
            partition: sum(
                len(data)
                for path, data in disk.tree(f"{root}/{partition}").items()
                if path.endswith(".data")
            )
            for partition in self.partitions_on(device)
        }

    # --- daemons

    def replicator(self, ip: str) -> ReplicatorPass:
        node = self.world.node(ip)
        made = make_context(
            node.host, cluster=self.conf, rings=self.places, conf={"devices": ROOT}, sink=Lines(),
            recon_path=CACHE, bind_ip=ip, bind_port=6200,
        )  # fmt: skip
        options = ReplicatorOptions(
            sync_method="ssync", concurrency=self.concurrency, interval=INTERVAL_S
        )
        return ReplicatorPass(made, options)

    def replicate(self) -> None:
        """One whole pass of every node that is up; databases tell of one as well."""
        up = [ip for ip in self.ips if ip not in self.down]
        for ip in up:
            work = self.replicator(ip)
            self.world.run(self.world.node(ip), _run_to_idle, work)
        for ip in up:
            for kind in ("account", "container"):
                stats = {"attempted": 1, "success": 2, "failure": 0, "failure_nodes": {}}
                found = {"replication_stats": stats, "replication_time": 0.5}
                found["replication_last"] = self.wall
                recon.dump(self.world.node(ip).disk, f"{CACHE}/{kind}.recon", found)

    def measure(self) -> None:
        for ip in self.ips:
            disk = self.world.node(ip).disk
            names = [path.rpartition("/")[2] for path in disk.mounts if path.startswith(ROOT)]
            found = {name: measured(disk, f"{ROOT}/{name}") for name in names}
            recon.dump(disk, f"{CACHE}/{PARTITIONS}", {"partitions": found})

    # --- as the operator sees it

    def facts(self) -> Facts:
        rings = list(rings_of(str(self.folder), self.conf))
        kinds: dict[Server, str] = {}
        for one in rings:
            for device in one.ring.devices:
                if device is not None:
                    kinds.setdefault(device.address, one.kind)
        told = {path: [self._told(server, path) for server in sorted(kinds)] for path in PATHS}
        return facts_of(rings, read(kinds, told, lambda where, kind, device: True))

    def _told(self, server: Server, path: str) -> Reply:
        ip = server[0]
        if ip in self.down:
            return Reply(server, path, -1, "refused", self.wall, self.wall)
        if path == SERVER_TYPE:
            return Reply(server, path, 200, "object-server", self.wall, self.wall)
        node = self.world.node(ip)
        app = Recon(
            everything_else, ReconOptions(recon_cache_path=CACHE, devices=ROOT), host=node.host,
            log=self.log, swift_dir=str(self.folder), ring_names=(),
        )  # fmt: skip
        answer = self.world.run(node, Answer, app, make_environ("GET", f"/recon/{path}"))
        content = json.loads(answer.body) if answer.status == 200 else None
        return Reply(server, path, answer.status, content, self.wall, self.wall)


def everything_else(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:  # noqa: ANN401  # PEP 3333
    raise AssertionError("recon answers")


def _run_to_idle(work: ReplicatorPass) -> None:
    while not isinstance(work.step(), Idle):
        pass
    work.close()
