"""Which ports an embedded cluster's storage servers have, and that no other cluster takes them.

Looking whether ports are free is not enough: two clusters that start at the same time would find
the same ones. So a running cluster also holds a name that only one process of this machine (to be
exact: of this network namespace, as with ports) can have, an abstract unix socket.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator

from swiftlite.cli.embedded.layout import (
    BACKENDS_DEFAULT_PORT,
    HOST,
    PORTS_PER_NODE,
    storage_ports,
)
from swiftlite.cli.embedded.marker import FolderUnusable
from swiftlite.service.port import port_fault

_FIRST_EPHEMERAL_PORT = 32_768
"""Linux gives ports from here on to outgoing connections, so a server may find its own taken."""

_STEP = 100


class Claim:
    """A block of ports that is this cluster's while it runs; children that are forked keep it."""

    def __init__(self, first_port: int, held: socket.socket) -> None:
        self.first_port = first_port
        self._held = held

    def close(self) -> None:
        self._held.close()


def claim(first_port: int) -> Claim | None:
    """The block that begins at a port; None when another cluster has it."""
    held = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
    try:
        held.bind(f"\0swiftlite-storage-ports-{first_port}")
    except OSError:
        held.close()
        return None
    return Claim(first_port, held)


def claim_new(nodes: int, wanted: int | None) -> Claim:
    """A block for a new cluster: the one that is wanted, or the first that is free."""
    if wanted is not None:
        last = max(storage_ports(wanted, nodes))
        if wanted < 1 or last > 65_535:
            raise FolderUnusable(f"Ports from {wanted} to {last} do not exist.")
        return claim_again(wanted)
    for first in _blocks(nodes):
        found = claim(first)
        if found is None:
            continue
        if all(port_fault(HOST, port) is None for port in storage_ports(first, nodes)):
            return found
        found.close()
    raise FolderUnusable(
        f"No block of free ports for {nodes} nodes was found from {BACKENDS_DEFAULT_PORT} on."
    )


def claim_again(first_port: int) -> Claim:
    """The block that a cluster was made with."""
    found = claim(first_port)
    if found is None:
        raise FolderUnusable(
            f"Another cluster that is running on this machine has the ports from {first_port} on."
        )
    return found


def _blocks(nodes: int) -> Iterator[int]:
    step = max(_STEP, -(-(nodes + 1) * PORTS_PER_NODE // _STEP) * _STEP)
    yield from range(BACKENDS_DEFAULT_PORT, _FIRST_EPHEMERAL_PORT - step, step)
