"""Checks of what is written down: swift.conf, confs of servers, rings."""

from __future__ import annotations

import difflib
import os
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from swiftlite.cli.doctor.finding import Finding
from swiftlite.cli.doctor.node import Node, Server
from swiftlite.cli.doctor.tables import tables_of
from swiftlite.cluster.local_devices import is_own_address
from swiftlite.config.load import DEFAULT, ConfError, options, unknown_keys
from swiftlite.config.option import declared
from swiftlite.ring import Ring

_SAMPLE_SECRETS = ("changeme", "change_me", "%SWIFT_HASH_PATH_SUFFIX%")
_ALIKE = 0.8
_KNOWN_KEYS = ("testing", "testing2", "testing3", "admin", "testing5")


def swift_conf(node: Node) -> Iterator[Finding]:
    path = f"{node.swift_dir}/swift.conf"
    if isinstance(node.cluster, str):
        yield Finding(
            "swift-conf-unusable",
            path,
            node.cluster,
            "No server starts without it, and every path on disk depends on its hash settings.",
            f"scp <another node>:{path} {path}",
        )
        return
    hashing = node.cluster.hash_path
    if {hashing.prefix.decode("latin-1"), hashing.suffix.decode("latin-1")} & set(_SAMPLE_SECRETS):
        yield Finding(
            "hash-is-the-samples",
            path,
            "the hash settings are those of a sample file",
            "Whoever knows them can choose names that all fall into one partition. They can never "
            "be changed once there is data.",
            f"before the first object only: sed -i 's/changeme/'$(openssl rand -hex 16)'/' {path}, "
            "and copy it to every node",
            "warning",
        )


def readable(node: Node) -> Iterator[Finding]:
    """Confs as files and as options."""
    for server in node.servers:
        if server.conf is None:
            yield Finding(
                "conf-unreadable",
                str(server.path),
                server.fault,
                f"The {server.name} cannot start, nor can the daemons that read the same conf.",
                f"edit {server.path}, then: swiftlite-{server.name} {server.path} --test-config",
            )
            continue
        for header, table in tables_of(server.kind):
            section = server.conf.defaults if header == DEFAULT else server.section(header)
            if not section:
                continue
            try:
                options(table, section, where=f"{server.path} [{header}]")
            except ConfError as error:
                yield Finding(
                    "option-wrong",
                    str(server.path),
                    str(error),
                    "What has this option does not start, or does not start again.",
                    f"edit {server.path}, then: swiftlite-{server.name} {server.path} "
                    "--test-config",
                )


def misspelled(node: Node) -> Iterator[Finding]:
    """Keys that nobody knows and that are nearly one that somebody does."""
    for server in node.servers:
        if server.conf is None:
            continue
        tables = tables_of(server.kind)
        everywhere = [table for _, table in tables]
        for key, _ in unknown_keys(everywhere, server.conf.defaults):
            yield from _nearly(server, DEFAULT, key, _names(tuple(everywhere)))
        for header, section in server.conf.sections.items():
            own = [table for name, table in tables if name == header]
            if not own:
                continue
            common = [table for name, table in tables if name == DEFAULT]
            keys = {key: value for key, value in section.items() if key not in server.conf.defaults}
            for key, _ in unknown_keys([*own, *common], keys):
                yield from _nearly(server, header, key, _names((*own, *common)))


@cache
def _names(tables: tuple[type, ...]) -> frozenset[str]:
    return frozenset(option.name for table in tables for option in declared(table))


def _nearly(server: Server, header: str, key: str, names: frozenset[str]) -> Iterator[Finding]:
    meant = difflib.get_close_matches(key, names, n=1, cutoff=_ALIKE)
    if meant:
        yield Finding(
            "option-misspelled",
            str(server.path),
            f"[{header}] has {key}, which nobody knows; {meant[0]} is meant, probably",
            f"{meant[0]} has its default, not what was written.",
            f"sed -i 's/^{key}\\b/{meant[0]}/' {server.path}",
            "warning",
        )


def same_address(node: Node) -> Iterator[Finding]:
    """Two confs cannot have one port."""
    counts = Counter(server.address for server in node.servers if server.address is not None)
    for server in node.servers:
        if server.address is not None and counts[server.address] > 1:
            ip, port = server.address
            yield Finding(
                "port-twice",
                str(server.path),
                f"another conf listens at {ip}:{port} as well",
                "Only one of them can start.",
                f"give one of them a bind_port of its own in {server.path}",
            )


def known_passwords(node: Node) -> Iterator[Finding]:
    for server in node.servers:
        users = server.section("filter:tempauth")
        known = [
            name
            for name, value in users.items()
            if name.startswith("user") and value.split()[:1] and value.split()[0] in _KNOWN_KEYS
        ]
        if not known or server.address is None or server.address[0].startswith("127."):
            continue
        yield Finding(
            "known-passwords",
            str(server.path),
            f"{', '.join(sorted(known))}: passwords of the sample file, at {server.address[0]}",
            "Everybody knows them, and can read and delete what these users own.",
            f"edit [filter:tempauth] in {server.path}, then: swiftlite-init proxy reload-seamless",
        )


def rings(node: Node) -> Iterator[Finding]:
    for name, ring in node.rings.items():
        path = f"{node.swift_dir}/{name}.ring.gz"
        if isinstance(ring, str):
            missing = not os.path.exists(path)
            yield Finding(
                "ring-missing" if missing else "ring-damaged",
                path,
                "there is no such ring" if missing else ring,
                "What needs it does not start, or goes on with the ring that it has in memory.",
                f"scp <another node>:{path} {path}",
            )
            continue
        builder = Path(node.swift_dir, f"{name}.builder")
        if builder.exists() and builder.stat().st_mtime > os.path.getmtime(path) + 60:
            yield Finding(
                "ring-not-written",
                path,
                f"{builder.name} has been changed since the ring was written",
                "The change is not in force anywhere.",
                f"swiftlite-ring-builder {builder} rebalance, then copy {path} to every node",
                "warning",
            )


def rings_without_policy(node: Node) -> Iterator[Finding]:
    if isinstance(node.cluster, str):
        return
    known = {policy.ring_name for policy in node.cluster.policies}
    for path in sorted(Path(node.swift_dir).glob("object*.ring.gz")):
        name = path.name.removesuffix(".ring.gz")
        if name not in known:
            yield Finding(
                "ring-without-policy",
                str(path),
                f"swift.conf has no policy with the index {name.partition('-')[2]}",
                "Objects of that policy cannot be read or repaired by this node.",
                f"scp <another node>:{node.swift_dir}/swift.conf {node.swift_dir}/swift.conf",
            )


def addresses(node: Node) -> Iterator[Finding]:
    """A storage server ought to be where a ring looks for it."""
    for server in node.storage:
        rings = [
            ring
            for name, ring in node.rings.items()
            if isinstance(ring, Ring) and name.partition("-")[0] == server.kind
        ]
        if server.address is None or not rings:
            continue
        if any(held.server is server for held in node.held):
            continue
        ip, port = server.address
        devices = [device for ring in rings for device in ring.devices if device is not None]
        own = {d.address for d in devices if d.ip == ip or is_own_address(d.ip)}
        mine = sorted({there for _, there in own})
        if port in mine:
            wanted = sorted(there for there, at in own if at == port)
            yield Finding(
                "wrong-address",
                str(server.path),
                f"it listens at {ip} only, and the ring looks for this node's "
                f"{server.kind} server at {', '.join(wanted)}",
                "Nobody reaches it: its devices count as failed.",
                f"sed -i 's/^bind_ip.*/bind_ip = {wanted[0]}/' {server.path}, then: "
                f"swiftlite-init {server.kind} restart",
            )
        elif mine:
            yield Finding(
                "wrong-port",
                str(server.path),
                f"it listens at port {port}, and the ring looks for this node's "
                f"{server.kind} server at {', '.join(map(str, mine))}",
                "Nobody reaches it: its devices count as failed.",
                f"sed -i 's/^bind_port.*/bind_port = {mine[0]}/' {server.path}, then: "
                f"swiftlite-init {server.kind} restart",
            )
        else:
            yield Finding(
                "not-in-the-ring",
                str(server.path),
                f"no ring has a device at {ip}:{port}",
                "The server has nothing to serve.",
                f"swiftlite-ring-builder {node.swift_dir}/{server.kind}.builder add "
                f"r1z1-<address>:{port}/<device> <weight>, or remove {server.path}",
                "warning",
            )


CHECKS = (
    swift_conf, readable, misspelled, same_address, known_passwords, rings, rings_without_policy,
    addresses,
)  # fmt: skip
