"""Rows of a container that are in another policy than the container, put into the queue of the
reconciler, which moves their objects.

The queue is a set of containers, one for each hour of the objects' times, in an account of the
cluster's own. Its rows go into a database on this node, which is replicated like any other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress

from swiftlite.dbstore import ContainerBroker, Engine
from swiftlite.dbstore.errors import DatabaseExists, DatabaseMissing
from swiftlite.dbstore.rows import ObjectRow, object_row
from swiftlite.dbstore.standing import Standing
from swiftlite.host.clock import Clock
from swiftlite.host.entropy import Entropy
from swiftlite.ring import Device, Ring
from swiftlite.vocab.timestamp import Timestamp, parse_combined

MISPLACED_OBJECTS_ACCOUNT = ".misplaced_objects"
_PAGE_ROWS = 1000
_HOUR = 3600
_PUT, _DELETE = "application/x-put", "application/x-delete"


class MisplacedRows:
    """local: the devices of this node."""

    def __init__(
        self,
        engine: Engine[ObjectRow],
        ring: Callable[[], Ring],
        local: Callable[[], Sequence[Device]],
        *,
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        self._engine = engine
        self._ring = ring
        self._local = local
        self._clock = clock
        self._entropy = entropy

    def hand_on(self, broker: ContainerBroker, standing: Standing, *, most_have_them: bool) -> None:
        """Queue rows not queued yet. Raises the database room's errors.

        That they are is remembered only once most replicas have them: else one that comes back
        alone, from before, would be believed.
        """
        policy = standing.replica.storage_policy_index
        point, last = standing.reconciler_sync_point, standing.replica.max_row
        while rows := broker.rows_since(point, _PAGE_ROWS):
            queued: dict[str, list[ObjectRow]] = {}
            for _, row in rows:
                if row.storage_policy_index != policy:
                    queued.setdefault(queue_of(row), []).append(queue_row(standing, row))
            for name, entries in queued.items():
                self._enqueue(name, entries)
            point = rows[-1][0]
        if most_have_them:
            broker.set_reconciler_sync_point(max(point, last))

    def _enqueue(self, name: str, entries: Sequence[ObjectRow]) -> None:
        ring = self._ring()
        partition, primaries = ring.nodes(MISPLACED_OBJECTS_ACCOUNT, name)
        device = self._device_for(primaries)
        digest = ring.hash_path.hex(MISPLACED_OBJECTS_ACCOUNT, name)
        place = self._engine.place(device.device, str(partition), digest)
        broker = ContainerBroker(self._engine, place)
        try:
            broker.merge_rows(entries)
        except DatabaseMissing:
            now = Timestamp.from_seconds(self._clock.wall())
            with suppress(DatabaseExists):
                made = Timestamp.from_text(name)
                broker.create(MISPLACED_OBJECTS_ACCOUNT, name, made, 0, {}, now)
            broker.merge_rows(entries)

    def _device_for(self, primaries: Sequence[Device]) -> Device:
        """A device of this node where the queue belongs, else any, else one being emptied."""
        local = self._local()
        ids = {node.id for node in primaries}
        at_home = [device for device in local if device.id in ids]
        weighty = [device for device in local if device.weight > 0]
        choice = at_home or weighty or list(local)
        self._entropy.shuffle(choice)
        return choice[0]


def queue_of(row: ObjectRow) -> str:
    """The queue container of a row: its latest time, cut to the hour."""
    *_, latest = parse_combined(row.created_at)
    return str(int(latest.seconds) // _HOUR * _HOUR)


def queue_row(standing: Standing, row: ObjectRow) -> ObjectRow:
    """What the reconciler reads of an object in the wrong place."""
    path = f"/{standing.account}/{standing.container}/{row.name}"
    kind = _DELETE if row.deleted else _PUT
    name = f"{row.storage_policy_index}:{path}"
    return object_row(name, row.created_at, 0, kind, row.created_at)
