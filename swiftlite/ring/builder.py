"""The ring builder: devices and settings that change by commands, and the rebalance that follows.

A library value without clock or randomness of its own: whoever needs the time of day hands it in
as `now` (seconds since 1970). Every command either does its work or raises and changes nothing.
Partitions move only in `rebalance`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isfinite
from typing import Any

from swiftlite.formats import builder_file
from swiftlite.vocab.hashing import HashPath

from . import partpower, resting
from . import rebalance as work
from .builder_facts import BuilderFacts
from .builder_store import State, state_from_dict, state_to_dict
from .contents import Contents
from .device import Device
from .device_list import DeviceList
from .errors import BuilderError, RingFileError
from .files import read_file, replace_file
from .gather import Progress
from .ground import Question
from .load import load_image, save_image
from .ring import Ring
from .table import TYPE_OF_ID_BYTES, unassigned


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


class RingBuilder(BuilderFacts):
    """Devices with weights in failure domains, and the table that assigns partitions to them.

    What it says of itself (settings, devices, balance, plan) is in BuilderFacts.
    """

    def __init__(self, state: State) -> None:
        super().__init__(state)
        self._devices = DeviceList(state)

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
        contents = Contents.of(image, path)
        state = State(
            part_power=32 - image.part_shift,
            replicas=image.replica_count,
            min_part_hours=min_part_hours,
            devices=list(contents.devices),
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
        fields: dict[str, Any] = {
            "region": region,
            "zone": zone,
            "ip": ip,
            "port": port,
            "replication_ip": replication_ip,
            "replication_port": replication_port,
            "device": device,
            "weight": weight,
            "meta": meta,
        }
        return self._devices.add(id, fields)

    def remove_device(self, number: int) -> None:
        """The device leaves at the next rebalance, whatever min_part_hours says.

        Once marked, it stays marked.
        """
        self._refuse_during_increase("removing devices")
        self._devices.mark_removed(number)

    def set_weight(self, number: int, weight: float) -> None:
        """Weight 0 drains the device, at most one replica of a partition per min_part_hours."""
        if not isfinite(weight) or weight < 0:
            raise BuilderError(f"a weight must be zero or more, not {weight}")
        self._devices.set_number(number, "weight", float(weight))

    def set_region(self, number: int, region: int) -> None:
        """Where the device stands; partitions follow at the next rebalance."""
        if region < 0:
            raise BuilderError(f"a region is a number from 0, not {region}")
        self._devices.set_number(number, "region", region)

    def set_zone(self, number: int, zone: int) -> None:
        """Where the device stands; partitions follow at the next rebalance."""
        if zone < 0:
            raise BuilderError(f"a zone is a number from 0, not {zone}")
        self._devices.set_number(number, "zone", zone)

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
            "ip": ip,
            "port": port,
            "replication_ip": replication_ip,
            "replication_port": replication_port,
            "device": device,
            "meta": meta,
        }
        return self._devices.describe(number, changes)

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
        resting.pretend_passed(self._state)

    def set_id_bytes(self, id_bytes: int) -> None:
        """2 or 4; with 4 the ring can only be written in format 2."""
        if id_bytes not in TYPE_OF_ID_BYTES:
            raise BuilderError(f"device ids have 2 or 4 bytes, not {id_bytes}")
        if len(self._state.devices) > unassigned(id_bytes):
            raise BuilderError(f"there are device ids that do not fit {id_bytes} bytes")
        self._devices.widen(id_bytes)

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
        moves, epoch = resting.aged(state, now)
        outcome = work.rebalance(self._question(moves, seed, may_move), progress)
        for partition in outcome.touched:
            moves[partition] = 0
        removed = tuple(state.removed)
        state.rows = outcome.rows
        state.moves, state.moves_epoch = moves, epoch
        state.last_start = outcome.start
        state.devices_changed = False
        self._held = outcome.held
        self._devices.drop_removed()
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

    def _question(self, moves: bytearray, seed: str | None, may_move: bytearray | None) -> Question:
        state = self._state
        free = resting.rested(state, moves)
        if may_move is not None:
            free = bytearray(map(min, free, may_move))
        return Question(
            devices=self.listed(),
            removed=frozenset(state.removed),
            rows=state.rows,
            held=self.held(),
            parts=state.parts,
            replicas=state.replicas,
            overload=state.overload,
            typecode=state.typecode,
            free=free,
            rests=state.min_part_hours > 0,
            last_start=state.last_start,
            seed=seed if seed is not None else f"{state.id}:{state.version}",
        )

    # --- rings ---

    def ring(self, hash_path: HashPath) -> Ring:
        """The ring as it is now. Raises BuilderError before the first rebalance."""
        return Ring(hash_path, Contents.of(self.image()))

    def write_ring(self, path: str, *, format_version: int = 1) -> None:
        """Write the ring file in one step. Raises RingFileError."""
        save_image(self.image(), path, format_version=format_version)

    def _refuse_during_increase(self, doing: str) -> None:
        if self._state.next_part_power is not None:
            raise BuilderError(f"a partition power increase is under way; finish it before {doing}")
