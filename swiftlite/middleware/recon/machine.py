"""Checks of the machine: what the kernel tells under /proc, in Swift's words."""

from __future__ import annotations

import resource
from collections.abc import Iterator

from swiftlite.host.disk import Disk

_PIECE = 65_536


def memory(disk: Disk) -> dict[str, str]:
    pairs = (line.split(":", 1) for line in _lines(disk, "/proc/meminfo") if ":" in line)
    return {name: value.strip() for name, value in pairs}


def load(disk: Disk) -> dict[str, object]:
    one, five, fifteen, tasks, last_pid = next(_lines(disk, "/proc/loadavg")).split()
    return {
        "1m": float(one),
        "5m": float(five),
        "15m": float(fifteen),
        "tasks": tasks,
        "processes": int(last_pid),
    }


def mounted(disk: Disk) -> list[dict[str, str]]:
    return [
        {"device": fields[0], "path": fields[1]}
        for fields in (line.split() for line in _lines(disk, "/proc/mounts"))
        if len(fields) > 1
    ]


def sockets(disk: Disk) -> dict[str, int]:
    """Memory is in pages there, and in bytes here. A kernel without a protocol has no file."""
    found: dict[str, int] = {}
    tcp = _socket_counts(disk, "/proc/net/sockstat", "TCP:")
    if tcp:
        found["tcp_in_use"] = tcp["inuse"]
        found["orphan"] = tcp["orphan"]
        found["time_wait"] = tcp["tw"]
        found["tcp_mem_allocated_bytes"] = tcp["mem"] * resource.getpagesize()
    tcp6 = _socket_counts(disk, "/proc/net/sockstat6", "TCP6:")
    if tcp6:
        found["tcp6_in_use"] = tcp6["inuse"]
    return found


def _socket_counts(disk: Disk, path: str, protocol: str) -> dict[str, int]:
    try:
        for line in _lines(disk, path):
            head, *fields = line.split()
            if head == protocol:
                return {name: int(n) for name, n in zip(fields[::2], fields[1::2], strict=True)}
    except FileNotFoundError:
        pass
    return {}


def _lines(disk: Disk, path: str) -> Iterator[str]:
    fd = disk.open(path)
    try:
        content = b""
        while piece := disk.read(fd, _PIECE):
            content += piece
    finally:
        disk.close(fd)
    return iter(content.decode("utf-8", "surrogateescape").splitlines())
