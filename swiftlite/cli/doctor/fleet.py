"""The whole cluster as its storage servers tell it, each asked by its recon filter; and who is
silent."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from swiftlite.cli.doctor.finding import Finding
from swiftlite.cli.doctor.node import Node
from swiftlite.cli.doctor.services import on
from swiftlite.cli.recon.ask import SERVER_TYPE, Reply, ask_all
from swiftlite.ring import Ring
from swiftlite.vocab.names import quote_path

_PATIENCE_S = 2.0
_PATHS = (
    SERVER_TYPE, "ringmd5", "swiftconfmd5", "time", "version", "unmounted", "diskusage",
    "quarantined", "driveaudit", "async", "replication/account", "replication/container",
    "replication/object",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fleet:
    """What each server said, by path. kinds: of the rings that name a server; devices: addresses
    with what rings put there."""

    node: Node
    kinds: dict[tuple[str, int], str]
    devices: frozenset[tuple[str, str]]
    told: dict[str, list[Reply]]

    def good(self, path: str) -> Iterator[tuple[str, str, Any]]:
        """Server, its kind, and what it said, of those that said it."""
        for reply in self.told[path]:
            if reply.ok:
                yield reply.netloc, self.kinds[reply.server], reply.content


def ip_of(where: str) -> str:
    return where.rpartition(":")[0].strip("[]")


def ask(node: Node, timeout: float) -> Fleet:
    """Every address of every ring that this node has."""
    kinds: dict[tuple[str, int], str] = {}
    devices = set()
    for name, ring in _all_rings(node):
        for device in ring.devices:
            if device is not None and device.weight > 0:
                kinds.setdefault(device.address, name.partition("-")[0])
                devices.add((device.ip, device.device))
    return Fleet(node, kinds, frozenset(devices), ask_all(sorted(kinds), _PATHS, timeout))


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
        ip = reply.server[0]
        if reply.status == -1:
            yield Finding(
                "node-unreachable",
                reply.netloc,
                f"its {kind} server does not answer: {reply.content}",
                "What it holds is short of a copy.",
                on(ip, fleet.node.services.start(f"{kind}-server")),
            )
        elif reply.ok and reply.content and reply.content != f"{kind}-server":
            yield Finding(
                "wrong-server",
                reply.netloc,
                f"the ring looks for an {kind} server there, and finds {reply.content}",
                "Requests are answered by the wrong server.",
                on(ip, "swiftlite doctor"),
                page="operations/doctor.md",
            )


def without_recon(fleet: Fleet) -> Iterator[Finding]:
    for reply in fleet.told["version"]:
        if reply.status in (200, -1):
            continue
        server = f"{fleet.kinds[reply.server]}-server"
        conf = f"{fleet.node.swift_dir}/{server}.conf"
        section = f"grep -q '^.filter:recon' {conf} || printf '{_SECTION}' >>{conf}"
        edit = f"sed -i '/^.pipeline:main/,/^.app/ s/^pipeline *= */&recon /' {conf}"
        yield Finding(
            "no-recon",
            reply.netloc,
            f"it has no recon filter (status {reply.status})",
            "Nobody can see from afar how it is.",
            on(
                reply.server[0],
                f"({section}) && {edit} && {fleet.node.services.renew(server)}",
            ),
            "warning",
        )


_SECTION = r"\n[filter:recon]\nuse = egg:swiftlite#recon\n"


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


CHECKS = (silent, without_recon)
