"""Checks of other nodes' disks, and of the work that their daemons do or leave."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import partial

from swiftlite.cli.doctor.around import CRON_SILENT_S, count_again
from swiftlite.cli.doctor.devices import REPLACE, USUAL_ROOT
from swiftlite.cli.doctor.finding import Finding
from swiftlite.cli.doctor.fleet import Fleet, ip_of, refuses
from swiftlite.cli.doctor.replication import failing, overdue, refusal
from swiftlite.cli.doctor.room import FULL_PERCENT, MORE_ROOM, lighter
from swiftlite.cli.doctor.server import STORAGE
from swiftlite.cli.doctor.services import on

_MANY_PENDINGS = 10_000
_LOOK_THERE = "operations/doctor.md"


def unmounted(fleet: Fleet) -> Iterator[Finding]:
    seen: set[tuple[str, str]] = set()
    for where, kind, content in fleet.good("unmounted"):
        ip = ip_of(where)
        for one in content:
            device = one["device"]
            if (ip, device) in seen or (ip, device) not in fleet.devices:
                continue  # a directory that has stayed of a disk is nobody's
            if not refuses(where, kind, device):
                continue  # a sandbox has no mounts, and mount_check = false
            seen.add((ip, device))
            broken = one["mounted"] is not False
            yield Finding(
                "device-broken" if broken else "device-unmounted",
                f"{ip}/{device}",
                f"it is broken: {one['mounted']}" if broken else "it is not mounted",
                "What it holds is short of a copy.",
                on(ip, f"{'umount -l' if broken else 'mount'} {USUAL_ROOT}/{device}"),
                page=REPLACE if broken else "",
            )


def filling(fleet: Fleet) -> Iterator[Finding]:
    builder = f"{fleet.node.swift_dir}/object.builder"
    seen: set[tuple[str, str]] = set()
    for where, _, content in fleet.good("diskusage"):
        ip = ip_of(where)
        for one in content:
            size, free = one.get("size"), one.get("avail")
            key = (ip, str(one.get("device")))
            if not isinstance(size, int) or not isinstance(free, int) or key in seen or not size:
                continue
            used = 100 * (1 - free / size)
            if used >= FULL_PERCENT:
                seen.add(key)
                yield Finding(
                    "device-filling",
                    f"{ip}/{one['device']}",
                    f"it is {used:.0f}% full",
                    "Once it is full its objects go to handoffs.",
                    lighter(builder, ip, key[1], "90"),
                    "warning",
                    MORE_ROOM,
                )


def damage(fleet: Fleet) -> Iterator[Finding]:
    counts: dict[str, int] = {}
    for where, _, content in fleet.good("quarantined"):
        total = sum(content.get(kind) or 0 for kind in ("accounts", "containers", "objects"))
        counts[ip_of(where)] = max(total, counts.get(ip_of(where), 0))
    for ip, count in sorted(counts.items()):
        if count:
            yield Finding(
                "quarantined",
                ip,
                f"{count} damaged things were set aside",
                "A disk that damages files goes on doing so.",
                on(ip, "swiftlite doctor"),
                "warning",
                _LOOK_THERE,
            )
    errors: Counter[str] = Counter()
    for where, _, content in fleet.good("driveaudit"):
        told = content.get("drive_audit_errors") or 0
        errors[ip_of(where)] = max(errors[ip_of(where)], told)
    for ip, count in sorted(errors.items()):
        if count:
            yield Finding(
                "drive-errors",
                ip,
                f"its kernel has complained {count} times of a disk",
                "It will fail, or has.",
                on(ip, "swiftlite doctor"),
                page=_LOOK_THERE,
            )


def pendings(fleet: Fleet) -> Iterator[Finding]:
    now, services = fleet.node.now(), fleet.node.services
    for where, kind, content in fleet.good("async"):
        if kind != "object":
            continue
        count, last = content.get("async_pending"), content.get("async_pending_last")
        if isinstance(count, int) and count > _MANY_PENDINGS:
            yield Finding(
                "async-pendings",
                where,
                f"{count} container updates wait",
                "Listings and counts lack these objects until they are delivered.",
                on(ip_of(where), services.restart("object-updater")),
                "warning",
            )
        if isinstance(last, int | float) and now - last > CRON_SILENT_S:
            conf = f"{fleet.node.swift_dir}/object-server.conf"
            yield Finding(
                "recon-cron-silent",
                where,
                f"async pendings were counted {(now - last) / 3600:.0f} h ago",
                "How many wait now is not known.",
                on(ip_of(where), count_again(services, conf)),
                "warning",
            )


def replication(fleet: Fleet) -> Iterator[Finding]:
    for of in STORAGE:
        for where, kind, told in fleet.good(f"replication/{of}"):
            if kind == of and isinstance(told, dict):
                restart = on(ip_of(where), fleet.node.services.restart(f"{of}-replicator"))
                yield from overdue(of, where, told, fleet.node.now(), restart)
                yield from failing(of, where, told, partial(refusal, fleet.node, of))


CHECKS = (unmounted, filling, damage, pendings, replication)
