"""A daemon as its conf and its command line have it, read and checked before anything runs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from swiftlite.cluster import conf as cluster_conf
from swiftlite.cluster.conf import ClusterConf
from swiftlite.config.load import DEFAULT, Conf, options, read_conf, unknown_keys
from swiftlite.observe.options import LogOptions, StatsdOptions
from swiftlite.service.daemon_options import DaemonOptions
from swiftlite.service.options import ServerOptions
from swiftlite.service.passes import DaemonSpec


@dataclass(frozen=True, slots=True)
class Orders:
    """What the command line says."""

    once: bool = False
    verbose: bool = False
    devices: frozenset[str] = frozenset()
    partitions: frozenset[int] = frozenset()
    policies: frozenset[int] = frozenset()
    flags: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DaemonPlan:
    """One daemon as its conf and its command line have it, checked and ready to run."""

    spec: DaemonSpec
    orders: Orders
    conf: Conf
    own: Any  # of the spec's first table
    common: DaemonOptions
    server: ServerOptions
    log: LogOptions
    statsd: StatsdOptions
    cluster: ClusterConf

    @property
    def where(self) -> str:
        return f"{self.conf.path} [{self.spec.name}]"

    @property
    def section(self) -> dict[str, str]:
        return self.conf.sections.get(self.spec.name, self.conf.defaults)

    @property
    def workers(self) -> int:
        count = self.spec.workers(self.own) if self.spec.workers is not None else 0
        return max(count, 1)

    @property
    def may_share(self) -> bool:
        """Whether it can run beside others in one process, asking for nothing that is one's own."""
        common = self.common
        asks = (common.nice_priority, common.io_class, self.server.user or None)
        return self.workers == 1 and all(one is None for one in asks)

    @property
    def node_conf(self) -> dict[str, str]:
        """[DEFAULT], under what the server's section says itself, under what the daemon's does."""
        defaults = self.conf.defaults
        layers = dict(defaults)
        for name in (f"app:{self.spec.kind}-server", self.spec.name):
            section = self.conf.sections.get(name, {})
            layers.update({k: v for k, v in section.items() if defaults.get(k) != v})
        return layers

    @property
    def metrics_address(self) -> tuple[str, int] | None:
        port = self.common.metrics_port
        return (self.server.bind_ip, port) if port and not self.orders.once else None

    @property
    def stores(self) -> bool:
        """Whether its conf is a storage server's, whose devices it looks after."""
        return f"app:{self.spec.kind}-server" in self.conf.sections

    def strangers(self) -> list[str]:
        """A sentence for each option in its section that does not exist."""
        tables = (*self.spec.tables, DaemonOptions, ServerOptions, LogOptions, StatsdOptions)
        made_up = getattr(self.spec.tables[0], "MADE_UP", ())  # beginnings of operators' own names
        own = {
            key: value
            for key, value in self.section.items()
            if key not in self.conf.defaults and not key.startswith(made_up)
        }
        return [
            f"{self.where}: no option is called {key}{f'; {near} is one' if near else ''}"
            for key, near in unknown_keys(tables, own)
        ]


def plan_daemon(
    spec: DaemonSpec,
    path: str,
    orders: Orders | None = None,
    cluster: ClusterConf | None = None,
) -> DaemonPlan:
    """Read and check a daemon's conf. Raises ConfError with a sentence for the operator.

    A file without the daemon's section will do: everything then has its default. cluster: for a
    parent of many daemons, which has read swift.conf and shares it with them.
    """
    conf = read_conf(path)
    section = conf.sections.get(spec.name, conf.defaults)
    where = f"{path} [{spec.name}]"
    server = options(ServerOptions, conf.defaults, where=f"{path} [{DEFAULT}]")
    return DaemonPlan(
        spec,
        orders or Orders(),
        conf,
        options(spec.tables[0], section, where=where),
        options(DaemonOptions, section, where=where),
        server,
        options(LogOptions, section, where=where),
        options(StatsdOptions, section, where=where),
        cluster or cluster_conf.load(os.path.abspath(server.swift_dir)),
    )
