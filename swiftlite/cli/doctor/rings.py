"""Checks of the rings of this node, and of its servers' addresses, which rings tell everybody."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from swiftlite.cli.doctor import editing
from swiftlite.cli.doctor.finding import Finding
from swiftlite.cli.doctor.node import Node
from swiftlite.cli.doctor.server import Server
from swiftlite.cli.doctor.services import fetch, send
from swiftlite.cluster.local_devices import is_own_address
from swiftlite.config.load import DEFAULT
from swiftlite.ring import Device, Ring, RingBuilder, RingError


def rings(node: Node) -> Iterator[Finding]:
    for name, ring in node.rings.items():
        path = f"{node.swift_dir}/{name}.ring.gz"
        builder = Path(node.swift_dir, f"{name}.builder")
        if isinstance(ring, str):
            mend, page = _again(node, path, builder)
            missing = not os.path.exists(path)
            yield Finding(
                "ring-missing" if missing else "ring-damaged",
                path,
                "there is no such ring" if missing else ring,
                "What needs it does not start, or goes on with the ring that it has in memory.",
                mend,
                page=page,
            )
        elif _is_behind(ring, path, builder):
            written = f"swiftlite-ring-builder {builder} rebalance"
            yield Finding(
                "ring-not-written",
                path,
                f"{builder.name} has been changed since the ring was written",
                "The change is not in force anywhere. Proxies need the ring, too.",
                f"{written}; {send(node.peers, path)}" if node.peers else written,
                "warning",
            )


def _is_behind(ring: Ring, path: str, builder: Path) -> bool:
    """A builder also changes without a need of another ring; its version does not, then."""
    if not builder.exists() or builder.stat().st_mtime <= os.path.getmtime(path):
        return False
    try:
        return RingBuilder.load(str(builder)).version != ring.version
    except RingError:
        return False


def _again(node: Node, path: str, builder: Path) -> tuple[str, str]:
    """A command, and a page where it does not suffice. The others' ring is the one in force."""
    if node.peers:
        return fetch(node.peers[0], path), ""
    if builder.exists():
        return f"swiftlite-ring-builder {builder} write_ring", ""
    return f"ls -l {node.swift_dir}", "operations/tasks/total-loss.md"


def rings_without_policy(node: Node) -> Iterator[Finding]:
    if isinstance(node.cluster, str):
        return
    known = {policy.ring_name for policy in node.cluster.policies}
    for path in sorted(Path(node.swift_dir).glob("object*.ring.gz")):
        name = path.name.removesuffix(".ring.gz")
        if name in known:
            continue
        conf = f"{node.swift_dir}/swift.conf"
        yield Finding(
            "ring-without-policy",
            str(path),
            f"swift.conf has no policy with the index {name.partition('-')[2]}",
            "Objects of that policy cannot be read or repaired by this node.",
            fetch(node.peers[0], conf) if node.peers else f"rm {path}",
        )


def addresses(node: Node) -> Iterator[Finding]:
    """A storage server ought to be where a ring looks for it."""
    for server in node.storage:
        found = [
            ring
            for name, ring in node.rings.items()
            if isinstance(ring, Ring) and name.partition("-")[0] == server.kind
        ]
        if server.address is None or not found or any(one.server is server for one in node.held):
            continue
        ip, port = server.address
        devices = [device for ring in found for device in ring.devices if device is not None]
        own = {one.address for one in devices if one.ip == ip or is_own_address(one.ip)}
        if port in {there for _, there in own}:
            yield _at_the_wrong_ip(node, server, sorted(there for there, at in own if at == port))
        elif own:
            yield _at_the_wrong_port(node, server, sorted({there for _, there in own}))
        else:
            yield _looked_for_by_nobody(node, server, devices)


def _at_the_wrong_ip(node: Node, server: Server, wanted: list[str]) -> Finding:
    ip, _ = server.address or ("", 0)
    return Finding(
        "wrong-address",
        str(server.path),
        f"it listens at {ip} only, and the ring looks for this node's {server.kind} server at "
        f"{', '.join(wanted)}",
        "Nobody reaches it: its devices count as failed.",
        _told(node, server, "bind_ip", wanted[0]),
    )


def _at_the_wrong_port(node: Node, server: Server, wanted: list[int]) -> Finding:
    _, port = server.address or ("", 0)
    return Finding(
        "wrong-port",
        str(server.path),
        f"it listens at port {port}, and the ring looks for this node's {server.kind} server at "
        f"{', '.join(map(str, wanted))}",
        "Nobody reaches it: its devices count as failed.",
        _told(node, server, "bind_port", str(wanted[0])),
    )


def _told(node: Node, server: Server, key: str, value: str) -> str:
    edit = editing.set_option(server.path, DEFAULT, key, value)
    names = node.running_with(server)  # daemons tell by the address which devices are theirs
    return f"{edit} && {node.services.restart(*names, conf=server.path)}"


def _looked_for_by_nobody(node: Node, server: Server, devices: list[Device]) -> Finding:
    """A new node's, or a conf that came with the package and that this node needs not."""
    ip, port = server.address or ("", 0)
    there = [path for path, _ in node.present]
    name = os.path.basename(there[0]) if there else ""
    runs = node.process_of(server) is not None
    stop = f"{node.services.stop(server.name, conf=server.path)} && " if runs else ""
    return Finding(
        "not-in-the-ring",
        str(server.path),
        f"no ring has a device at {ip}:{port}",
        "The server has nothing to serve.",
        f"swiftlite-ring-builder {node.swift_dir}/{server.kind}.builder add "
        f"r1z1-{ip}:{port}/{name} {devices[0].weight:g}"
        if there
        else f"{stop}rm {server.path}",
        "warning",
        "operations/tasks/add-a-node.md" if there else "",
    )


CHECKS = (rings, rings_without_policy, addresses)
