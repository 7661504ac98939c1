"""What there is to tell of this process and of the devices and daemons of this node."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import Any

from swiftlite import __version__
from swiftlite.cluster import drives
from swiftlite.host.disk import Disk
from swiftlite.observe import recon
from swiftlite.observe.prometheus import COUNTER, GAUGE, Family

_KINDS = ("account", "container", "object")
_TICKS = os.sysconf("SC_CLK_TCK")
_PROC_BYTES = 1 << 20


def process(disk: Disk, pids: Iterable[int]) -> Iterator[Family]:
    """Under the names that Prometheus' own libraries give them. pids: of a server's workers."""
    build = Family("swiftlite_build_info", GAUGE, "The version that is running.")
    build.add(1, version=__version__)
    cpu = Family("process_cpu_seconds_total", COUNTER, "Processor time of a process.")
    memory = Family("process_resident_memory_bytes", GAUGE, "Memory of a process.")
    files = Family("process_open_fds", GAUGE, "Open descriptors of a process.")
    since = Family("process_start_time_seconds", GAUGE, "When a process began, as Unix time.")
    booted = _booted(disk)
    for pid in pids:
        try:
            # Behind the name, which may hold anything in its parentheses.
            fields = _text(disk, f"/proc/{pid}/stat").rpartition(b")")[2].split()
            memory.add(int(fields[21]) * os.sysconf("SC_PAGE_SIZE"), pid=str(pid))
            cpu.add((int(fields[11]) + int(fields[12])) / _TICKS, pid=str(pid))
            since.add(booted + int(fields[19]) / _TICKS, pid=str(pid))
            files.add(len(disk.listdir(f"/proc/{pid}/fd")), pid=str(pid))
        except OSError:
            continue  # it has just ended
    yield from (build, cpu, memory, files, since)


def _booted(disk: Disk) -> int:
    lines = _text(disk, "/proc/stat").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(b"btime"))


def _text(disk: Disk, path: str) -> bytes:
    fd = disk.open(path)
    try:
        return disk.read(fd, _PROC_BYTES)
    finally:
        disk.close(fd)


def devices(disk: Disk, root: str, *, mount_check: bool) -> Iterator[Family]:
    """mount_check: a device is a file system of its own; otherwise a directory will do."""
    mounted = Family("swiftlite_device_mounted", GAUGE, "Whether a device is mounted and answers.")
    size = Family("swiftlite_device_size_bytes", GAUGE, "The size of a mounted device.")
    free = Family("swiftlite_device_free_bytes", GAUGE, "Room that is left on a mounted device.")
    stuck = Family(
        "swiftlite_device_read_only", GAUGE, "Whether a mounted device takes no writes any more."
    )
    for usage in drives.disk_usage(disk, root, mount_check=mount_check):
        device = str(usage["device"])
        mounted.add(int(usage["mounted"] is True), device=device)
        if usage["mounted"] is True:
            size.add(_number(usage["size"]), device=device)
            free.add(_number(usage["avail"]), device=device)
            stuck.add(int(drives.read_only(disk, f"{root}/{device}")), device=device)
    yield from (mounted, size, free, stuck)
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
    sweep = Family(
        "swiftlite_updater_sweep_seconds", GAUGE, "How long the last look for waiting updates took."
    )
    for kind in ("container", "object"):
        sweep.add(_number(found[kind].get(f"{kind}_updater_sweep")), type=kind)
    yield sweep
    expired = Family(
        "swiftlite_expirer_expired", GAUGE, "Objects that the expirer's last pass removed."
    )
    expired.add(_number(objects.get("expired_last_pass")))
    expiring = Family("swiftlite_expirer_pass_seconds", GAUGE, "How long that pass took.")
    expiring.add(_number(objects.get("object_expiration_pass")))
    yield from (expired, expiring)
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
