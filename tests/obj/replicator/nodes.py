"""Storage nodes in a simulated world, each with an object server and a replicator to be called."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from swiftlite.cluster.conf import ClusterConf
from swiftlite.formats.block_checksums import BlockChecksums
from swiftlite.host.disk import Disk
from swiftlite.httpd.acceptor import serve
from swiftlite.obj.options import ObjectServerOptions
from swiftlite.obj.replicator.options import ReplicatorOptions
from swiftlite.obj.replicator.sweep import ReplicatorPass
from swiftlite.obj.server.app import ObjectServer
from swiftlite.objectstore.api import Metadata
from swiftlite.objectstore.attributes import read_blocks, read_metadata
from swiftlite.observe.log import Log
from swiftlite.observe.sinks import NullSink
from swiftlite.policies import parse_policies
from swiftlite.ring import Device, Ring, RingBuilder
from swiftlite.service.passes import Idle
from swiftlite.testing.sim_host import SimNode, World
from swiftlite.vocab.hashing import HashPath
from swiftlite.vocab.limits import Limits
from swiftlite.vocab.names import wsgi_quote
from swiftlite.vocab.timestamp import Timestamp
from swiftlite.web.request import environ_key
from tests.service.contexts import Lines, make_context
from tests.web.environs import Answer

DEVICES, RECON, PORT = "/srv/node", "/var/cache/swift", 6200
HASH_PATH = HashPath(b"", b"changeme")
NOW = Timestamp(170_000_000_000_000)


def make_ring(count: int, replicas: float, regions: Mapping[int, int] | None = None) -> Ring:
    """A device on each of 10.0.0.1, .2, ...; part power 3."""
    builder = RingBuilder.create(3, replicas, 0)
    for number in range(1, count + 1):
        builder.add_device(
            region=(regions or {}).get(number, 1), zone=number, ip=f"10.0.0.{number}", port=PORT,
            device=f"d{number}", weight=100,
        )  # fmt: skip
    builder.rebalance(0, seed="1")
    return builder.ring(HASH_PATH)


class TheRings:
    """cluster.rings.Rings, with rings that a test may exchange."""

    def __init__(self, ring: Ring) -> None:
        self.ring = ring

    def object(self, policy_index: int) -> TheRings:
        return self

    def current(self) -> Ring:
        return self.ring


class Nodes:
    """Numbers of nodes are from 1, as their devices' names have it."""

    def __init__(
        self, count: int = 4, replicas: float = 3, *, seed: int = 1, policies: Any = None,  # noqa: ANN401
        regions: Mapping[int, int] | None = None, **server_options: Any,  # noqa: ANN401
    ) -> None:  # fmt: skip
        self.world = World(seed, ordered_disks=bool(seed % 2))
        self.world.clock.advance(NOW.seconds + 1000 - self.world.clock.wall())
        self.cluster = ClusterConf("", HASH_PATH, Limits(), parse_policies(policies or {}))
        self.rings = TheRings(make_ring(count, replicas, regions))
        self.server_options = {"devices": DEVICES, "mount_check": False, **server_options}
        self.sinks: dict[int, Lines] = {}
        self.apps: dict[int, ObjectServer] = {}
        for number in range(1, count + 1):
            self.disk(number).makedirs(f"{DEVICES}/d{number}")
            self.disk(number).makedirs(RECON)
            self.node(number).disk.cut_power()
            self.node(number).disk.power_on("nothing")  # what was made is stable now
            self.start(number)
        self.world.run_for(0.1)

    @property
    def ring(self) -> Ring:
        return self.rings.ring

    def node(self, number: int) -> SimNode:
        return self.world.node(f"10.0.0.{number}")

    def disk(self, number: int) -> Disk:
        return self.node(number).disk

    def start(self, number: int) -> None:
        """The object server of a node, when it is made and after each fault."""
        node = self.node(number)
        log = Log("object", sink=NullSink())
        options = ObjectServerOptions(**self.server_options)
        app = self.apps[number] = ObjectServer(node.host, options, self.cluster, log)
        serve(node.host.net.listen((node.ip, PORT)), app, host=node.host, log=log)

    # --- objects

    def partition(self, name: str) -> int:
        return self.ring.partition("a", "c", name)

    def primaries(self, name: str) -> list[int]:
        return [device.id + 1 for device in self.ring.primaries(self.partition(name))]

    def handoff(self, name: str) -> int:
        return next(iter(self.ring.handoffs(self.partition(name)))).device.id + 1

    def ask(
        self, number: int, verb: str, name: str, body: bytes = b"", at: Timestamp = NOW,
        policy: int = 0, **headers: Any,  # noqa: ANN401
    ) -> Answer:  # fmt: skip
        """A request to one node's server, straight."""
        path = f"/d{number}/{self.partition(name)}/a/c/{name}"
        environ: dict[str, Any] = {
            "REQUEST_METHOD": verb, "PATH_INFO": path, "RAW_PATH_INFO": wsgi_quote(path),
            "QUERY_STRING": "", "wsgi.url_scheme": "http", "HTTP_HOST": "localhost",
            "HTTP_X_TIMESTAMP": at.internal, "wsgi.input": io.BytesIO(body),
            "HTTP_X_BACKEND_STORAGE_POLICY_INDEX": str(policy),
        }  # fmt: skip
        if verb == "PUT":
            environ["CONTENT_LENGTH"] = str(len(body))
            environ["CONTENT_TYPE"] = "text/plain"
        for key, value in headers.items():
            environ[environ_key(key.replace("_", "-"))] = value
        return self.world.run(self.node(number), Answer, self.apps[number], environ)

    def put(
        self,
        number: int,
        name: str,
        body: bytes = b"hello",
        at: Timestamp = NOW,
        **headers: Any,  # noqa: ANN401
    ) -> None:
        assert self.ask(number, "PUT", name, body, at, **headers).status == 201

    def files(
        self, number: int, name: str, policy: int = 0
    ) -> dict[str, tuple[bytes, Metadata, BlockChecksums | None]]:
        """What a node has of an object: content, metadata and block checksums by name."""
        suffix = f"-{policy}" if policy else ""
        partition = self.partition(name)
        name_hash = HASH_PATH.hex("a", "c", name)
        root = f"{DEVICES}/d{number}/objects{suffix}/{partition}/{name_hash[-3:]}/{name_hash}"
        disk = self.disk(number)
        try:
            names = disk.listdir(root)
        except FileNotFoundError:
            return {}
        found = {}
        for one in names:
            fd = disk.open(f"{root}/{one}")
            content = disk.pread(fd, 1 << 24, 0)
            blocks = read_blocks(disk, fd, len(content))
            found[one] = (content, read_metadata(disk, fd), blocks)
            disk.close(fd)
        return found

    def holders(self, name: str) -> list[int]:
        return [number for number in self.apps if self.files(number, name)]

    # --- the replicator

    def replicator(
        self, number: int, options: Mapping[str, Any] | None = None, **context: Any,  # noqa: ANN401
    ) -> ReplicatorPass:  # fmt: skip
        node = self.node(number)
        sink = self.sinks.setdefault(number, Lines())
        conf = {key: str(value) for key, value in self.server_options.items()}
        made = make_context(
            node.host, cluster=self.cluster, rings=self.rings, conf=conf, sink=sink, once=True,
            recon_path=RECON, bind_ip=node.ip, bind_port=PORT, **context,
        )  # fmt: skip
        return ReplicatorPass(
            made, ReplicatorOptions(**{"sync_method": "ssync", **(options or {})})
        )

    def replicate(
        self, number: int, options: Mapping[str, Any] | None = None, **context: Any,  # noqa: ANN401
    ) -> list[str]:  # fmt: skip
        """One whole pass; the lines it logged."""
        work = self.replicator(number, options, **context)
        before = len(self.sinks[number].lines)
        self.world.run(self.node(number), run_to_idle, work)
        return self.sinks[number].lines[before:]

    def replicate_all(self, **options: Any) -> None:  # noqa: ANN401
        for number in self.apps:
            self.replicate(number, options)


def run_to_idle(work: ReplicatorPass) -> None:
    while not isinstance(work.step(), Idle):
        pass
    work.close()


def device_of(ring: Ring, number: int) -> Device:
    device = ring.devices[number - 1]
    assert device is not None
    return device
