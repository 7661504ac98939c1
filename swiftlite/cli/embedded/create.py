"""Making an embedded cluster's folder, and bringing its confs up to date at each start."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from swiftlite.cli.embedded import confs
from swiftlite.cli.embedded.confs import Front
from swiftlite.cli.embedded.daemons import DAEMONS, conf_path
from swiftlite.cli.embedded.layout import HOST, STORAGE_KINDS, Layout, ServerName
from swiftlite.cli.embedded.marker import (
    FolderUnusable,
    Marker,
    is_ours,
    write_marker,
    write_private,
)
from swiftlite.cluster import conf as cluster_conf
from swiftlite.host.bundle import Host
from swiftlite.host.disk import Disk
from swiftlite.ring import RingBuilder

PART_POWER = 10
MIN_PART_HOURS = 1
_PROBE_XATTR = "user.swift.metadata"


def new_marker(devices: int, replicas: int, first_port: int) -> Marker:
    return Marker(
        devices=devices,
        replicas=replicas,
        part_power=PART_POWER,
        first_port=first_port,
        owner_key=secrets.token_urlsafe(18),
    )


def create(layout: Layout, marker: Marker, host: Host) -> Marker:
    """Make folders, swift.conf and rings; the marker, now complete.

    May run again over what an earlier attempt left: no object can be there yet.
    """
    for folder in (layout.etc, layout.logs, layout.run):
        folder.mkdir(exist_ok=True)
    for node in range(1, layout.nodes + 1):
        layout.device(node).mkdir(parents=True, exist_ok=True)
        check_xattrs(layout.device(node), host.disk)
    path = layout.etc / "swift.conf"
    if not path.exists():
        write_private(path, confs.swift_conf(secrets.token_hex(16)))
    _make_rings(layout, marker, host)
    marker = replace(marker, complete=True)
    write_marker(layout.root, marker)
    return marker


def write_confs(layout: Layout, marker: Marker, front: Front) -> tuple[Marker, list[str]]:
    """Write every conf that nobody has changed; the marker, and the confs left as found."""
    for kind in STORAGE_KINDS:
        (layout.etc / f"{kind}-server").mkdir(exist_ok=True)
    for node in range(layout.nodes + 1):
        layout.recon(node).mkdir(parents=True, exist_ok=True)
    kept = []
    for path, text in _texts(layout, front):
        relative = str(path.relative_to(layout.root))
        if not is_ours(marker, layout.root, relative):
            kept.append(relative)
            continue
        if not path.exists() or path.read_text() != text:
            write_private(path, text)
        marker = marker.with_generated(relative, text)
    write_marker(layout.root, marker)
    return marker, kept


def _texts(layout: Layout, front: Front) -> Iterator[tuple[Path, str]]:
    for server in layout.servers:
        if server.kind == "proxy":
            yield layout.conf(server), confs.proxy_conf(layout, front)
        else:
            yield layout.conf(server), confs.storage_conf(layout, server)
    for daemon in DAEMONS:
        if daemon.once_a_cluster:
            yield Path(conf_path(layout, daemon, 0)), confs.expirer_conf(layout, daemon)


def check_xattrs(folder: Path, disk: Disk) -> None:
    """Every object keeps its metadata in an extended attribute; FolderUnusable without them."""
    probe = folder / ".xattr-probe"
    descriptor = disk.open(str(probe), os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        disk.setxattr(descriptor, _PROBE_XATTR, b"1")
    except OSError as error:
        if error.errno not in (errno.EOPNOTSUPP, errno.EPERM, errno.ENOSPC):
            raise
        raise FolderUnusable(
            f"The file system of {folder} keeps no extended attributes (user.*), which hold every "
            "object's metadata; choose a folder on ext4, XFS or btrfs."
        ) from None
    finally:
        disk.close(descriptor)
        disk.unlink(str(probe))


def _make_rings(layout: Layout, marker: Marker, host: Host) -> None:
    hash_path = cluster_conf.load(str(layout.etc)).hash_path
    for kind in STORAGE_KINDS:
        builder = RingBuilder.create(marker.part_power, marker.replicas, MIN_PART_HOURS)
        for node in range(1, layout.nodes + 1):
            builder.add_device(
                zone=node,
                ip=HOST,
                port=layout.port(ServerName(kind, node)),
                device=layout.device_name(node),
                weight=100.0,
            )
        builder.rebalance(host.clock.wall())
        builder.save(str(layout.builder(kind)), new_id=host.entropy.hex(16))
        builder.ring(hash_path).save(str(layout.ring(kind)))
