"""What a ring builder says of itself: settings, devices, the table, and how good that is.

Nothing here changes anything, but that counts and measures are remembered.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from swiftlite.formats.ring_file import RingImage

from . import resting
from .assignment import padded
from .builder_store import State
from .device import Device
from .errors import BuilderError
from .measures import Dispersion, balances, dispersion, part_counts, worst_balance
from .tiers import TierTree
from .violations import violations
from .wanted import Plan, make_plan


class BuilderFacts:
    """The reading half of a RingBuilder."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._held: dict[int, int] | None = None

    @property
    def id(self) -> str | None:
        """Given at the first save, kept for life; names the builder in composite rings."""
        return self._state.id

    @property
    def part_power(self) -> int:
        return self._state.part_power

    @property
    def next_part_power(self) -> int | None:
        """Set while a part power increase is under way."""
        return self._state.next_part_power

    @property
    def partition_count(self) -> int:
        return self._state.parts

    @property
    def replica_count(self) -> float:
        """What was asked for; the table follows at the next rebalance."""
        return self._state.replicas

    @property
    def min_part_hours(self) -> int:
        return self._state.min_part_hours

    @property
    def overload(self) -> float:
        """0.1: a device may hold a tenth more than its weight's share to keep replicas apart."""
        return self._state.overload

    @property
    def version(self) -> int:
        """Rises with every change that a ring would show."""
        return self._state.version

    @property
    def id_bytes(self) -> int:
        """Bytes of a device id in the table: 2, or 4 beyond 65,534 devices."""
        return self._state.id_bytes

    @property
    def devices_changed(self) -> bool:
        """Has anything changed that a rebalance has not seen?"""
        return self._state.devices_changed

    @property
    def rebalanced(self) -> bool:
        """Has there been a first rebalance?"""
        return bool(self._state.rows)

    @property
    def devices(self) -> tuple[Device | None, ...]:
        """By id, None for ids that are free. Devices to be removed are still there, weight 0."""
        return tuple(self._state.devices)

    @property
    def removed(self) -> tuple[int, ...]:
        """Ids that leave at the next rebalance."""
        return tuple(self._state.removed)

    def listed(self) -> list[Device]:
        """The devices without the holes."""
        return [device for device in self._state.devices if device is not None]

    def device(self, number: int) -> Device:
        """The device of an id. Raises BuilderError."""
        return self._state.device(number)

    def held(self) -> dict[int, int]:
        """Partitions per device id, as the table is now."""
        if self._held is None:
            self._held = part_counts(self._state.rows)
        return self._held

    def assigned(self, partition: int) -> list[int]:
        """Device ids of one partition, in replica order."""
        return [row[partition] for row in self._state.rows if partition < len(row)]

    def rows(self) -> list[Any]:
        """Copies of the table's rows: one array of device ids per replica."""
        return [row[:] for row in self._state.rows]

    def padded_rows(self) -> list[Any]:
        """Like `rows`, all of full length: where there is no replica, `len(devices)` stands."""
        state = self._state
        hole = len(state.devices)
        return [padded(row, state.parts, hole) for row in state.rows]

    def movable(self, now: float) -> bytearray:
        """Per partition: 1 when min_part_hours have passed since a replica of it moved, else 0."""
        return resting.movable(self._state, now)

    def resting(self, now: float) -> int:
        """Partitions that may not move because one of their replicas moved lately."""
        return self._state.parts - sum(self.movable(now))

    def hours_moved(self, partition: int, now: float) -> int:
        """Hours since a replica of the partition last moved, at most 255."""
        return resting.hours_moved(self._state, partition, now)

    def seconds_left(self, now: float) -> int:
        """Until min_part_hours have passed since partitions last moved."""
        return resting.seconds_left(self._state, now)

    def balances(self) -> dict[int, float]:
        """Per device id: percent above its share by weight."""
        state = self._state
        return balances(self.listed(), self.held(), state.replicas * state.parts)

    def balance(self) -> float:
        """The worst of them, either way."""
        return worst_balance(self.balances())

    @property
    def dispersion(self) -> float | None:
        """Percent of replicas too close together, as of the last rebalance; None before it."""
        return self._state.dispersion

    def dispersion_report(self) -> Dispersion:
        """Measured now, with the table per tier; remembered in the builder."""
        return self._measure()

    def plan(self) -> Plan:
        """Replicas wanted per domain, as the next rebalance sees it. Raises ImpossiblePlan."""
        state = self._state
        weights = {d.id: d.weight for d in self.listed() if d.id not in state.removed}
        return make_plan(TierTree.of(self.listed()), weights, state.replicas, state.overload)

    def violations(self) -> Iterator[str]:
        """Everything that is wrong with the table, a sentence each; nothing when it is sound."""
        return violations(self._state, self.held())

    def image(self) -> RingImage:
        """What a ring file of this builder says."""
        state = self._state
        if not state.rows:
            raise BuilderError("there is no ring before the first rebalance")
        return RingImage(
            part_shift=32 - state.part_power,
            devices=[None if d is None else d.to_dict() for d in state.devices],
            rows=state.rows,
            version=state.version,
            next_part_power=state.next_part_power,
            id_bytes=state.id_bytes,
        )

    def _measure(self) -> Dispersion:
        state = self._state
        if not state.rows:
            raise BuilderError("there is nothing to measure before the first rebalance")
        tree = TierTree.of(self.listed())
        measured = dispersion(
            tree,
            self.padded_rows(),
            self.held(),
            state.parts,
            state.replicas,
            len(state.devices),
        )
        state.dispersion, state.graph = measured.percent, measured.graph
        return measured
