"""Checks of what ought to be the same on all nodes: rings, swift.conf, time, versions."""

from __future__ import annotations

import hashlib
import os
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

from swiftlite.cli.doctor.finding import Finding
from swiftlite.cli.doctor.fleet import Fleet, ip_of
from swiftlite.cli.doctor.services import fetch, on, send

CLOCKS_APART_S = 1.0


def rings(fleet: Fleet) -> Iterator[Finding]:
    etc = fleet.node.swift_dir
    told: dict[str, dict[str, str]] = defaultdict(dict)
    for where, _, sums in fleet.good("ringmd5"):
        for path, theirs in sums.items():
            told[os.path.basename(path)][ip_of(where)] = theirs
    for name, theirs_by_ip in sorted(told.items()):
        path, builder = f"{etc}/{name}", Path(etc, name.replace(".ring.gz", ".builder"))
        ours = _md5(path)
        if ours is None:
            continue
        # Where the builder is, the ring is what it ought to be.
        right = ours if builder.exists() else _most_have(theirs_by_ip, ours)
        if right != ours:
            yield Finding(
                "ring-differs",
                path,
                f"most nodes have another {name}",
                "This node looks for things where the others do not put them.",
                fetch(_one_with(theirs_by_ip, right), path),
            )
            continue
        for ip, theirs in sorted(theirs_by_ip.items()):
            if theirs != ours:
                yield Finding(
                    "ring-differs",
                    ip,
                    f"its {name} is not the one that is here",
                    "Nodes look for the same thing in different places.",
                    send([ip], path),
                )


def swift_conf(fleet: Fleet) -> Iterator[Finding]:
    path = f"{fleet.node.swift_dir}/swift.conf"
    ours = _md5(path)
    told = {
        ip_of(where): next(iter(sums.values()))
        for where, _, sums in fleet.good("swiftconfmd5")
        if sums
    }
    if ours is None:
        return
    why = (
        "With other hash settings it finds nothing; with other policies or limits it answers "
        "otherwise than its peers."
    )
    right = _most_have(told, ours)
    again = "systemctl try-restart 'swiftlite-*.service'"
    if not fleet.node.services.by_systemd:
        again = "swiftlite-init all restart"
    if right != ours:
        mend = f"{fetch(_one_with(told, right), path)} && {again}"
        yield Finding("swift-conf-differs", path, "most nodes have another one", why, mend)
        return
    for ip, theirs in sorted(told.items()):
        if theirs != ours:
            mend = f"{send([ip], path)} && {on(ip, again)}"
            what = "its swift.conf is not the one that is here"
            yield Finding("swift-conf-differs", ip, what, why, mend)


def _most_have(told: Mapping[str, str], ours: str) -> str:
    """The sum that several have, and more than half of all who told; else ours."""
    for found, count in Counter(told.values()).most_common(1):
        if count > 1 and count * 2 > len(told):
            return found
    return ours


def _one_with(told: Mapping[str, str], wanted: str) -> str:
    return next(ip for ip, found in sorted(told.items()) if found == wanted)


def _md5(path: str) -> str | None:
    try:
        return hashlib.md5(Path(path).read_bytes(), usedforsecurity=False).hexdigest()
    except OSError:
        return None


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
                on(ip, "chronyc makestep || systemctl restart systemd-timesyncd"),
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
                on(ip_of(where), "swiftlite --version"),
                "warning",
                "operations/tasks/upgrade.md",
            )


CHECKS = (rings, swift_conf, clocks, versions)
