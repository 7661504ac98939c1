"""A proxy over fake nodes: three primaries and three handoffs for everything, in one process."""

from __future__ import annotations

import io
import socket
from collections.abc import Iterator, Sequence
from typing import Any, cast

from swiftlite.cluster.conf import ClusterConf
from swiftlite.cluster.rings import Rings
from swiftlite.host.bundle import Host
from swiftlite.memcache import Generations, MemoryCache
from swiftlite.observe.log import DEBUG, Log
from swiftlite.policies import Policy, PolicyCollection
from swiftlite.proxy.app import ProxyApp
from swiftlite.proxy.context import Context
from swiftlite.proxy.options import ProxyOptions
from swiftlite.ring import Device, Handoff
from swiftlite.vocab.hashing import HashPath
from swiftlite.vocab.limits import Limits
from swiftlite.vocab.names import wsgi_quote
from swiftlite.vocab.timestamp import Timestamp
from swiftlite.web.wsgi import Environ
from tests.proxy.fake_nodes import FakeNode, Item
from tests.web.environs import Answer, make_environ

# Nothing is given up because the machine is slow; tests of nodes that hang say IMPATIENT.
PATIENT: dict[str, Any] = {
    "node_timeout": 30.0,
    "conn_timeout": 10.0,
    "post_quorum_timeout": 30.0,
    "account_autocreate": True,
    "log_handoffs": False,
}
IMPATIENT: dict[str, Any] = {"node_timeout": 1.0, "post_quorum_timeout": 0.4}


class FakeRing:
    """Every name in partition 7 of the same devices."""

    next_part_power: int | None = None

    def __init__(self, devices: Sequence[Device], replicas: int) -> None:
        self.devices = tuple(devices)
        self.replicas = replicas

    def nodes(self, *names: str) -> tuple[int, tuple[Device, ...]]:
        return 7, self.devices[: self.replicas]

    def handoffs(self, partition: int) -> Iterator[Handoff]:
        for index, device in enumerate(self.devices[self.replicas :]):
            yield Handoff(device, index)

    def current(self) -> FakeRing:
        return self


class FakeRings:
    def __init__(self, ring: FakeRing) -> None:
        self.account = self.container = ring
        self._ring = ring

    def object(self, policy_index: int) -> FakeRing:
        return self._ring


class LogLines:
    """observe.log.Sink"""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def write(self, level: int, line: str) -> None:
        self.lines.append(line)


class Cluster:
    """close() when done."""

    def __init__(
        self,
        host: Host,
        *,
        replicas: int = 3,
        devices: int = 6,
        policies: Sequence[Policy] | None = None,
        limits: Limits | None = None,
        **settings: Any,  # noqa: ANN401  # options of the proxy
    ) -> None:
        self.host = host
        self.nodes: list[FakeNode] = []
        ports = free_ports(devices)
        found = [
            Device(n, 1, n, "127.0.0.1", port, "127.0.0.1", port, f"sd{n}", 1.0)
            for n, port in enumerate(ports)
        ]
        self.ring = FakeRing(found, replicas)
        self.lines = LogLines()
        self.options = ProxyOptions(**{**PATIENT, **settings})
        conf = ClusterConf(
            "",
            HashPath(b"", b"suffix"),
            limits or Limits(),
            PolicyCollection(policies or [Policy(0, "Policy-0", is_default=True)]),
        )
        rings = cast(Rings, FakeRings(self.ring))
        log = Log("proxy", level=DEBUG, sink=self.lines)
        self.context = Context(host, self.options, conf, rings, log)
        self.app = ProxyApp(self.context)
        self.cache = MemoryCache(host.clock, generations=Generations())
        for device in found:
            node = FakeNode(host, device, lambda: self.ring)
            node.start()
            self.nodes.append(node)

    @property
    def primaries(self) -> list[FakeNode]:
        return self.nodes[: self.ring.replicas]

    @property
    def handoffs(self) -> list[FakeNode]:
        return self.nodes[self.ring.replicas :]

    def close(self) -> None:
        for node in self.nodes:
            node.stop()
        self.context.pool.close()

    def make_container(self, **headers: str) -> None:
        """Account a and container c, on the primaries."""
        stamp = Timestamp.from_seconds(self.host.clock.wall() - 100).internal
        kept = {name.replace("_", "-"): value for name, value in headers.items()}
        for node in self.primaries:
            node.items["a"] = Item(stamp, {"X-Account-Container-Count": "1"})
            node.items["a/c"] = Item(stamp, {"X-Backend-Storage-Policy-Index": "0", **kept})

    def environ(
        self, method: str, path: str, body: object = b"", query: str = "", **headers: str
    ) -> Environ:
        given: dict[str, Any] = dict(headers)
        environ = make_environ(method, path, query=query, **given)
        environ["RAW_PATH_INFO"] = wsgi_quote(path)
        environ["swift.cache"] = self.cache
        environ.setdefault("HTTP_HOST", "proxy")
        if isinstance(body, bytes):
            environ["wsgi.input"] = io.BytesIO(body)
            if "HTTP_TRANSFER_ENCODING" not in environ:
                environ.setdefault("CONTENT_LENGTH", str(len(body)))
        else:
            environ["wsgi.input"] = body
        return environ

    def ask(
        self, method: str, path: str, body: object = b"", query: str = "", **headers: str
    ) -> Answer:
        return Answer(self.app, self.environ(method, path, body, query, **headers))

    def put(self, path: str, body: bytes, **headers: str) -> Answer:
        answer = self.ask("PUT", path, body, Content_Type="text/plain", **headers)
        assert answer.status == 201, (answer.status, self.lines.lines)
        return answer

    def settle(self) -> None:
        """Let other tasks run until no node is busy with a request of the proxy's."""
        end = self.host.clock.monotonic() + 20
        while self._busy():
            assert self.host.clock.monotonic() < end
            self.host.tasks.sleep(0.01)

    def _busy(self) -> int:
        """Connections to nodes that do not lie idle in the pool."""
        idle = sum(self.context.pool.idle_count(node.device.address) for node in self.nodes)
        return sum(node.connections for node in self.nodes) - idle

    def limited(self) -> list[int]:
        """Nodes that the proxy leaves alone."""
        return [n for n, node in enumerate(self.nodes) if self.context.limiter.limited(node.device)]

    def holders(self, name: str) -> list[int]:
        """Which nodes have something by this name that is not deleted."""
        return [
            n
            for n, node in enumerate(self.nodes)
            if (item := node.items.get(name)) is not None and not item.deleted
        ]


def found_silent(cluster: Cluster, number: int = 0) -> None:
    """By others, once it has been asked."""
    while not cluster.nodes[number].hanging:
        cluster.host.tasks.sleep(0.01)
    cluster.context.limiter.limit_now(cluster.nodes[number].device)


def free_ports(count: int) -> list[int]:
    taken = []
    for _ in range(count):
        sock = socket.socket()
        sock.bind(("127.0.0.1", 0))
        taken.append(sock)
    ports = [int(sock.getsockname()[1]) for sock in taken]
    for sock in taken:
        sock.close()
    return ports
