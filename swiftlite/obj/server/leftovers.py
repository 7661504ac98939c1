"""Container updates that an earlier process of this server left on disk, taken up when it starts.

A server that was killed, or lost its power, may have left some; delivering them soon is what makes
listings whole again. As many as fit into memory are taken up; the rest is for the updater.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from swiftlite.config.load import ConfError
from swiftlite.formats.async_pending import AsyncPending
from swiftlite.obj.server.later import KEPT_MAX, Kept
from swiftlite.obj.server.rows import Row, Target
from swiftlite.objectstore.api import StoreError
from swiftlite.policies import Policy
from swiftlite.ring import Ring
from swiftlite.vocab.timestamp import Timestamp


class Store(Protocol):
    def devices_here(self) -> list[str]: ...
    def check_device(self, device: str, /) -> None: ...
    def list_pendings(
        self, device: str, policy_index: int, most: int, /
    ) -> list[tuple[Timestamp, AsyncPending]]: ...


class Keeper(Protocol):
    """obj.server.later.Later"""

    def add(self, kept: Kept, /) -> None: ...


class ContainerRing(Protocol):
    """cluster.rings.Rings, as far as it is needed here."""

    @property
    def container(self) -> CurrentRing: ...


class CurrentRing(Protocol):
    def current(self) -> Ring: ...


class Lines(Protocol):
    def info(self, message: str, /) -> None: ...
    def warning(self, message: str, /) -> None: ...


def take_up(
    store: Store,
    policies: Iterable[Policy],
    rings: ContainerRing,
    keeper: Keeper,
    log: Lines,
    *,
    most: int = KEPT_MAX,
) -> int:
    """Hand updates on disk to those who try again; how many. Raises nothing but bugs."""
    try:
        ring = rings.container.current()
    except ConfError as error:
        log.warning(f"Updates on disk are left to the updater: {error}")
        return 0
    taken = 0
    for device in store.devices_here():
        for policy in policies:
            try:
                store.check_device(device)
                waiting = store.list_pendings(device, policy.index, most - taken)
            except StoreError:
                break  # not a device, or not mounted
            for timestamp, update in waiting:
                keeper.add(kept_of(device, policy.index, timestamp, update, ring))
            taken += len(waiting)
            if taken >= most:
                break
    if taken:
        log.info(f"{taken} container updates on disk are delivered now")
    return taken


def kept_of(
    device: str, policy_index: int, timestamp: Timestamp, update: AsyncPending, ring: Ring
) -> Kept:
    """An update with the containers that have not heard of it, by the ring."""
    account, container = update.account, update.container
    if update.container_path is not None:
        account, _, container = update.container_path.partition("/")
    partition, devices = ring.nodes(account, container)
    targets = tuple(
        Target(one.address, one.device, partition)
        for one in devices
        if one.id not in update.successes
    )
    row = Row(update.op, account, container, update.obj, update.headers)
    return Kept(device, policy_index, timestamp, update, row, targets)
