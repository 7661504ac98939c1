"""Answering a peer that asks about many databases at once whether there is anything to do.

"In sync" is said only when that is sure: equal rows, timestamps, policy and metadata, and a sync
point that covers the peer's last row. In all other cases, errors included, the peer looks closer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic

from swiftlite.dbstore.engine import Engine
from swiftlite.dbstore.errors import DatabaseError
from swiftlite.dbstore.merge import Row
from swiftlite.dbsync.memory import Glimpse, Look, Memory
from swiftlite.host.clock import Clock
from swiftlite.protocols.db_sync import Ask


class Comparing(Generic[Row]):
    def __init__(self, engine: Engine[Row], clock: Clock) -> None:
        self._engine = engine
        self._memory = Memory(engine, clock, for_peers=True, limit=32_768)

    def answer(self, asks: Sequence[Ask]) -> list[bool]:
        by_device: dict[str, list[int]] = {}
        for number, ask in enumerate(asks):
            by_device.setdefault(ask.device, []).append(number)
        in_sync = [False] * len(asks)
        for device, numbers in by_device.items():
            looks = self._looks([asks[number] for number in numbers], device)
            for number, look in zip(numbers, looks, strict=False):
                in_sync[number] = _is_in_sync(asks[number], look.glimpse)
        return in_sync

    def _looks(self, asks: Sequence[Ask], device: str) -> list[Look]:
        """One per ask; none at all when the device cannot be used."""
        engine = self._engine
        if not _is_name(device):
            return []
        places = [engine.place(device, ask.partition, ask.digest) for ask in asks]

        def work() -> list[Look]:
            engine.devices.check(device, room=True)
            return self._memory.look(places)

        try:
            looks = engine.offload(places[0], work)
        except (DatabaseError, OSError):
            return []
        looks = [look if look.glimpse or not look.found else self._opened(look) for look in looks]
        self._memory.keep(looks)
        return looks

    def _opened(self, look: Look) -> Look:
        """The same of a database in use: read by the engine."""
        try:
            return self._memory.open(look)
        except DatabaseError:
            return Look(look.place, None, None)


def _is_in_sync(ask: Ask, glimpse: Glimpse | None) -> bool:
    if glimpse is None or glimpse.token != ask.token:
        return False
    return glimpse.incoming.get(ask.id, -1) >= ask.max_row


def _is_name(device: str) -> bool:
    return device not in ("", ".", "..") and "/" not in device and "\x00" not in device
