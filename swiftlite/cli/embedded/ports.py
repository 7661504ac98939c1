"""Which ports a new cluster takes for its storage servers."""

from __future__ import annotations

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
