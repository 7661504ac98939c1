"""Checks that are answered from the recon caches: which file, and which keys of it.

Keys are Swift's; one that a cache does not have is null in the answer.
"""

from __future__ import annotations

from dataclasses import dataclass

from swiftlite.host.disk import Disk
from swiftlite.observe import recon

OBJECT, CONTAINER, ACCOUNT = "object.recon", "container.recon", "account.recon"
DRIVE, RELINKER = "drive.recon", "relinker.recon"
PARTITIONS = "partitions.recon"
_REPLICATION = ("replication_time", "replication_stats", "replication_last")
_OBJECT_REPLICATION = (*_REPLICATION, "object_replication_time", "object_replication_last")


@dataclass(frozen=True, slots=True)
class Cached:
    file: str
    keys: tuple[str, ...]


def _audits(kind: str) -> tuple[str, ...]:
    return (
        f"{kind}_audits_passed",
        f"{kind}_auditor_pass_completed",
        f"{kind}_audits_since",
        f"{kind}_audits_failed",
    )


CACHED: dict[str, Cached] = {
    "async": Cached(OBJECT, ("async_pending", "async_pending_last")),
    "auditor/account": Cached(ACCOUNT, _audits("account")),
    "auditor/container": Cached(CONTAINER, _audits("container")),
    "auditor/object": Cached(OBJECT, ("object_auditor_stats_ALL", "object_auditor_stats_ZBF")),
    "driveaudit": Cached(DRIVE, ("drive_audit_errors",)),
    "expirer/object": Cached(OBJECT, ("object_expiration_pass", "expired_last_pass")),
    "partitions": Cached(PARTITIONS, ("partitions", "partitions_last")),  # of ours: see plan
    "reconstruction/object": Cached(
        OBJECT, ("object_reconstruction_last", "object_reconstruction_time")
    ),
    "relinker": Cached(RELINKER, ("devices", "workers")),
    "replication": Cached(OBJECT, _OBJECT_REPLICATION),
    "replication/account": Cached(ACCOUNT, _REPLICATION),
    "replication/container": Cached(CONTAINER, _REPLICATION),
    "replication/object": Cached(OBJECT, _OBJECT_REPLICATION),
    "sharding": Cached(CONTAINER, ("sharding_stats", "sharding_time", "sharding_last")),
    "updater/container": Cached(CONTAINER, ("container_updater_sweep",)),
    "updater/object": Cached(
        OBJECT, ("object_updater_sweep", "object_updater_stats", "object_updater_last")
    ),
}


def from_cache(disk: Disk, directory: str, check: Cached) -> dict[str, object]:
    """Raises OSError for a cache that cannot be read; one that is not there is empty."""
    found = recon.load(disk, f"{directory}/{check.file}")
    return {key: found.get(key) for key in check.keys}
