"""Options of the recon filter of storage servers."""

from __future__ import annotations

from dataclasses import dataclass

from swiftlite.config.option import opt


@dataclass(frozen=True, slots=True)
class ReconOptions:
    SECTION = "filter:recon"
    CONF = ("account-server.conf", "container-server.conf", "object-server.conf")

    recon_cache_path: str = opt(
        "/var/cache/swift", "Where servers and daemons leave what is shown here."
    )
    recon_lock_path: str = opt(
        "/var/lock", "Where swiftlite-recon-cron keeps its lock, so that one runs at a time."
    )
    devices: str = opt("/srv/node", "The directory under which the devices are mounted.")
