"""A cluster in one thread: a real proxy app over real object servers, on simulated nodes.

Accounts and containers are small stand-ins that know everything and remember rows in memory:
databases are SQLite's, which has no simulated disk. HTTP between the nodes is the real one.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, cast

from swiftlite.cluster.conf import ClusterConf
from swiftlite.cluster.rings import Rings
from swiftlite.httpd.acceptor import serve
from swiftlite.memcache import Generations, MemoryCache
from swiftlite.obj.options import ObjectServerOptions
from swiftlite.obj.server.app import ObjectServer
from swiftlite.observe.log import Log
from swiftlite.observe.sinks import NullSink
from swiftlite.policies import Policy, PolicyCollection
from swiftlite.proxy.app import ProxyApp
from swiftlite.proxy.context import Context
from swiftlite.proxy.options import ProxyOptions
from swiftlite.ring import Device, Handoff
from swiftlite.testing.sim_host import SimNode, World
from swiftlite.vocab.hashing import HashPath
from swiftlite.vocab.limits import Limits
from swiftlite.vocab.names import wsgi_quote
from tests.web.environs import Answer, make_environ

OBJECT_PORT, CONTAINER_PORT, ACCOUNT_PORT = 6200, 6201, 6202
CONF = ClusterConf(
    "",
    HashPath(b"", b"suffix"),
    Limits(),
    PolicyCollection([Policy(0, "Policy-0", is_default=True)]),
)


class OneRing:
    """Every name on the first devices; the others are handoffs."""

    next_part_power: int | None = None

    def __init__(self, devices: Sequence[Device], replicas: int) -> None:
        self.devices = tuple(devices)
        self.replicas = replicas

    def nodes(self, *names: str) -> tuple[int, tuple[Device, ...]]:
        return 7, self.devices[: self.replicas]

    def handoffs(self, partition: int) -> Iterator[Handoff]:
        for index, device in enumerate(self.devices[self.replicas :]):
            yield Handoff(device, index)

    def current(self) -> OneRing:
        return self


class TheRings:
    def __init__(self, ips: Sequence[str], replicas: int) -> None:
        self.account, self.container, self._objects = (
            OneRing([_device(number, ip, port) for number, ip in enumerate(ips)], replicas)
            for port in (ACCOUNT_PORT, CONTAINER_PORT, OBJECT_PORT)
        )

    def object(self, policy_index: int) -> OneRing:
        return self._objects


def _device(number: int, ip: str, port: int) -> Device:
    return Device(number, 1, number, ip, port, ip, port, "sda1", 1.0)


def everything_is_there(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:  # noqa: ANN401  # PEP 3333
    """An account or container server that agrees to everything."""
    source = environ["wsgi.input"]
    while source.read(65_536):
        pass
    status = {"PUT": "201 Created", "UPDATE": "202 Accepted"}.get(
        environ["REQUEST_METHOD"], "204 No Content"
    )
    moment = "1600000000.00000"
    start_response(
        status,
        [
            ("Content-Length", "0"),
            ("X-Backend-Storage-Policy-Index", "0"),
            ("X-Container-Object-Count", "0"),
            ("X-Container-Bytes-Used", "0"),
            ("X-Account-Container-Count", "1"),
            ("X-Account-Object-Count", "0"),
            ("X-Account-Bytes-Used", "0"),
            ("X-Timestamp", moment),
            ("X-Put-Timestamp", moment),
            ("X-Backend-Timestamp", moment),
            ("X-Backend-Put-Timestamp", moment),
        ],
    )
    return []


class SimCluster:
    """storage nodes 10.0.0.1, .2, …, each with one device; the proxy on 10.0.1.1."""

    def __init__(
        self,
        seed: int,
        *,
        storage: int = 4,
        replicas: int = 3,
        **settings: Any,  # noqa: ANN401  # options of the proxy
    ) -> None:
        self.world = World(seed, ordered_disks=bool(seed % 2))
        self.log = Log("sim", sink=NullSink())
        self.ips = [f"10.0.0.{number}" for number in range(1, storage + 1)]
        for ip in self.ips:
            node = self.world.node(ip)
            node.disk.makedirs("/srv/node/sda1")
            node.disk.cut_power()
            node.disk.power_on("nothing")
            self.start(node)
        self.proxy = self.world.node("10.0.1.1")
        options = ProxyOptions(account_autocreate=True, log_handoffs=False, **settings)
        rings = cast(Rings, TheRings(self.ips, replicas))
        self.app = ProxyApp(Context(self.proxy.host, options, CONF, rings, self.log))
        self.cache = MemoryCache(self.proxy.host.clock, generations=Generations())
        self.world.run_for(0.1)

    def start(self, node: SimNode) -> None:
        """The programs of a storage node, when it is made and after each fault."""
        options = ObjectServerOptions(devices="/srv/node", mount_check=False)
        app = ObjectServer(node.host, options, CONF, self.log)
        net = node.host.net
        serve(net.listen((node.ip, OBJECT_PORT)), app, host=node.host, log=self.log)
        for port in (CONTAINER_PORT, ACCOUNT_PORT):
            serve(net.listen((node.ip, port)), everything_is_there, host=node.host, log=self.log)

    def ask(self, method: str, name: str, body: bytes = b"", **headers: str) -> Answer:
        """One client's request; from a task of the proxy's node."""
        path = f"/v1/a/c/{name}"
        given: dict[str, Any] = dict(headers)
        environ = make_environ(method, path, **given)
        environ["RAW_PATH_INFO"] = wsgi_quote(path)
        environ["swift.cache"] = self.cache
        environ["HTTP_HOST"] = "proxy"
        environ["wsgi.input"] = io.BytesIO(body)
        if method == "PUT":
            environ["CONTENT_LENGTH"] = str(len(body))
            environ["CONTENT_TYPE"] = "text/plain"
        return Answer(self.app, environ)
