"""The plan of a change to an object: who is told, with which headers, and who is to be told next.

Pure: rings and infos in, a value out. Container updates and expirer tasks are spread over the
nodes' headers here, so that whatever quorum of nodes answers, a quorum of containers hears of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from swiftlite.proxy.nodes import Node
from swiftlite.ring import Device
from swiftlite.vocab.names import quote_path
from swiftlite.vocab.quorum import replicated_quorum

QUEUE_CLEANERS = 2  # nodes that take a replaced task out of the expirer's queue; more would do
Header = tuple[str, str]


@dataclass(frozen=True, slots=True)
class UpdateTarget:
    """A container (its root, a shard, or a queue of the expirer) that is to hear of a change."""

    partition: int
    devices: tuple[Device, ...]
    path: str | None = None  # `a/c` where it is not the object's own container
    db_state: str | None = None
    container: str | None = None  # of the expirer's queue


@dataclass(frozen=True, slots=True)
class PutPlan:
    """One change, ready to be sent. headers go to every node, lane_headers to one each.

    nodes: the nodes that may be tried, primaries first; there are len(lane_headers) lanes, and a
    node that takes over a lane takes over its headers.
    length: of the body, None when it comes in chunks. quorum: answers that make it a success.
    """

    method: str
    target: str  # `/a/c/o`, quoted
    partition: int
    nodes: Iterator[Node]
    headers: Sequence[Header]
    lane_headers: Sequence[Sequence[Header]]
    quorum: int
    length: int | None = None

    @property
    def lanes(self) -> int:
        return len(self.lane_headers)


def updates_needed(
    container_replicas: int, container_quorum: int, object_replicas: int, object_quorum: int
) -> int:
    """How many updates to hand out so that any quorum of objects carries a quorum of updates."""
    return max(container_replicas, container_quorum + object_replicas - object_quorum)


def lane_headers(
    lanes: int,
    object_quorum: int,
    containers: UpdateTarget,
    queue: UpdateTarget | None = None,
) -> list[list[Header]]:
    """The headers that differ between nodes, one list a lane.

    The first update of each lane names its container server; further ones are appended with
    commas, so that a lane may carry several.
    """
    count = len(containers.devices)
    needed = updates_needed(count, replicated_quorum(count), lanes, object_quorum)
    found = []
    for lane, devices in enumerate(_spread(lanes, needed, containers.devices)):
        headers: list[Header] = []
        if devices:
            headers += _target_headers("X-Container", containers.partition, devices)
            if containers.db_state is not None:
                headers.append(("X-Container-Root-Db-State", containers.db_state))
            if containers.path is not None:
                headers.append(("X-Backend-Quoted-Container-Path", quote_path(containers.path)))
        cleans = "t" if lane < QUEUE_CLEANERS else "f"
        headers.append(("X-Backend-Clean-Expiring-Object-Queue", cleans))
        found.append(headers)
    if queue is not None and queue.devices:
        for headers, devices in zip(found, _spread(lanes, needed, queue.devices), strict=True):
            if devices:
                headers += _target_headers("X-Delete-At", queue.partition, devices)
                headers.append(("X-Delete-At-Container", queue.container or ""))
    return found


def account_lane_headers(
    lanes: int, partition: int, accounts: Sequence[Device]
) -> list[list[Header]]:
    """For changes of containers: which account servers each container server tells."""
    spread = _spread(lanes, len(accounts), accounts)
    return [
        _target_headers("X-Account", partition, devices) if devices else [] for devices in spread
    ]


def _spread(lanes: int, needed: int, devices: Sequence[Device]) -> list[list[Device]]:
    """needed updates over the lanes in turn, the devices in turn, each lane's own list."""
    found: list[list[Device]] = [[] for _ in range(lanes)]
    if devices:
        for number in range(needed):
            found[number % lanes].append(devices[number % len(devices)])
    return found


def _target_headers(prefix: str, partition: int, devices: Sequence[Device]) -> list[Header]:
    hosts = ",".join(f"{device.ip}:{device.port}" for device in devices)
    names = ",".join(device.device for device in devices)
    return [
        (f"{prefix}-Partition", str(partition)),
        (f"{prefix}-Host", hosts),
        (f"{prefix}-Device", names),
    ]
