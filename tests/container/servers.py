"""A container server over a folder of the real file system, and account servers that answer it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from swiftlite.config.units import Reserve
from swiftlite.container.options import ContainerServerOptions
from swiftlite.container.server import ContainerServer
from swiftlite.formats.sync_realms import SyncRealms
from swiftlite.host import plain
from swiftlite.host.bundle import Host
from swiftlite.httpd.acceptor import serve
from swiftlite.httpd.limits import HttpLimits
from swiftlite.observe.log import Log
from swiftlite.ring import Ring, RingBuilder
from tests.account.servers import Lines, cluster_conf
from tests.dbstore.stores import HASH_PATH


@dataclass
class OneRing:
    """Rings of a cluster whose account ring is this one."""

    ring: Ring | None = None

    @property
    def account(self) -> OneRing:
        return self

    def current(self) -> Ring:
        assert self.ring is not None
        return self.ring


def make_server(
    root: Path,
    *,
    host: Host | None = None,
    ring: Ring | None = None,
    lines: Lines | None = None,
    realms: SyncRealms | None = None,
    limits: dict[str, int] | None = None,
    **options: object,
) -> ContainerServer:
    """account_report_interval is 0 unless given: the plain host has no tasks beside ours."""
    (root / "sda1").mkdir(exist_ok=True)
    chosen = replace(
        ContainerServerOptions(
            devices=str(root),
            mount_check=False,
            fallocate_reserve=Reserve(),
            account_report_interval=0.0,
        ),
        **options,  # type: ignore[arg-type]  # names of options
    )
    rings: Any = OneRing(ring)
    return ContainerServer(
        host or plain.make_host(),
        cluster_conf(**(limits or {})),
        rings,
        chosen,
        realms or SyncRealms(),
        Log("container-server", sink=lines or Lines()),
    )


@dataclass
class Report:
    """What an account server was told of one container."""

    path: str
    headers: dict[str, str]


@dataclass
class Accounts:
    """Account servers on loopback ports, each answering with its own status."""

    host: Host
    statuses: Sequence[int]
    reports: list[Report] = field(default_factory=list)
    ports: list[int] = field(default_factory=list)
    stops: list[Callable[[], None]] = field(default_factory=list)

    def start(self) -> Accounts:
        for status in self.statuses:
            listener = self.host.net.listen(("127.0.0.1", 0))
            log: Any = Log("account-server", sink=Lines())
            serve(listener, self._app(status), host=self.host, limits=HttpLimits(), log=log)
            address = listener.address
            assert isinstance(address, tuple)
            self.ports.append(address[1])
            self.stops.append(listener.close)
        return self

    def _app(self, status: int) -> Callable[..., list[bytes]]:
        def app(environ: dict[str, Any], start_response: Callable[..., object]) -> list[bytes]:
            headers = {
                key[5:].replace("_", "-").title(): value
                for key, value in environ.items()
                if key.startswith("HTTP_")
            }
            self.reports.append(Report(environ["PATH_INFO"], headers))
            start_response(f"{status} Answer", [("Content-Length", "0")])
            return []

        return app

    @property
    def headers(self) -> dict[str, str]:
        """What a proxy sends to have all of them told."""
        return {
            "X_Account_Host": ",".join(f"127.0.0.1:{port}" for port in self.ports),
            "X_Account_Device": ",".join(f"sd{n}" for n in range(len(self.ports))),
            "X_Account_Partition": "9",
        }

    def ring(self) -> Ring:
        """An account ring whose replicas are these servers."""
        builder = RingBuilder.create(4, len(self.ports), 1)
        for zone, port in enumerate(self.ports):
            builder.add_device(zone=zone, ip="127.0.0.1", port=port, device=f"sd{zone}", weight=1.0)
        builder.rebalance(0.0)
        return builder.ring(HASH_PATH)

    def close(self) -> None:
        for stop in self.stops:
            stop()
