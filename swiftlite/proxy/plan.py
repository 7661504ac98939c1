"""A change, ready to be sent to the nodes that keep what it changes. Pure values.

headers go to every node, a block of lane_blocks to one: a lane is one of the copies to be written,
and a node that takes over a lane from another takes over its block.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from swiftlite.proxy.nodes import Node
from swiftlite.ring import Device

Header = tuple[str, str]  # WSGI strings


@dataclass(slots=True)  # never changed; frozen, it would take twice as long to make
class Plan:
    """nodes: those that may be tried, primaries first. lane_blocks: header lines, one block a lane.

    quorum: answers of one kind that decide. length: of the body, None when it comes in chunks.
    """

    method: str
    target: str  # `/a/c/o`, quoted
    partition: int
    nodes: Iterator[Node]
    headers: Sequence[Header]
    lane_blocks: Sequence[bytes]
    quorum: int
    length: int | None = 0
    trans_id: str = ""

    @property
    def lanes(self) -> int:
        return len(self.lane_blocks)


def spread(lanes: int, needed: int, devices: Sequence[Device]) -> list[list[Device]]:
    """needed updates over the lanes in turn, the devices in turn; each lane's own list."""
    found: list[list[Device]] = [[] for _ in range(lanes)]
    if devices:
        for number in range(needed):
            found[number % lanes].append(devices[number % len(devices)])
    return found


def target_headers(prefix: str, partition: int, devices: Sequence[Device]) -> list[Header]:
    """Whom a node has to tell: `X-Container`, `X-Account` or `X-Delete-At` -Partition, -Host and
    -Device; several servers with commas between. None at all for no devices."""
    if not devices:
        return []
    hosts = ",".join(f"{device.ip}:{device.port}" for device in devices)
    names = ",".join(device.device for device in devices)
    return [
        (f"{prefix}-Partition", str(partition)),
        (f"{prefix}-Host", hosts),
        (f"{prefix}-Device", names),
    ]


def account_lane_headers(
    lanes: int, partition: int, accounts: Sequence[Device]
) -> list[list[Header]]:
    """For changes of containers: which account servers each container server tells."""
    return [
        target_headers("X-Account", partition, devices)
        for devices in spread(lanes, len(accounts), accounts)
    ]
