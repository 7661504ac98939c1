"""The ring builder: devices and settings that change by commands, and the rebalance that follows.

A library value without clock or randomness of its own: whoever needs the time of day hands it in
as `now` (seconds since 1970). Every command either does its work or raises and changes nothing.
Partitions move only in `rebalance`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import isfinite
from typing import Any

from swiftlite.formats import builder_file, ring_file
from swiftlite.formats.ring_file import RingImage
from swiftlite.vocab.hashing import HashPath

from . import partpower
from . import rebalance as work
from .assignment import padded
from .builder_store import State, state_from_dict, state_to_dict
from .device import Device, normal_address
from .errors import BuilderError, DuplicateDevice, RingFileError
from .files import read_file, replace_file
from .gather import Progress
from .load import load_image, ring_of, save_image
from .measures import (
    Dispersion,
    balances,
    dispersion,
    part_counts,
    worst_balance,
)
from .ring import Ring
from .table import TYPE_OF_ID_BYTES, unassigned
from .tiers import TierTree
from .violations import violations
from .wanted import Plan, make_plan

HOUR = 3600


@dataclass(frozen=True, slots=True)
class Rebalanced:
    """What one rebalance did. `moved` counts replicas (new ones included), `removed` device ids;
    balance and dispersion are in percent."""

    moved: int
    forced: int
    removed: tuple[int, ...]
    balance_before: float
    balance: float
    dispersion_before: float | None
    dispersion: float


def _no_progress(doing: str, done: int, total: int) -> None:
    return None


class RingBuilder:
    """Devices with weights in failure domains, and the table that assigns partitions to them."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._held: dict[int, int] | None = None
        self._places: dict[tuple[str, int, str], int] | None = None

    # --- made, loaded, saved ---

    @classmethod
    def create(cls, part_power: int, replicas: float, min_part_hours: int) -> RingBuilder:
        """A builder without devices. Part power 0 to 32, replicas from 1 (fractions allowed)."""
        if not 0 <= part_power <= 32:
            raise BuilderError(f"part_power must be from 0 to 32, not {part_power}")
        if not isfinite(replicas) or replicas < 1:
            raise BuilderError(f"replicas must be at least 1, not {replicas}")
        if min_part_hours < 0:
            raise BuilderError(f"min_part_hours must not be negative, and is {min_part_hours}")
        state = State(part_power, float(replicas), min_part_hours)
        state.moves = bytearray(state.parts)
        return cls(state)

    @classmethod
    def load(cls, path: str) -> RingBuilder:
        """From a builder file of ours or Swift's. Raises RingFileError."""
        try:
            return cls(state_from_dict(builder_file.decode(read_file(path))))
        except (builder_file.BuilderFileUnreadable, ValueError) as fault:
            raise RingFileError(path, f"not a usable builder file: {fault}") from None
        except MemoryError:
            raise RingFileError(path, "too large for this machine's memory") from None

    @classmethod
    def from_ring(cls, path: str, min_part_hours: int = 24) -> RingBuilder:
        """A builder for a ring whose own was lost: weights and table survive, history does not."""
        image = load_image(path)
        ring_of(image, HashPath(b"", b""), path)  # Checks the table against the devices.
        state = State(
            part_power=32 - image.part_shift,
            replicas=image.replica_count,
            min_part_hours=min_part_hours,
            devices=[
                None if fields is None else Device.from_dict(fields, place)
                for place, fields in enumerate(image.devices)
            ],
            rows=image.rows,
            id_bytes=image.id_bytes,
            version=image.version or 0,
            next_part_power=image.next_part_power,
        )
        state.moves = bytearray(state.parts)
        builder = cls(state)
        builder._measure()
        return builder

    def save(self, path: str, *, new_id: str | None = None) -> None:
        """Write the builder file in one step. A builder gets its id at the first save.

        `new_id` is that id (32 hex digits; the caller has the randomness). Raises RingFileError.
        """
        state = self._state
        before = state.id
        if state.id is None:
            state.id = new_id
        try:
            replace_file(path, builder_file.encode(self.to_dict()))
        except RingFileError:
            state.id = before
            raise

    def to_dict(self) -> dict[str, Any]:
        """The dictionary of the builder file."""
        return state_to_dict(self._state, self.held(), {})

    def copy(self) -> RingBuilder:
        """An independent builder in the same state."""
        state = self._state
        return RingBuilder(
            replace(
                state,
                devices=list(state.devices),
                removed=list(state.removed),
                rows=[row[:] for row in state.rows],
                moves=bytearray(state.moves),
                graph=dict(state.graph),
            )
        )

    # --- what it says ---

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
        devices = self._state.devices
        device = devices[number] if 0 <= number < len(devices) else None
        if device is None:
            raise BuilderError(f"there is no device {number}")
        return device

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
        moves, _ = self._aged_moves(now)
        hours = self._state.min_part_hours
        return moves.translate(bytes(int(age >= min(hours, 255)) for age in range(256)))

    def resting(self, now: float) -> int:
        """Partitions that may not move because one of their replicas moved lately."""
        return self._state.parts - sum(self.movable(now))

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

    def hours_moved(self, partition: int, now: float) -> int:
        """Hours since a replica of the partition last moved, at most 255."""
        elapsed = max(0, int(now - self._state.moves_epoch)) // HOUR
        return min(255, self._state.moves[partition] + elapsed)

    def seconds_left(self, now: float) -> int:
        """Until min_part_hours have passed since partitions last moved."""
        state = self._state
        return max(0, int(state.min_part_hours * HOUR - (now - state.moves_epoch)))

    # --- commands ---

    def add_device(
        self,
        *,
        zone: int,
        ip: str,
        port: int,
        device: str,
        weight: float,
        region: int = 1,
        replication_ip: str | None = None,
        replication_port: int | None = None,
        meta: str = "",
        id: int | None = None,
    ) -> Device:
        """A new device; it gets partitions at the next rebalance. Free ids are used again.

        Raises DuplicateDevice, or BuilderError for values that cannot be.
        """
        self._refuse_during_increase("adding devices")
        state = self._state
        devices = state.devices
        if id is None:
            id = devices.index(None) if None in devices else len(devices)
        try:
            made = Device.from_dict(
                {
                    "id": id,
                    "region": region,
                    "zone": zone,
                    "ip": normal_address(ip),
                    "port": port,
                    "replication_ip": None
                    if replication_ip is None
                    else normal_address(replication_ip),
                    "replication_port": replication_port,
                    "device": device,
                    "weight": weight,
                    "meta": meta,
                }
            )
        except ValueError as fault:
            raise BuilderError(str(fault)) from None
        if id < len(devices) and devices[id] is not None:
            raise DuplicateDevice(f"device id {id} is in use")
        self._check_unique(made)
        if id >= unassigned(4):
            raise BuilderError(f"device id {id} does not fit four bytes")
        if id >= unassigned(state.id_bytes):
            self._set_id_bytes(4)
        devices.extend([None] * (id + 1 - len(devices)))
        devices[id] = made
        if self._places is not None:
            self._places[made.ip, made.port, made.device] = id
        self._changed()
        return made

    def remove_device(self, number: int) -> None:
        """The device leaves at the next rebalance, whatever min_part_hours says.

        Once marked, it stays marked.
        """
        self._refuse_during_increase("removing devices")
        device = self.device(number)
        if number in self._state.removed:
            return
        self._state.devices[number] = replace(device, weight=0.0)
        self._state.removed.append(number)
        self._changed()

    def set_weight(self, number: int, weight: float) -> None:
        """Weight 0 drains the device, at most one replica of a partition per min_part_hours."""
        if not isfinite(weight) or weight < 0:
            raise BuilderError(f"a weight must be zero or more, not {weight}")
        if number in self._state.removed:
            raise BuilderError(f"device {number} is marked for removal; its weight cannot be set")
        self._alter(number, weight=float(weight))

    def set_region(self, number: int, region: int) -> None:
        """Where the device stands; partitions follow at the next rebalance."""
        if region < 0:
            raise BuilderError(f"a region is a number from 0, not {region}")
        if number in self._state.removed:
            raise BuilderError(f"device {number} is marked for removal; its region cannot be set")
        self._alter(number, region=region)

    def set_zone(self, number: int, zone: int) -> None:
        """Where the device stands; partitions follow at the next rebalance."""
        if zone < 0:
            raise BuilderError(f"a zone is a number from 0, not {zone}")
        if number in self._state.removed:
            raise BuilderError(f"device {number} is marked for removal; its zone cannot be set")
        self._alter(number, zone=zone)

    def set_info(
        self,
        number: int,
        *,
        ip: str | None = None,
        port: int | None = None,
        replication_ip: str | None = None,
        replication_port: int | None = None,
        device: str | None = None,
        meta: str | None = None,
    ) -> Device:
        """How the device is reached and named; moves nothing. Raises DuplicateDevice."""
        changes: dict[str, Any] = {
            "port": port,
            "replication_port": replication_port,
            "device": device,
            "meta": meta,
        }
        try:
            changes["ip"] = None if ip is None else normal_address(ip)
            changes["replication_ip"] = (
                None if replication_ip is None else normal_address(replication_ip)
            )
            fields = self.device(number).to_dict()
            fields.update({key: value for key, value in changes.items() if value is not None})
            altered = Device.from_dict(fields)
        except ValueError as fault:
            raise BuilderError(str(fault)) from None
        self._check_unique(altered, but=number)
        self._state.devices[number] = altered
        self._places = None
        self._changed()
        return altered

    def set_replicas(self, replicas: float) -> None:
        """Whole or fractional, at least 1."""
        if not isfinite(replicas) or replicas < 1:
            raise BuilderError(f"the replica count must be at least 1, not {replicas}")
        if replicas != self._state.replicas:
            self._state.replicas = float(replicas)
            self._state.devices_changed = True

    def set_overload(self, overload: float) -> None:
        """0.1 for ten percent."""
        if not isfinite(overload) or overload < 0:
            raise BuilderError(f"the overload must be zero or more, not {overload}")
        if overload != self._state.overload:
            self._state.overload = float(overload)
            self._state.devices_changed = True

    def set_min_part_hours(self, hours: int) -> None:
        """How long a partition rests after one of its replicas moved."""
        if hours < 0:
            raise BuilderError(f"min_part_hours must not be negative, and is {hours}")
        self._state.min_part_hours = hours

    def pretend_min_part_hours_passed(self) -> None:
        """Every partition may move at the next rebalance."""
        state = self._state
        state.moves_epoch = 0
        state.moves = bytearray(b"\xff") * state.parts

    def set_id_bytes(self, id_bytes: int) -> None:
        """2 or 4; with 4 the ring can only be written in format 2."""
        if id_bytes not in TYPE_OF_ID_BYTES:
            raise BuilderError(f"device ids have 2 or 4 bytes, not {id_bytes}")
        if len(self._state.devices) > unassigned(id_bytes):
            raise BuilderError(f"there are device ids that do not fit {id_bytes} bytes")
        self._set_id_bytes(id_bytes)

    def prepare_part_power_increase(self) -> None:
        """See partpower.py for the steps; each raises BuilderError out of turn."""
        partpower.prepare(self._state)

    def increase_part_power(self) -> None:
        """Every partition becomes two."""
        partpower.increase(self._state)
        self._held = None

    def cancel_part_power_increase(self) -> None:
        """After prepare, instead of increase."""
        partpower.cancel(self._state)

    def finish_part_power_increase(self) -> None:
        """After the old links are gone."""
        partpower.finish(self._state)

    # --- rebalance ---

    def rebalance(
        self,
        now: float,
        *,
        seed: str | None = None,
        progress: Progress = _no_progress,
        may_move: bytearray | None = None,
    ) -> Rebalanced:
        """Give partitions to devices as weights, domains and overload ask, moving as few as can be.

        The same builder and seed give the same table; without a seed, one is made of the
        builder's id and version. `may_move[p]` = 0 forbids moves of a partition on top of
        min_part_hours. Raises ImpossiblePlan, and BuilderError during a part power increase.
        """
        state = self._state
        self._refuse_during_increase("rebalancing")
        before = self.balance() if state.rows and any(d.weight for d in self.listed()) else 0.0
        dispersion_before = state.dispersion
        moves, epoch = self._aged_moves(now)
        outcome = work.rebalance(self._question(moves, seed, may_move), progress)
        for partition in outcome.touched:
            moves[partition] = 0
        removed = tuple(state.removed)
        state.rows = outcome.rows
        state.moves, state.moves_epoch = moves, epoch
        state.last_start = outcome.start
        state.devices_changed = False
        self._held = outcome.held
        self._drop_removed()
        measured = self._measure()
        state.version += 1
        return Rebalanced(
            moved=outcome.moved,
            forced=outcome.forced,
            removed=removed,
            balance_before=before,
            balance=self.balance(),
            dispersion_before=dispersion_before,
            dispersion=measured.percent,
        )

    def _question(
        self, moves: bytearray, seed: str | None, may_move: bytearray | None
    ) -> work.Question:
        state = self._state
        hours = min(state.min_part_hours, 255)  # Older moves are not told apart.
        free = moves.translate(bytes(int(age >= hours) for age in range(256)))
        if may_move is not None:
            free = bytearray(map(min, free, may_move))
        return work.Question(
            devices=self.listed(),
            removed=frozenset(state.removed),
            rows=state.rows,
            held=self.held(),
            parts=state.parts,
            replicas=state.replicas,
            overload=state.overload,
            typecode=state.typecode,
            free=free,
            last_start=state.last_start,
            seed=seed if seed is not None else f"{state.id}:{state.version}",
        )

    def _aged_moves(self, now: float) -> tuple[bytearray, int]:
        state = self._state
        elapsed = int(now - state.moves_epoch) // HOUR
        if elapsed <= 0:
            return bytearray(state.moves), state.moves_epoch
        older = bytes(min(255, age + elapsed) for age in range(256))
        return bytearray(state.moves.translate(older)), int(now)

    def _drop_removed(self) -> None:
        state = self._state
        self._places = None
        for number in state.removed:
            state.devices[number] = None
        state.removed = []
        while state.devices and state.devices[-1] is None:
            state.devices.pop()
        if state.id_bytes > 2 and len(state.devices) < unassigned(2) // 2:
            self._set_id_bytes(2)

    # --- rings ---

    def ring(self, hash_path: HashPath) -> Ring:
        """The ring as it is now. Raises BuilderError before the first rebalance."""
        return ring_of(self.image(), hash_path)

    def write_ring(self, path: str, *, format_version: int = 1) -> None:
        """Write the ring file in one step. Raises RingFileError."""
        save_image(self.image(), path, format_version=format_version)

    def image(self) -> RingImage:
        """What a ring file of this builder says."""
        state = self._state
        if not state.rows:
            raise BuilderError("there is no ring before the first rebalance")
        return ring_file.RingImage(
            part_shift=32 - state.part_power,
            devices=[None if d is None else d.to_dict() for d in state.devices],
            rows=state.rows,
            version=state.version,
            next_part_power=state.next_part_power,
            id_bytes=state.id_bytes,
        )

    # --- inside ---

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

    def _refuse_during_increase(self, doing: str) -> None:
        if self._state.next_part_power is not None:
            raise BuilderError(f"a partition power increase is under way; finish it before {doing}")

    def _changed(self) -> None:
        self._state.devices_changed = True
        self._state.version += 1

    def _alter(self, number: int, **changes: Any) -> None:  # noqa: ANN401 - fields of a Device
        self._state.devices[number] = replace(self.device(number), **changes)
        self._changed()

    def _check_unique(self, device: Device, but: int = -1) -> None:
        if self._places is None:
            self._places = {(d.ip, d.port, d.device): d.id for d in self.listed()}
        taken = self._places.get((device.ip, device.port, device.device), but)
        if taken != but:
            raise DuplicateDevice(
                f"device {taken} already uses {device.ip}:{device.port}/{device.device}"
            )

    def _set_id_bytes(self, id_bytes: int) -> None:
        state = self._state
        if state.id_bytes == id_bytes:
            return
        from array import array

        state.rows = [array(TYPE_OF_ID_BYTES[id_bytes], row) for row in state.rows]
        state.id_bytes = id_bytes
