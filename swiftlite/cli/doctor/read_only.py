"""Checks of devices that take no writes: from nobody, or not from services that were started while
that was so.

A service with a unit has a copy of the machine's mounts, made when it is started: ProtectSystem and
PrivateTmp ask for one. What is mounted or unmounted later reaches it, `mount -o remount` does not.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress

from swiftlite.cli.doctor.devices import REPLACE, usable
from swiftlite.cli.doctor.finding import Finding
from swiftlite.cli.doctor.node import Node
from swiftlite.cli.doctor.rsync import rsync_unit
from swiftlite.cli.doctor.rsync_module import PORT


def to_all(node: Node) -> Iterator[Finding]:
    services = _services(node)
    for path in _devices(node, read_only=True):
        mount = node.machine.mounts.get(path)
        # XFS stops altogether when it is damaged; others go on so, and must be looked at first.
        by_hand = mount is not None and mount.kind == "xfs"
        mend = f"mount -o remount,rw {path}"
        if late := _started_meanwhile(node, services, path):
            mend += f" && {_restart(late)}"
        yield Finding(
            "read-only",
            path,
            "it is mounted read-only" + ("" if by_hand else ", as the kernel does after errors"),
            "Nothing can be written, repaired or deleted there.",
            mend if by_hand else "dmesg --level err,crit,alert,emerg",
            page="" if by_hand else REPLACE,
        )


def to_some(node: Node) -> Iterator[Finding]:
    services = _services(node)
    for path in _devices(node, read_only=False):
        if late := _started_meanwhile(node, services, path):
            yield Finding(
                "read-only-to-some",
                path,
                f"it can be written, but not by {' and '.join(late)}, started when it was "
                "mounted read-only",
                "A remount does not reach what runs: they are refused until they start again, and "
                "requests for it are answered 507.",
                _restart(late),
            )


def _devices(node: Node, *, read_only: bool) -> Iterator[str]:
    for path, _ in usable(node):
        with suppress(OSError):
            if bool(node.disk.statvfs(path).f_flag & os.ST_RDONLY) == read_only:
                yield path


def _services(node: Node) -> dict[int, str]:
    """Units of those that write to devices, by the ids of their processes."""
    found = {
        process.pid: process.unit
        for server in node.storage
        for process in node.processes
        if process.unit is not None and server.is_read_by(process)
    }
    rsync = node.machine.listener(PORT)
    if rsync is not None and rsync.unit == f"{rsync_unit(node)}.service":
        found[rsync.pid] = rsync.unit
    return {pid: unit.removesuffix(".service") for pid, unit in found.items()}


def _started_meanwhile(node: Node, services: Mapping[int, str], path: str) -> list[str]:
    """Those whose own copy of the mount is read-only, and will be until they are started again."""
    late = {unit for pid, unit in services.items() if node.machine.is_read_only_copy(pid, path)}
    return sorted(late)


def _restart(units: list[str]) -> str:
    return f"systemctl restart {' '.join(units)}"


CHECKS = (to_all, to_some)
