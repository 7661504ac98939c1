"""A node with updates on its disk, and three container servers that note what they are told."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from swiftlite.formats.async_pending import AsyncPending, async_pending_name, encode_async_pending
from swiftlite.httpd.acceptor import serve
from swiftlite.obj.updater.options import UpdaterOptions
from swiftlite.obj.updater.sweep import UpdaterPass
from swiftlite.observe.log import Log
from swiftlite.observe.sinks import NullSink
from swiftlite.ring import Device
from swiftlite.service.passes import Idle
from swiftlite.testing.sim_host import World
from swiftlite.vocab.names import wsgi_to_text
from swiftlite.vocab.timestamp import Timestamp
from tests.service.contexts import Lines, cluster_of, make_context
from tests.sim.cluster import OneRing

DEVICES = "/srv/node"
MOMENT = Timestamp.from_text("1700000000.00000")
Reply = tuple[int, dict[str, str]]


class ContainerNode:
    """rows: names this server has, with their operation; calls: method and path of each request."""

    def __init__(self, takes_rows: bool) -> None:
        self.takes_rows = takes_rows
        self.rows: dict[str, str] = {}
        self.calls: list[tuple[str, str]] = []
        self.headers: list[dict[str, str]] = []
        self.reply: Callable[[str, str], Reply | None] = lambda method, path: None

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:  # noqa: ANN401 - PEP 3333
        method, path = environ["REQUEST_METHOD"], wsgi_to_text(environ["PATH_INFO"])
        body = environ["wsgi.input"].read()
        self.calls.append((method, path))
        self.headers.append({k: v for k, v in environ.items() if k.startswith("HTTP_")})
        status, headers = self.reply(method, path) or (202 if method == "UPDATE" else 201, {})
        if method == "UPDATE" and not self.takes_rows:
            status = 405
        if status // 100 == 2:
            container = "/".join(path.split("/")[3:5])
            if method == "UPDATE":
                for item in json.loads(body):
                    op = "DELETE" if item["deleted"] else "PUT"
                    self.rows[f"{container}/{item['name']}"] = op
            else:
                self.rows["/".join(path.split("/")[3:])] = method
        if self.takes_rows:
            headers = {**headers, "X-Backend-Swiftlite": "rows"}
        start_response(f"{status} X", [("Content-Length", "0"), *headers.items()])
        return []


class UpdaterWorld:
    def __init__(self, *, takes_rows: bool = True, seed: int = 1) -> None:
        self.world = World(seed)
        self.sink = Lines()
        self.node = self.world.node("10.0.0.1")
        self.disk = self.node.disk
        self.disk.makedirs(f"{DEVICES}/sda1")
        self.containers = [ContainerNode(takes_rows) for _ in range(3)]
        devices = []
        for number, app in enumerate(self.containers):
            ip = f"10.0.1.{number}"
            host = self.world.node(ip).host
            log = Log("container", sink=NullSink())
            serve(host.net.listen((ip, 6201)), app, host=host, log=log)
            devices.append(Device(number, 1, number, ip, 6201, ip, 6201, "sdc", 1.0))
        self.ring = OneRing(devices, 3)
        self.world.run_for(0.1)
        self.recon = "/var/cache/swift"
        self.disk.makedirs(self.recon)

    @property
    def container(self) -> OneRing:
        return self.ring

    def save(
        self,
        obj: str,
        *,
        container: str = "c",
        op: str = "PUT",
        moment: Timestamp = MOMENT,
        policy: str = "async_pending",
        **more: Any,  # noqa: ANN401 - fields of AsyncPending
    ) -> str:
        headers = {"X-Timestamp": moment.internal}
        if op == "PUT":
            headers |= {"X-Size": "3", "X-Etag": "e" * 32, "X-Content-Type": "text/plain"}
        update = AsyncPending(op, "a", container, obj, headers, **more)
        return self.save_bytes(obj, encode_async_pending(update), container, moment, policy)

    def save_bytes(
        self, obj: str, content: bytes, container: str = "c", moment: Timestamp = MOMENT,
        policy: str = "async_pending",
    ) -> str:  # fmt: skip
        name_hash = cluster_of().hash_path.hex("a", container, obj)
        path = f"{DEVICES}/sda1/{policy}/{async_pending_name(name_hash, moment)}"
        self.disk.makedirs(path.rpartition("/")[0])
        fd = self.disk.open(path, 0o101)
        self.disk.write(fd, content)
        self.disk.close(fd)
        return path

    def sweep(self, **options: Any) -> Idle:  # noqa: ANN401 - of UpdaterOptions
        """One sweep of a new updater."""
        return self.world.run(self.node, self._sweep, options)

    def _sweep(self, options: dict[str, Any]) -> Idle:
        conf = {"devices": DEVICES, "mount_check": "false"}
        context = make_context(
            self.node.host, rings=self, conf=conf, sink=self.sink, recon_path=self.recon
        )
        updater = UpdaterPass(context, UpdaterOptions(**options))
        try:
            while not isinstance(outcome := updater.step(), Idle):
                pass
            return outcome
        finally:
            updater.close()

    def files(self) -> list[str]:
        """What is on the device, tmp and all."""
        return sorted(path for path in self.disk.tree(DEVICES))

    def read(self, path: str) -> bytes:
        return self.disk.tree(DEVICES)[path]
