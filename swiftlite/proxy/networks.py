"""Which of its two addresses a node is spoken to at.

What daemons do through a proxy of their own goes over the replication network, like the rest of
what they do: they say so by X-Backend-Use-Replication-Network, which the gatekeeper takes from
clients. Errors are counted by address, so that a network that is down leaves the other alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache

from swiftlite.proxy.nodes import PartitionRing
from swiftlite.ring import Device, Handoff
from swiftlite.web import Request


def takes_replication_network(request: Request) -> bool:
    if "HTTP_X_BACKEND_USE_REPLICATION_NETWORK" not in request.environ:
        return False  # as nearly always
    return request.true_header("X-Backend-Use-Replication-Network")


def network_of(
    request: Request, ring: PartitionRing, primaries: Sequence[Device]
) -> tuple[PartitionRing, Sequence[Device]]:
    """What an order takes: handoffs and primaries, at the addresses that this request uses."""
    if not takes_replication_network(request):
        return ring, primaries
    return _ReplicationNetwork(ring), [at_replication_address(one) for one in primaries]


class _ReplicationNetwork:
    """nodes.PartitionRing over another one."""

    def __init__(self, ring: PartitionRing) -> None:
        self._ring = ring

    def handoffs(self, partition: int, /) -> Iterator[Handoff]:
        for device, handoff_index in self._ring.handoffs(partition):
            yield Handoff(at_replication_address(device), handoff_index)


@lru_cache(maxsize=4096)  # one and the same each time: what is rendered of a device is kept too
def at_replication_address(device: Device) -> Device:
    return replace(device, ip=device.replication_ip, port=device.replication_port)
