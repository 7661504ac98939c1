"""Who is to be told of a change to an object, spread over the nodes' headers. Pure.

Container updates and tasks of the expirer are handed out so that, whatever quorum of nodes
answers, a quorum of containers hears of the change.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from swiftlite.proxy.plan import Header, spread, target_headers
from swiftlite.ring import Device
from swiftlite.vocab.names import quote_path
from swiftlite.vocab.quorum import replicated_quorum

QUEUE_CLEANERS = 2  # nodes that take a replaced task out of the expirer's queue


@dataclass(frozen=True, slots=True)
class UpdateTarget:
    """A container (root, shard, or one of the expirer's queue) that is to hear of a change."""

    partition: int
    devices: tuple[Device, ...]
    path: str | None = None  # `a/c` where it is not the object's own container
    db_state: str | None = None
    container: str | None = None  # the queue's


def updates_needed(
    container_replicas: int, container_quorum: int, object_replicas: int, object_quorum: int
) -> int:
    """How many updates are handed out: Swift's number."""
    return max(container_replicas, container_quorum + object_replicas - object_quorum)


def paired(nodes: Sequence[Device], containers: Sequence[Device]) -> tuple[Device, ...]:
    """The containers in such an order that the nodes, in theirs, tell those they tell anyway.

    Any order serves, as each container hears of the change from one node. But rows that a node
    has for one container server travel together, so it should have few to tell: one beside it if
    there is one, and of the others by their ids rather than by what the partitions happen to be.
    """
    if len(nodes) != len(containers):
        return tuple(containers)
    beside = {(device.ip, device.device): device for device in containers}
    found = [beside.pop((node.ip, node.device), None) for node in nodes]
    if beside:
        left = sorted(beside.values(), key=_by_id, reverse=True)
        waiting = [number for number, device in enumerate(found) if device is None]
        for number in sorted(waiting, key=lambda number: nodes[number].id):
            found[number] = left.pop()
    return tuple(device for device in found if device is not None)


def _by_id(device: Device) -> int:
    return device.id


def lane_headers(
    lanes: int,
    object_quorum: int,
    containers: UpdateTarget,
    queue: UpdateTarget | None = None,
) -> list[list[Header]]:
    """The headers that differ between nodes, one list a lane."""
    count = len(containers.devices)
    needed = updates_needed(count, replicated_quorum(count), lanes, object_quorum)
    found = []
    for lane, devices in enumerate(spread(lanes, needed, containers.devices)):
        headers = target_headers("X-Container", containers.partition, devices)
        if devices and containers.db_state is not None:
            headers.append(("X-Container-Root-Db-State", containers.db_state))
        if devices and containers.path is not None:
            headers.append(("X-Backend-Quoted-Container-Path", quote_path(containers.path)))
        cleans = "t" if lane < QUEUE_CLEANERS else "f"
        headers.append(("X-Backend-Clean-Expiring-Object-Queue", cleans))
        found.append(headers)
    if queue is not None:
        for headers, devices in zip(found, spread(lanes, needed, queue.devices), strict=True):
            if devices:
                headers += target_headers("X-Delete-At", queue.partition, devices)
                headers.append(("X-Delete-At-Container", queue.container or ""))
    return found
