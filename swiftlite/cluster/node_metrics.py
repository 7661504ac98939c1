"""What there is to tell of this process and of the devices and daemons of this node."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from typing import Any

from swiftlite import __version__
from swiftlite.cluster import drives
from swiftlite.host.disk import Disk
from swiftlite.observe import recon
from swiftlite.observe.prometheus import COUNTER, GAUGE, Family

_KINDS = ("account", "container", "object")


def process(disk: Disk, started: float) -> Iterator[Family]:
    """Under the names that Prometheus' own libraries give them."""
    build = Family("swiftlite_build_info", GAUGE, "The version that is running.")
    build.add(1, version=__version__)
    yield build
    used = resource.getrusage(resource.RUSAGE_SELF)
    cpu = Family("process_cpu_seconds_total", COUNTER, "Processor time of this worker.")
    cpu.add(used.ru_utime + used.ru_stime)
    yield cpu
    memory = Family("process_resident_memory_bytes", GAUGE, "Memory of this worker.")
    memory.add(_resident_pages(disk) * resource.getpagesize())
    yield memory
    files = Family("process_open_fds", GAUGE, "Open descriptors of this worker.")
    files.add(len(disk.listdir("/proc/self/fd")))
    yield files
    since = Family("process_start_time_seconds", GAUGE, "When this worker began, as Unix time.")
    since.add(started)
    yield since


def _resident_pages(disk: Disk) -> int:
    fd = disk.open("/proc/self/statm")
    try:
        return int(disk.read(fd, 256).split()[1])
    finally:
        disk.close(fd)


def devices(disk: Disk, root: str) -> Iterator[Family]:
    mounted = Family("swiftlite_device_mounted", GAUGE, "Whether a device is mounted and answers.")
    size = Family("swiftlite_device_size_bytes", GAUGE, "The size of a mounted device.")
    free = Family("swiftlite_device_free_bytes", GAUGE, "Room that is left on a mounted device.")
    for usage in drives.disk_usage(disk, root):
        device = str(usage["device"])
        mounted.add(int(usage["mounted"] is True), device=device)
        if usage["mounted"] is True:
            size.add(_number(usage["size"]), device=device)
            free.add(_number(usage["avail"]), device=device)
    yield from (mounted, size, free)
    aside = Family("swiftlite_quarantined", GAUGE, "Objects and databases in quarantine.")
    found: Any = drives.quarantined(disk, root)
    for kind in ("containers", "accounts"):
        aside.add(found[kind], type=kind, policy="")
    for policy, counts in sorted({"0": {"objects": 0}, **found["policies"]}.items()):
        aside.add(counts["objects"], type="objects", policy=policy)
    yield aside


def daemons(disk: Disk, caches: str) -> Iterator[Family]:
    """What the recon caches say; nothing of what no daemon has written yet."""
    found = {kind: _cache(disk, f"{caches}/{kind}.recon") for kind in _KINDS}
    objects = found["object"]
    pending = Family("swiftlite_async_pending", GAUGE, "Container updates that wait on disk.")
    pending.add(_number(objects.get("async_pending")))
    yield pending
    last = Family(
        "swiftlite_replication_last_timestamp_seconds", GAUGE,
        "When a replication pass last came to its end, as Unix time.",
    )  # fmt: skip
    took = Family(
        "swiftlite_replication_duration_seconds", GAUGE, "How long the last replication pass took."
    )
    for kind, cache in found.items():
        prefix = "object_" if kind == "object" and "replication_last" not in cache else ""
        minutes = 60 if kind == "object" else 1  # Swift's object replicator reports minutes
        last.add(_number(cache.get(f"{prefix}replication_last")), type=kind)
        duration = _number(cache.get(f"{prefix}replication_time"))
        took.add(None if duration is None else duration * minutes, type=kind)
    yield from (last, took)
    failures = Family(
        "swiftlite_replication_failures", GAUGE, "Failures of the last replication pass."
    )
    for kind, cache in found.items():
        stats = cache.get("replication_stats")
        failures.add(_number(stats.get("failure")) if isinstance(stats, dict) else None, type=kind)
    yield failures
    yield from _auditors(found)
    drive = Family("swiftlite_drive_errors", GAUGE, "Errors of devices in the kernel's log.")
    drive.add(_number(_cache(disk, f"{caches}/drive.recon").get("drive_audit_errors")))
    yield drive


def _auditors(found: dict[str, dict[str, Any]]) -> Iterator[Family]:
    names = ("passes", "errors", "quarantined", "bytes_processed")
    families = {
        name: Family(
            f"swiftlite_object_auditor_{name}", GAUGE, "Of the object auditor's last report."
        )
        for name in names
    }
    for scan in ("ALL", "ZBF"):
        stats = found["object"].get(f"object_auditor_stats_{scan}")
        if not isinstance(stats, dict):
            continue
        nested = [one for one in stats.values() if isinstance(one, dict)] or [stats]
        for name in names:
            values = [value for one in nested if (value := _number(one.get(name))) is not None]
            families[name].add(sum(values) if values else None, scan=scan)
    yield from families.values()
    failed = Family(
        "swiftlite_database_audits_failed", GAUGE, "Databases found damaged by the last audit."
    )
    for kind in ("account", "container"):
        failed.add(_number(found[kind].get(f"{kind}_audits_failed")), type=kind)
    yield failed


def _cache(disk: Disk, path: str) -> dict[str, Any]:
    try:
        return recon.load(disk, path)
    except OSError:
        return {}


def _number(value: object) -> int | float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None
