"""The background daemons of an embedded cluster: which there are, and how they are set there.

Each node has one of each, a process of its own, as on a real storage node; the expirer runs once,
beside the proxy. Settings differ from the defaults where those suit thousands of devices: a small
cluster notices sooner what there is to do.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from swiftlite.cli.embedded.layout import Layout, ServerName
from swiftlite.service.passes import DaemonSpec


@dataclass(frozen=True, slots=True)
class Daemon:
    """name: its section, and the name of its DaemonSpec, which is `where` as module:attribute.
    settings: what its generated section says. every: seconds after which it is run once more, for
    those with so little to do that a process waiting for it would only take memory."""

    name: str
    where: str
    settings: Mapping[str, str] = field(default_factory=dict)
    every: float = 0.0

    @property
    def kind(self) -> str:
        """Whose conf has its section."""
        return self.name.partition("-")[0]

    @property
    def once_a_cluster(self) -> bool:
        return self.name == EXPIRER

    def spec(self) -> DaemonSpec:
        module, _, attribute = self.where.partition(":")
        spec = getattr(importlib.import_module(module), attribute)
        assert isinstance(spec, DaemonSpec)
        assert spec.name == self.name
        return spec


EXPIRER = "object-expirer"

DAEMONS: tuple[Daemon, ...] = (
    Daemon(
        "account-replicator",
        "swiftlite.account.replicator:SPEC",
        {"interval": "5", "quiet_interval": "15"},
    ),
    Daemon(
        "container-replicator",
        "swiftlite.container.replicator:SPEC",
        {"interval": "5", "quiet_interval": "15"},
    ),
    Daemon("account-auditor", "swiftlite.account.auditor:SPEC", every=1800.0),
    Daemon("container-auditor", "swiftlite.container.auditor:SPEC", every=1800.0),
    Daemon("account-reaper", "swiftlite.account.reaper.daemon:SPEC", every=120.0),
    Daemon(
        "container-updater",
        "swiftlite.container.updater.daemon:SPEC",
        {"interval": "15", "account_suppression_time": "5"},
    ),
    Daemon("object-auditor", "swiftlite.obj.auditor.daemon:SPEC", every=1800.0),
    Daemon(
        EXPIRER,
        "swiftlite.obj.expirer.daemon:SPEC",
        {"interval": "10", "concurrency": "4", "tasks_per_second": "200"},
    ),
    Daemon(
        "object-replicator",
        "swiftlite.obj.replicator.daemon:SPEC",
        {
            "interval": "15",
            "busy_interval": "5",
            "quiet_interval": "60",
            "sync_method": "ssync",
            "concurrency": "2",
        },
    ),
    Daemon("object-updater", "swiftlite.obj.updater.daemon:SPEC", {"interval": "10"}),
)


def daemons_of(kind: str) -> list[Daemon]:
    """Those that have a section in the conf of each account, container or object server."""
    return [one for one in DAEMONS if one.kind == kind and not one.once_a_cluster]


def places(layout: Layout) -> list[tuple[Daemon, int]]:
    """Every daemon process of the cluster, by the node it belongs to; 0: to none."""
    nodes = range(1, layout.nodes + 1)
    everywhere = [(one, node) for node in nodes for one in DAEMONS if not one.once_a_cluster]
    return [*everywhere, *((one, 0) for one in DAEMONS if one.once_a_cluster)]


def log_name(daemon: Daemon, node: int) -> str:
    return f"{daemon.name}-{node}" if node else daemon.name


def conf_path(layout: Layout, daemon: Daemon, node: int) -> str:
    if not node:
        return str(layout.etc / f"{daemon.name}.conf")
    return str(layout.conf(ServerName(daemon.kind, node)))
