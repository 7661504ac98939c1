"""A DaemonContext for tests of passes, over any host."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from swiftlite.cluster.conf import ClusterConf
from swiftlite.cluster.rings import Rings
from swiftlite.host.bundle import Host
from swiftlite.observe.log import DEBUG, Log
from swiftlite.observe.options import StatsdOptions
from swiftlite.observe.statsd import Statsd
from swiftlite.policies import parse_policies
from swiftlite.service.passes import DaemonContext, Recon
from swiftlite.vocab.hashing import HashPath
from swiftlite.vocab.limits import Limits


class Lines:
    """A sink that keeps what was logged."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def write(self, level: int, line: str) -> None:
        self.lines.append(line)


def cluster_of(swift_dir: str = "/etc/swift") -> ClusterConf:
    """A cluster of one replicated policy."""
    return ClusterConf(swift_dir, HashPath(b"", b"endcap"), Limits(), parse_policies({}))


def make_context(
    host: Host,
    *,
    cluster: ClusterConf | None = None,
    rings: Any = None,  # noqa: ANN401 - cluster.rings.Rings, or a stand-in
    conf: Mapping[str, str] | None = None,
    sink: Lines | None = None,
    recon_path: str = "/var/cache/swift",
    once: bool = False,
    **changes: Any,  # noqa: ANN401 - fields of DaemonContext
) -> DaemonContext:
    cluster = cluster or cluster_of()
    log = Log("daemon", level=DEBUG, sink=sink or Lines())
    values: dict[str, Any] = {
        "host": host,
        "cluster": cluster,
        "rings": rings or Rings(cluster, host.clock, log=log),
        "log": log,
        "statsd": Statsd(StatsdOptions(), "daemon", random=host.entropy.random),
        "recon": Recon(host.disk, recon_path, log),
        "once": once,
        "devices": frozenset(),
        "partitions": frozenset(),
        "policies": frozenset(),
        "conf": conf or {},
        "node_conf": conf or {},
        "conf_path": "test.conf",
        "where": "test.conf [daemon]",
        "bind_ip": "0.0.0.0",
        "bind_port": None,
        "told_to_stop": host.tasks.event(),
    }
    return DaemonContext(**{**values, **changes})
