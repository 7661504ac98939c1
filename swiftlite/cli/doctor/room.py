"""Checks of what devices can take: bytes, inodes, attributes."""

from __future__ import annotations

import errno
from collections.abc import Iterator

from swiftlite.cli.doctor.devices import REPLACE, usable
from swiftlite.cli.doctor.finding import Finding
from swiftlite.cli.doctor.node import Node
from swiftlite.cli.doctor.server import Server
from swiftlite.config.units import Reserve, parse_reserve

FULL_PERCENT = 90
MORE_ROOM = "operations/tasks/add-a-node.md"
_ATTRIBUTE_BYTES = 6 << 10  # metadata at Swift's limits, with what the servers add
_NO_ROOM = (errno.ENOSPC, errno.E2BIG, errno.ERANGE)
_LESS = 0.9


def room(node: Node) -> Iterator[Finding]:
    seen = set()
    for path, server in usable(node):
        try:
            found = node.disk.statvfs(path)
        except OSError:
            continue
        if not found.f_blocks or found.f_fsid in seen:
            continue  # folders of one file system count once
        seen.add(found.f_fsid or path)
        total, free = found.f_blocks * found.f_frsize, found.f_bavail * found.f_frsize
        used = 100 * (1 - free / total)
        reserve = _reserve(server.option("fallocate_reserve", "1%")).of(total)
        if free <= reserve:
            yield Finding(
                "device-full",
                path,
                f"it is full ({used:.0f}%)",
                "New objects for it go to handoffs; container and account updates fail.",
                _lighter(node, path),
                page=MORE_ROOM,
            )
        elif used >= FULL_PERCENT:
            yield Finding(
                "device-filling",
                path,
                f"it is {used:.0f}% full",
                "Once it is full its objects go to handoffs, and replication has no room to work.",
                _lighter(node, path),
                "warning",
                MORE_ROOM,
            )
        if found.f_files and found.f_favail < found.f_files // 50:
            yield Finding(
                "inodes-out",
                path,
                "it is out of inodes, nearly",
                "Every object needs some; PUTs fail with 507 though bytes are free. XFS makes "
                "them as they are needed.",
                f"df -i {path}",
                page=REPLACE,
            )


def _lighter(node: Node, path: str) -> str:
    """Room comes with more devices; until then the others take over a share."""
    for held in node.held:
        if held.path == path:
            device = held.device
            weight = f"{device.weight * _LESS:g}"
            return lighter(f"{node.swift_dir}/object.builder", device.ip, device.device, weight)
    return f"df -h {path}"


def lighter(builder: str, ip: str, device: str, weight: str) -> str:
    return f"swiftlite-ring-builder {builder} set_weight {ip}/{device} {weight}"


def _reserve(text: str) -> Reserve:
    try:
        return parse_reserve(text)
    except ValueError:
        return Reserve(percent=1.0)


def attributes(node: Node) -> Iterator[Finding]:
    """Metadata is kept in extended attributes; tried with a file that never gets a name."""
    for path, server in usable(node):
        if server.kind != "object":
            continue
        try:
            descriptor = node.disk.open_unnamed(path)
        except OSError:
            continue  # read-only, not ours, or full: other checks say so
        try:
            node.disk.setxattr(descriptor, "user.swiftlite.doctor", b"x")
            if server.mount_check:
                node.disk.setxattr(descriptor, "user.swiftlite.doctor", b"x" * _ATTRIBUTE_BYTES)
        except OSError as error:
            yield (
                _small(node, path, server)
                if error.errno in _NO_ROOM
                else Finding(
                    "attributes-none",
                    path,
                    f"its file system keeps no extended attributes: {error.strerror}",
                    "No object can be stored there: metadata has no other place.",
                    f"findmnt {path}",
                    page=REPLACE,
                )
            )
        finally:
            node.disk.close(descriptor)


def _small(node: Node, path: str, server: Server) -> Finding:
    """ext4 can be told to keep large attributes, by a feature that it does not have as made."""
    mount = node.machine.mounts.get(path)
    can = mount is not None and mount.kind == "ext4"
    return Finding(
        "attributes-small",
        path,
        f"its file system has no room for {_ATTRIBUTE_BYTES >> 10} KiB of attributes",
        "Objects with as much metadata as the cluster allows are refused (507).",
        _enlarging(node, path, server.devices_root, mount.source)
        if can and mount is not None
        else f"findmnt {path}",
        "warning",
        "" if can else REPLACE,
    )


def _enlarging(node: Node, path: str, root: str, source: str) -> str:
    """While nobody has a file open there; all start again, whatever becomes of it."""
    users = [server for server in node.storage if server.devices_root == root]
    names = {server.path: node.running_with(server) for server in users}
    stop, start = (
        " && ".join(tell(*some, conf=conf) for conf, some in names.items())
        for tell in (node.services.stop, node.services.start)
    )
    # What has just been stopped lets go of it in a moment.
    free = f"timeout 60 sh -c 'until umount {path}; do sleep 1; done'"
    work = f"{free} && tune2fs -O ea_inode {source} && mount {source} {path}"
    return f"{stop} && {work}; {start}"


CHECKS = (room, attributes)
