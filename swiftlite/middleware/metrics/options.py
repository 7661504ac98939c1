"""Options of the metrics filter."""

from __future__ import annotations

from dataclasses import dataclass

from swiftlite.config.option import opt


@dataclass(frozen=True, slots=True)
class MetricsOptions:
    SECTION = "filter:metrics"
    CONF = (
        "proxy-server.conf",
        "account-server.conf",
        "container-server.conf",
        "object-server.conf",
    )

    path: str = opt(
        "/metrics",
        "Where they are told. Whoever reaches the server may read them: keep the path from clients "
        "at the load balancer of a public proxy.",
    )
    metrics_dir: str = opt(
        "",
        "A directory, best on a tmpfs (/run/swiftlite), through which the workers of a server add "
        "up what they have counted. Empty: each worker tells of itself alone.",
    )
    recon_cache_path: str = opt(
        "/var/cache/swift", "Where daemons leave what is told of them on storage nodes."
    )
    devices: str = opt("/srv/node", "The directory under which the devices are mounted.")
    mount_check: bool = opt(
        True, "Whether a device that is not a mounted file system counts as not mounted."
    )
