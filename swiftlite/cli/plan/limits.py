"""Today's limits of replication: from the confs that are here, and from what the operator says."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from swiftlite.cli.doctor.node import Node
from swiftlite.cli.doctor.server import Server
from swiftlite.config.load import ConfError, options
from swiftlite.dbsync.options import ReplicatorOptions as DatabaseOptions
from swiftlite.obj.options import ObjectServerOptions
from swiftlite.obj.replicator.options import ReplicatorOptions
from swiftlite.plan.schedule import Limits

T = TypeVar("T")
RSYNCD = "/etc/rsyncd.conf"
_RING_CHECK_S = 15.0
_FACTOR = {"": 1.0, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
_RATE = re.compile(r"([\d.]+)\s*([kKMGT]?)(bit|B)?(?:/s|ps)?")
_BWLIMIT = re.compile(r"([\d.]+)([kKmMgG]?)(?:i?[bB])?")
_KIB = {"": 1 << 10, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}


def parse_rate(text: str) -> float:
    """Bytes a second, of bits: 1Gbit, 100M; or of bytes: 20MB/s. Raises ValueError."""
    match = _RATE.fullmatch(text.strip())
    value = float(match[1]) * _FACTOR[match[2].upper()] if match else 0.0
    if match is None or value <= 0:
        raise ValueError(f"not a rate: {text!r} (1Gbit, 100Mbit, 20MB/s)")
    return value if match[3] == "B" else value / 8


@dataclass(frozen=True, slots=True)
class Given:
    """What the operator says, over what confs say; None: nothing. Rates in bytes a second."""

    link: float | None = None
    disk: float | None = None
    stream: float | None = None
    concurrency: int | None = None
    connections: int | None = None


def limits_of(kind: str, node: Node, given: Given, rsyncd: str = RSYNCD) -> tuple[Limits, str]:
    """The limits, and a sentence that names them and where they come from."""
    server = next((one for one in node.storage if one.kind == kind and one.conf is not None), None)
    found = _of_objects(server, rsyncd) if kind == "object" else _of_databases(kind, server)
    found = replace(
        found,
        link=given.link or found.link,
        disk=given.disk or found.disk,
        stream=given.stream or found.stream,
        senders=given.concurrency or found.senders,
        slots=found.slots if given.connections is None else given.connections,
    )
    where = (
        str(server.path) if server is not None else f"defaults, as no {kind}-server.conf is here"
    )
    slots = f"{found.slots} at once" if found.slots else "any number"
    stream = f", {found.stream / 1e6:.3g} MB/s for each" if found.stream else ""
    return found, (
        f"limits ({where}): {found.senders * found.workers} partitions sent by a node at once"
        f"{stream}, a {'device' if found.slots_are_per_device else 'node'} takes {slots}; taken for"
        f" granted: {found.link / 1e6:.4g} MB/s each way for a node, {found.disk / 1e6:.4g} MB/s"
        " for a device (--link, --disk)"
    )


def _of_objects(server: Server | None, rsyncd: str) -> Limits:
    found = _read(ReplicatorOptions, server, "object-replicator")
    serving = _read(ObjectServerOptions, server, "app:object-server")
    limits = Limits(
        senders=found.concurrency,
        workers=max(1, found.replicator_workers),
        interval=found.interval,
        takers=serving.replication_concurrency_per_device,
        slots=serving.replication_concurrency,
        notice=found.interval + _RING_CHECK_S,
    )
    if found.sync_method == "ssync":
        return limits
    module = found.rsync_module.rpartition("::")[2].partition("/")[0]
    return replace(
        limits,
        takers=0,
        slots=connections(rsyncd, module) or 0,
        slots_are_per_device="{device}" in module,
        pauses=(),  # rsync fails at once
        stream=bwlimit(found.rsync_bwlimit),
    )


def _of_databases(kind: str, server: Server | None) -> Limits:
    found = _read(DatabaseOptions, server, f"{kind}-replicator")
    return Limits(
        senders=found.concurrency,
        interval=found.interval,
        takers=0,
        slots=0,
        notice=found.interval + _RING_CHECK_S,
    )


def _read(table: type[T], server: Server | None, section: str) -> T:
    """Options as the daemon would have them; a conf that it would refuse counts as none."""
    if server is None or server.conf is None:
        return table()
    found = {**server.conf.defaults, **server.conf.sections.get(section, {})}
    try:
        return options(table, found, where=str(server.path))
    except ConfError:
        return table()


def bwlimit(text: str) -> float:
    """rsync's own words, KiB a second where it names no unit; 0: none."""
    match = _BWLIMIT.fullmatch(text.strip())
    return float(match[1]) * _KIB[match[2].lower()] if match else 0.0


def connections(path: str, module: str) -> int | None:
    """`max connections` of a module of an rsyncd.conf; of its head where the module has none. The
    first module that fits stands for all where the name depends on the device."""
    wanted = re.compile(re.sub(r"\\\{\w+\\\}", ".+", re.escape(module)))
    section, of_head, found = "", None, None
    try:
        lines = Path(path).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    for line in lines:
        text = line.strip()
        if text.startswith("[") and text.endswith("]"):
            section = text[1:-1]
            continue
        key, _, value = text.partition("=")
        if key.strip().lower() != "max connections" or not value.strip().isdigit():
            continue
        if not section:
            of_head = int(value)
        elif found is None and wanted.fullmatch(section):
            found = int(value)
    return of_head if found is None else found
