"""Which TCP ports are free, asked of the kernel."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator

from swiftlite.cli.embedded.layout import (
    BACKENDS_DEFAULT_PORT,
    HOST,
    PORTS_PER_NODE,
    storage_ports,
)
from swiftlite.cli.embedded.marker import FolderUnusable

_FIRST_EPHEMERAL_PORT = 32_768
"""Linux gives ports from here on to outgoing connections, so a server may find its own taken."""

_STEP = 100


def port_fault(ip: str, port: int) -> str | None:
    """Why a server cannot listen at an address, in words that follow a port; None if it can.

    A server that shares its port with its own workers (SO_REUSEPORT) still counts as in use.
    """
    family = socket.AF_INET6 if ":" in ip else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((ip, port))
            # Binding alone would succeed beside a socket that is bound and does not listen.
            probe.listen(1)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return "is in use by another program"
        if error.errno in (errno.EACCES, errno.EPERM):
            return "may be used by root only"
        if error.errno == errno.EADDRNOTAVAIL:
            return f"cannot be used: {ip} is not an address of this machine"
        return f"cannot be used: {error.strerror}"
    except OverflowError:
        return "is no port number"
    return None


def choose_first_port(nodes: int, wanted: int | None) -> int:
    """Where a new cluster's storage ports begin: as wanted, or the first block that is free."""
    if wanted is not None:
        last = max(storage_ports(wanted, nodes))
        if wanted < 1 or last > 65_535:
            raise FolderUnusable(f"Ports from {wanted} to {last} do not exist.")
        return wanted
    for first in _blocks(nodes):
        if all(port_fault(HOST, port) is None for port in storage_ports(first, nodes)):
            return first
    raise FolderUnusable(
        f"No block of free ports for {nodes} nodes was found from {BACKENDS_DEFAULT_PORT} on."
    )


def _blocks(nodes: int) -> Iterator[int]:
    step = max(_STEP, -(-(nodes + 1) * PORTS_PER_NODE // _STEP) * _STEP)
    yield from range(BACKENDS_DEFAULT_PORT, _FIRST_EPHEMERAL_PORT - step, step)
