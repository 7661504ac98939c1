"""Checks of what is written down: swift.conf and the confs of servers."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from swiftlite.cli.doctor import editing
from swiftlite.cli.doctor.finding import Finding
from swiftlite.cli.doctor.machine import group_of
from swiftlite.cli.doctor.node import Node
from swiftlite.cli.doctor.server import PORTS, Server
from swiftlite.cli.doctor.services import fetch
from swiftlite.cli.doctor.tables import tables_of
from swiftlite.cluster.local_devices import is_own_address
from swiftlite.config.load import DEFAULT, ConfError, options, unknown_keys
from swiftlite.config.option import declared
from swiftlite.ring import Ring
from swiftlite.service.servers import REST

_SAMPLE_SECRETS = ("changeme", "change_me", "%SWIFT_HASH_PATH_SUFFIX%")
_ALIKE = 0.8
_KNOWN_KEYS = ("testing", "testing2", "testing3", "admin", "testing5")
_LINE = re.compile(r"(?P<file>/\S+), line (?P<line>\d+): (?!there is a second section)")
_KEY = re.compile(r"\]: (?P<key>\S+) = ")


def swift_conf(node: Node) -> Iterator[Finding]:
    path = f"{node.swift_dir}/swift.conf"
    if isinstance(node.cluster, str):
        yield Finding(
            "swift-conf-unusable",
            path,
            node.cluster,
            "No server starts without it, and every path on disk depends on its hash settings.",
            fetch(node.peers[0], path) if node.peers else f"ls -l {node.swift_dir}",
            page="" if node.peers else "operations/tasks/total-loss.md",
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
            "openssl rand -hex 16",
            "warning",
            "operations/tasks/first-cluster.md",
        )


def readable(node: Node) -> Iterator[Finding]:
    """Confs as files and as options."""
    for server in node.servers:
        if server.conf is None:
            yield _unreadable(node, server)
            continue
        for header, table in tables_of(server.kind):
            section = server.conf.defaults if header == DEFAULT else server.section(header)
            if not section:
                continue
            try:
                options(table, section, where=f"{server.path} [{header}]")
            except ConfError as error:
                yield _wrong(node, server, header, str(error))


def _unreadable(node: Node, server: Server) -> Finding:
    line = _LINE.match(server.fault)
    renewed = node.services.renew(server.name, conf=server.path)
    return Finding(
        "conf-unreadable",
        str(server.path),
        server.fault,
        f"The {server.name} cannot start, nor can the daemons that read the same conf.",
        f"sed -i '{line['line']}s/^/# /' {line['file']} && {renewed}"
        if line
        else f"swiftlite-{server.name} {server.path} --test-config",
        page="" if line else f"config/{server.name}.md",
    )


def _wrong(node: Node, server: Server, header: str, why: str) -> Finding:
    key = _KEY.search(why)
    # What [DEFAULT] says reaches every section.
    place = DEFAULT if key and server.conf and key["key"] in server.conf.defaults else header
    if not key:
        mend = f"swiftlite-{server.name} {server.path} --test-config"
    else:
        mend = editing.comment_out(server.path, place, key["key"])
        mend += f" && {_renewed(node, server, place)}"
    return Finding(
        "option-wrong",
        str(server.path),
        why,
        "What has this option does not start, or does not start again. Taken out it has its "
        "default.",
        mend,
        page="" if key else f"config/{server.name}.md",
    )


def _renewed(node: Node, server: Server, header: str) -> str:
    """The command that makes a section count: [DEFAULT] reaches everybody."""
    if header in REST:
        return node.services.renew(header, conf=server.path)
    names = node.running_with(server) if header == DEFAULT else [server.name]
    return node.services.renew(*names, conf=server.path)


def misspelled(node: Node) -> Iterator[Finding]:
    """Keys that nobody knows and that are nearly one that somebody does."""
    for server in node.servers:
        if server.conf is None:
            continue
        tables = tables_of(server.kind)
        everywhere = [table for _, table in tables]
        for key, _ in unknown_keys(everywhere, server.conf.defaults):
            yield from _nearly(node, server, DEFAULT, key, _names(tuple(everywhere)))
        for header, section in server.conf.sections.items():
            own = [table for name, table in tables if name == header]
            if not own:
                continue
            common = [table for name, table in tables if name == DEFAULT]
            keys = {key: value for key, value in section.items() if key not in server.conf.defaults}
            for key, _ in unknown_keys([*own, *common], keys):
                yield from _nearly(node, server, header, key, _names((*own, *common)))


@cache
def _names(tables: tuple[type, ...]) -> frozenset[str]:
    return frozenset(option.name for table in tables for option in declared(table))


def _nearly(
    node: Node, server: Server, header: str, key: str, names: frozenset[str]
) -> Iterator[Finding]:
    meant = difflib.get_close_matches(key, names, n=1, cutoff=_ALIKE)
    if meant:
        yield Finding(
            "option-misspelled",
            str(server.path),
            f"[{header}] has {key}, which nobody knows; {meant[0]} is meant, probably",
            f"{meant[0]} has its default, not what was written.",
            f"{editing.rename_option(server.path, header, key, meant[0])} && "
            f"{_renewed(node, server, header)}",
            "warning",
        )


def same_address(node: Node) -> Iterator[Finding]:
    """Two confs cannot have one port."""
    counts = Counter(server.address for server in node.servers if server.address is not None)
    for server in node.servers:
        if server.address is None or counts[server.address] == 1:
            continue
        ip, port = server.address
        meant = _meant_port(node, server, set(counts))
        if meant == port:
            continue  # it is the other one that is wrong
        yield Finding(
            "port-twice",
            str(server.path),
            f"another conf listens at {ip}:{port} as well",
            "Only one of them can start.",
            f"{editing.set_option(server.path, DEFAULT, 'bind_port', str(meant))} && "
            f"{node.services.restart(server.name, conf=server.path)}",
        )


def _meant_port(node: Node, server: Server, taken: set[tuple[str, int]]) -> int:
    """The one at which rings look for it, or its usual one, or one that nobody has."""
    ip, port = server.address or ("", 0)
    rings = [ring for name, ring in node.rings.items() if name.partition("-")[0] == server.kind]
    wanted = {
        device.port
        for ring in rings
        if isinstance(ring, Ring)
        for device in ring.devices
        if device is not None and (device.ip == ip or is_own_address(device.ip))
    } or {PORTS[server.kind]}
    if (
        port in wanted
        and [one.address for one in node.servers if one.kind == server.kind].count((ip, port)) == 1
    ):
        return port
    free = sorted(number for number in wanted if (ip, number) not in taken)
    return free[0] if free else max(number for _, number in taken) + 1


def known_passwords(node: Node) -> Iterator[Finding]:
    for server in node.servers:
        users = server.section("filter:tempauth")
        known = sorted(
            name
            for name, value in users.items()
            if name.startswith("user") and value.split()[:1] and value.split()[0] in _KNOWN_KEYS
        )
        if not known or server.address is None or server.address[0].startswith("127."):
            continue
        scripts = " ".join(
            f'-e "s|^\\({name} *= *\\){users[name].split()[0]}\\b|\\1$(openssl rand -hex 12)|"'
            for name in known
        )
        renewed = node.services.renew(server.name, conf=server.path)
        yield Finding(
            "known-passwords",
            str(server.path),
            f"{', '.join(known)}: passwords of the sample file, at {server.address[0]}",
            "Everybody knows them, and can read and delete what these users own. Those that the "
            "command makes stand in the conf afterwards.",
            f"sed -i {scripts} {server.path} && {renewed}",
        )


def hidden(node: Node) -> Iterator[Finding]:
    """The servers' user must be able to read what they start with."""
    seen: set[Path] = set()
    for server in node.servers:
        user = node.user_of(server)
        ours = Path(node.swift_dir)
        for path in (ours, ours / "swift.conf", server.path, *sorted(ours.glob("*.ring.gz"))):
            if path in seen or not path.exists() or node.machine.may_read(user, path):
                continue
            seen.add(path)
            bits = "g+rx" if path.is_dir() else "g+r"
            yield Finding(
                "not-readable",
                str(path),
                f"user {user} cannot read it",
                f"The {server.name} does not start again, and takes no change of it.",
                f"chgrp {group_of(user)} {path} && chmod {bits} {path}",
            )


CHECKS = (swift_conf, readable, misspelled, same_address, known_passwords, hidden)
