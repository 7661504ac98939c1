"""Checks of the whole cluster: every storage server of the rings is asked by its recon filter."""

from __future__ import annotations

import hashlib
import http.client
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from swiftlite.cli.doctor.devices import FULL_PERCENT
from swiftlite.cli.doctor.finding import Finding
from swiftlite.cli.doctor.node import STORAGE, Node
from swiftlite.cli.doctor.replication import failing, overdue
from swiftlite.cli.recon.ask import SERVER_TYPE, Reply, ask_all
from swiftlite.ring import Ring
from swiftlite.vocab.names import quote_path

CLOCKS_APART_S = 1.0
_MANY_PENDINGS = 10_000
_CRON_SILENT_S = 3600.0
_PATIENCE_S = 2.0
_PATHS = (
    SERVER_TYPE, "ringmd5", "swiftconfmd5", "time", "version", "unmounted", "diskusage",
    "quarantined", "driveaudit", "async", "replication/account", "replication/container",
    "replication/object",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fleet:
    """What each server said, by path; kind: of the ring that names it."""

    node: Node
    kinds: dict[tuple[str, int], str]
    told: dict[str, list[Reply]]

    def good(self, path: str) -> Iterator[tuple[str, str, Any]]:
        """Server, its kind, and what it said, of those that said it."""
        for reply in self.told[path]:
            if reply.ok:
                yield reply.netloc, self.kinds[reply.server], reply.content


def ask(node: Node, timeout: float) -> Fleet:
    """Every address of every ring that this node has."""
    kinds: dict[tuple[str, int], str] = {}
    for name, ring in _all_rings(node):
        for device in ring.devices:
            if device is not None and device.weight > 0:
                kinds.setdefault(device.address, name.partition("-")[0])
    return Fleet(node, kinds, ask_all(sorted(kinds), _PATHS, timeout))


def _all_rings(node: Node) -> Iterator[tuple[str, Ring]]:
    """Also where this node has no servers: an operator's desk."""
    if isinstance(node.cluster, str):
        return
    for path in sorted(Path(node.swift_dir).glob("*.ring.gz")):
        name = path.name.removesuffix(".ring.gz")
        if name.partition("-")[0] in ("account", "container", "object"):
            found = node.rings.get(name)
            yield (
                name,
                found if isinstance(found, Ring) else Ring.load(str(path), node.cluster.hash_path),
            )


def silent(fleet: Fleet) -> Iterator[Finding]:
    for reply in fleet.told[SERVER_TYPE]:
        kind = fleet.kinds[reply.server]
        if reply.status == -1:
            yield Finding(
                "node-unreachable",
                reply.netloc,
                f"its {kind} server does not answer: {reply.content}",
                "What it holds is short of a copy.",
                f"ssh {reply.server[0]} swiftlite-init {kind} start",
            )
        elif reply.ok and reply.content and reply.content != f"{kind}-server":
            yield Finding(
                "wrong-server",
                reply.netloc,
                f"the ring looks for an {kind} server there, and finds {reply.content}",
                "Requests are answered by the wrong server.",
                f"correct bind_port in the confs of {reply.server[0]}, or the ring",
            )


def without_recon(fleet: Fleet) -> Iterator[Finding]:
    for reply in fleet.told["version"]:
        if reply.status not in (200, -1):
            yield Finding(
                "no-recon",
                reply.netloc,
                f"it has no recon filter (status {reply.status})",
                "Nobody can see from afar how it is.",
                f"add recon to [pipeline:main] of its {fleet.kinds[reply.server]}-server.conf, "
                f"then: ssh {reply.server[0]} swiftlite-init "
                f"{fleet.kinds[reply.server]} reload-seamless",
                "warning",
            )


def files(fleet: Fleet) -> Iterator[Finding]:
    """Rings and swift.conf are the same everywhere, or requests go astray."""
    etc = fleet.node.swift_dir
    ours = {path.name: _md5(path) for path in Path(etc).glob("*.ring.gz")}
    astray: Counter[tuple[str, str]] = Counter()
    for where, _, sums in fleet.good("ringmd5"):
        for path, theirs in sums.items():
            name = os.path.basename(path)
            if name in ours and theirs != ours[name]:
                astray[where.rpartition(":")[0], name] += 1
    for ip, name in sorted(astray):
        yield Finding(
            "ring-differs",
            ip,
            f"its {name} is not the one that is here",
            "Nodes look for the same thing in different places.",
            f"scp {etc}/{name} {ip}:{etc}/",
        )
    conf = _md5(Path(etc, "swift.conf"))
    differing = {
        where.rpartition(":")[0]
        for where, _, sums in fleet.good("swiftconfmd5")
        if next(iter(sums.values()), conf) != conf
    }
    for ip in sorted(differing):
        yield Finding(
            "swift-conf-differs",
            ip,
            "its swift.conf is not the one that is here",
            "With other hash settings it finds nothing; with other policies or limits it answers "
            "otherwise than its peers.",
            f"diff <(ssh {ip} cat {etc}/swift.conf) {etc}/swift.conf; then: "
            f"scp {etc}/swift.conf {ip}:{etc}/ and restart its servers",
        )


def _md5(path: Path) -> str:
    try:
        return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
    except OSError:
        return ""


def clocks(fleet: Fleet) -> Iterator[Finding]:
    told: dict[str, float] = {}
    for reply in fleet.told["time"]:
        if reply.ok and isinstance(reply.content, int | float):
            apart = max(reply.started - reply.content, reply.content - reply.ended, 0.0)
            told[reply.server[0]] = max(apart, told.get(reply.server[0], 0.0))
    for ip, apart in sorted(told.items()):
        if apart > CLOCKS_APART_S:
            yield Finding(
                "clock-off",
                ip,
                f"its clock is {apart:.1f} s away from this machine's",
                "The newest write wins by its time: writes through a slow clock are lost.",
                f"ssh {ip} chronyc makestep   (or: systemctl restart systemd-timesyncd)",
            )


def versions(fleet: Fleet) -> Iterator[Finding]:
    told = {
        where: str(content.get("version"))
        for where, _, content in fleet.good("version")
        if isinstance(content, dict)
    }
    common = Counter(told.values()).most_common(1)
    for where, version in sorted(told.items()):
        if version != common[0][0]:
            yield Finding(
                "version-differs",
                where,
                f"it runs {version}, most run {common[0][0]}",
                "An upgrade has stopped half-way; what only new versions know stays off.",
                f"ssh {where.rpartition(':')[0]} pip install swiftlite=={common[0][0]}, then "
                "swiftlite-init main reload-seamless",
                "warning",
            )


def disks(fleet: Fleet) -> Iterator[Finding]:
    seen: set[tuple[str, ...]] = set()
    for where, kind, content in fleet.good("unmounted"):
        ip = where.rpartition(":")[0]
        for one in content:
            device = one["device"]
            if (ip, device) in seen or not refuses(where, kind, device):
                continue  # a sandbox has no mounts, and mount_check = false
            seen.add((ip, device))
            yield Finding(
                "device-unmounted",
                f"{ip}/{device}",
                "it is not mounted"
                if one["mounted"] is False
                else f"it is broken: {one['mounted']}",
                "What it holds is short of a copy.",
                f"ssh {ip} mount /srv/node/{device}",
            )
    for where, _, content in fleet.good("diskusage"):
        ip = where.rpartition(":")[0]
        for one in content:
            size, free = one.get("size"), one.get("avail")
            key = (ip, one.get("device"), "full")
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
                    "add devices, or lower its weight: swiftlite-ring-builder "
                    f"object.builder set_weight {ip}/{one['device']} <less>",
                    "warning",
                )


def refuses(where: str, kind: str, device: str) -> bool:
    """Whether the server answers 507 to whatever is asked of the device."""
    names = {"account": "a", "container": "a/c", "object": "a/c/o"}[kind]
    connection = http.client.HTTPConnection(where, timeout=_PATIENCE_S)
    try:
        connection.request("HEAD", f"/{quote_path(device)}/0/{names}")
        return connection.getresponse().status == 507
    except (OSError, http.client.HTTPException):
        return True
    finally:
        connection.close()


def damage(fleet: Fleet) -> Iterator[Finding]:
    counts: dict[str, int] = {}
    for where, _, content in fleet.good("quarantined"):
        ip = where.rpartition(":")[0]
        total = sum(content.get(kind) or 0 for kind in ("accounts", "containers", "objects"))
        counts[ip] = max(total, counts.get(ip, 0))
    for ip, count in sorted(counts.items()):
        if count:
            yield Finding(
                "quarantined",
                ip,
                f"{count} damaged things were set aside",
                "A disk that damages files goes on doing so.",
                f"ssh {ip} swiftlite doctor",
                "warning",
            )
    errors: Counter[str] = Counter()
    for where, _, content in fleet.good("driveaudit"):
        ip = where.rpartition(":")[0]
        errors[ip] = max(errors[ip], content.get("drive_audit_errors") or 0)
    for ip, count in sorted(errors.items()):
        if count:
            yield Finding(
                "drive-errors",
                ip,
                f"its kernel has complained {count} times of a disk",
                "It will fail, or has.",
                f"ssh {ip} swiftlite doctor",
            )


def work(fleet: Fleet) -> Iterator[Finding]:
    now = fleet.node.now()
    for where, kind, content in fleet.good("async"):
        count, last = content.get("async_pending"), content.get("async_pending_last")
        if kind != "object":
            continue
        ip = where.rpartition(":")[0]
        if isinstance(count, int) and count > _MANY_PENDINGS:
            yield Finding(
                "async-pendings",
                where,
                f"{count} container updates wait",
                "Listings and counts lack these objects until they are delivered.",
                f"ssh {ip} swiftlite-init object-updater start; see its log",
                "warning",
            )
        if isinstance(last, int | float) and now - last > _CRON_SILENT_S:
            yield Finding(
                "recon-cron-silent",
                where,
                f"async pendings were counted {(now - last) / 3600:.0f} h ago",
                "How many wait now is not known.",
                f"ssh {ip} systemctl enable --now swiftlite-recon-cron.timer",
                "warning",
            )
    for of in STORAGE:
        for where, kind, told in fleet.good(f"replication/{of}"):
            if kind == of and isinstance(told, dict):
                on = f"ssh {where.rpartition(':')[0]} "
                yield from overdue(of, where, told, now, on)
                yield from failing(of, where, told, on)


CHECKS = (silent, without_recon, files, clocks, versions, disks, damage, work)
