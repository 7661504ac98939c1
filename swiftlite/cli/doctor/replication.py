"""Checks of replication, by what its passes have left with recon: it comes to an end, and it gets
through to the others."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from swiftlite.cli.doctor.finding import Finding
from swiftlite.cli.doctor.node import Node
from swiftlite.cli.doctor.rsync_module import PORT as RSYNC_PORT
from swiftlite.cli.doctor.server import STORAGE
from swiftlite.cli.doctor.services import on
from swiftlite.ring import Ring

_MAX_S = 24 * 3600.0
_FAILED_MAX = 0.1
"""The share of what was tried. A peer that is down fails for what it has, and is told as such."""
_NAMED = 3
_PATIENCE_S = 2.0
_LOG, _HOW = "journalctl -u swiftlite-", "architecture/object-replication.md"


def replication(node: Node) -> Iterator[Finding]:
    for kind in STORAGE:
        for server, told in node.recon(kind):
            where = f"{server.recon_cache}/{kind}.recon"
            restart = node.services.restart(f"{kind}-replicator", conf=server.path)
            yield from overdue(kind, where, told, node.now(), restart)
            yield from failing(kind, where, told, partial(refusal, node, kind))


def overdue(
    kind: str, where: str, told: Mapping[str, Any], now: float, restart: str
) -> Iterator[Finding]:
    """told: what recon keeps of replication. restart: the command for its replicator."""
    last = told.get("object_replication_last") or told.get("replication_last")
    if isinstance(last, int | float) and now - last > _MAX_S:
        yield Finding(
            "replication-old",
            where,
            f"the last {kind} replication came to its end {(now - last) / 3600:.0f} h ago",
            "What was lost meanwhile has fewer copies than it should; after reclaim_age "
            "deleted things could come back.",
            restart,
        )


def refusal(node: Node, kind: str, peer: str) -> tuple[str, str]:
    """Why a node takes no pushes: the command that mends it, or begins the task of a page."""
    if not all(_answers(peer, port) for port in _ports(node, kind, peer)):
        return on(peer, node.services.start(f"{kind}-server")), ""
    if kind == "object" and _by_rsync(node) and not _answers(peer, RSYNC_PORT):
        return on(peer, "systemctl enable --now rsync"), ""
    return on(peer, "swiftlite doctor"), "operations/doctor.md"


def _ports(node: Node, kind: str, peer: str) -> set[int]:
    """Where its servers of that kind are for other nodes."""
    return {
        device.replication_port
        for name, ring in node.rings.items()
        if isinstance(ring, Ring) and name.partition("-")[0] == kind
        for device in ring.devices
        if device is not None and device.replication_ip == peer
    }


def _by_rsync(node: Node) -> bool:
    return any(
        server.kind == "object"
        and server.section("object-replicator").get("sync_method", "rsync") == "rsync"
        for server in node.storage
    )


def _answers(ip: str, port: int) -> bool:
    try:
        socket.create_connection((ip, port), timeout=_PATIENCE_S).close()
    except OSError:
        return False
    return True


def failing(
    kind: str, where: str, told: Mapping[str, Any], why_not: Callable[[str], tuple[str, str]]
) -> Iterator[Finding]:
    """As overdue: the last pass that came to its end. why_not: of a peer; see refusal."""
    stats = told.get("replication_stats")
    if not isinstance(stats, dict):
        return
    failed, done = stats.get("failure"), stats.get("success")
    if not isinstance(failed, int) or not isinstance(done, int):
        return
    if failed <= _FAILED_MAX * (failed + done):
        return
    peers = _peers(stats.get("failure_nodes"))
    to = f", to {', '.join(peers[:_NAMED])}" if peers else ""
    more = f" and {len(peers) - _NAMED} more" if len(peers) > _NAMED else ""
    mend, page = why_not(peers[0]) if peers else (f"{_LOG}{kind}-replicator -n 20", _HOW)
    yield Finding(
        "replication-fails",
        where,
        f"{failed} of {failed + done} {kind} replications failed in the last pass{to}{more}",
        "What should have a copy there has one fewer, for as long as this goes on.",
        mend,
        page=page,
    )


def _peers(nodes: object) -> list[str]:
    """Addresses, those where most failed first."""
    counts = {
        ip: sum(count for count in devices.values() if isinstance(count, int))
        for ip, devices in (nodes.items() if isinstance(nodes, dict) else ())
        if isinstance(devices, dict)
    }
    return sorted(counts, key=lambda ip: (-counts[ip], ip))


CHECKS = (replication,)
