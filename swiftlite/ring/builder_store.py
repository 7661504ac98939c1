"""A builder's state as the dictionary of its file, and back. Knows Swift's key names.

Strict about what a rebalance relies on; a file that contradicts itself is refused whole.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

from .device import Device
from .errors import BuilderError
from .table import TYPE_OF_ID_BYTES, unassigned


@dataclass(slots=True)
class State:
    """Everything that a builder file holds. `moves[p]` are hours since a replica of p moved, at
    most 255, as of `moves_epoch` (seconds); `rows` is empty before the first rebalance."""

    part_power: int
    replicas: float
    min_part_hours: int
    devices: list[Device | None] = field(default_factory=list)
    removed: list[int] = field(default_factory=list)
    rows: list[array[int]] = field(default_factory=list)
    moves: bytearray = field(default_factory=bytearray)
    moves_epoch: int = 0
    last_start: int = 0
    overload: float = 0.0
    version: int = 0
    devices_changed: bool = False
    id_bytes: int = 2
    next_part_power: int | None = None
    id: str | None = None
    dispersion: float | None = None
    graph: dict[tuple[object, ...], list[int]] = field(default_factory=dict)

    @property
    def parts(self) -> int:
        return 1 << self.part_power

    @property
    def typecode(self) -> str:
        return TYPE_OF_ID_BYTES[self.id_bytes]

    def device(self, number: int) -> Device:
        """The device of an id. Raises BuilderError."""
        device = self.devices[number] if 0 <= number < len(self.devices) else None
        if device is None:
            raise BuilderError(f"there is no device {number}")
        return device


def state_to_dict(
    state: State, held: Mapping[int, int], quotas: Mapping[int, int]
) -> dict[str, Any]:
    """The dictionary to write; `held` and `quotas` are partitions by device id."""
    entries: list[dict[str, Any] | None] = []
    for device in state.devices:
        if device is None:
            entries.append(None)
            continue
        count = held.get(device.id, 0)
        entries.append(
            device.to_dict()
            | {"parts": count, "parts_wanted": quotas.get(device.id, count) - count}
        )
    removed = [entries[number] for number in state.removed]
    return {
        "part_power": state.part_power,
        "next_part_power": state.next_part_power,
        "replicas": state.replicas,
        "min_part_hours": state.min_part_hours,
        "parts": state.parts,
        "devs": entries,
        "devs_changed": state.devices_changed,
        "dev_id_bytes": state.id_bytes,
        "version": state.version,
        "overload": state.overload,
        "_replica2part2dev": state.rows or None,
        "_last_part_moves_epoch": state.moves_epoch,
        "_last_part_moves": array("B", state.moves),
        "_last_part_gather_start": state.last_start,
        "_dispersion_graph": state.graph,
        "dispersion": state.dispersion if state.dispersion is not None else 0.0,
        "_remove_devs": removed,
        "id": state.id,
    }


def state_from_dict(fields: Mapping[str, Any]) -> State:
    """Raises ValueError with a sentence."""
    part_power = _whole(fields, "part_power", 0, 32)
    parts = 1 << part_power
    replicas = _number(fields, "replicas")
    if not 1 <= replicas <= 1 << 16:
        raise ValueError(f"replicas is {replicas!r}")
    listed = fields.get("devs")
    if not isinstance(listed, list):
        raise ValueError("devs is not a list")
    devices = [None if d is None else Device.from_dict(d, place) for place, d in enumerate(listed)]
    state = State(
        part_power=part_power,
        replicas=float(replicas),
        min_part_hours=_whole(fields, "min_part_hours", 0, 1 << 32),
        devices=devices,
        removed=_removed(fields, devices),
        moves_epoch=_whole(fields, "_last_part_moves_epoch", 0, 1 << 62, 0),
        last_start=_whole(fields, "_last_part_gather_start", 0, 1 << 33, 0) % parts,
        overload=max(0.0, _number(fields, "overload", 0.0)),
        version=_whole(fields, "version", 0, 1 << 62, 0),
        devices_changed=bool(fields.get("devs_changed", False)),
        id_bytes=_whole(fields, "dev_id_bytes", 2, 4, 2),
        next_part_power=_optional(fields, "next_part_power"),
        id=_builder_id(fields.get("id")),
        dispersion=_number(fields, "dispersion", 0.0) if fields.get("dispersion") else None,
    )
    if state.id_bytes == 3:
        raise ValueError("dev_id_bytes is 3")
    graph = fields.get("_dispersion_graph")
    if isinstance(graph, dict) and all(isinstance(key, tuple) for key in graph):
        state.graph = graph
        state.dispersion = _number(fields, "dispersion", 0.0)
    state.rows = _rows(fields.get("_replica2part2dev"), state)
    state.moves = _moves(fields.get("_last_part_moves"), parts)
    return state


def _removed(fields: Mapping[str, Any], devices: list[Device | None]) -> list[int]:
    numbers: list[int] = []
    for entry in fields.get("_remove_devs") or []:
        number = entry.get("id") if isinstance(entry, dict) else None
        if not isinstance(number, int) or not 0 <= number < len(devices) or devices[number] is None:
            raise ValueError("_remove_devs names a device that is not there")
        if number not in numbers:
            numbers.append(number)
    return numbers


def _rows(value: object, state: State) -> list[array[int]]:
    if not value:
        return []
    if not isinstance(value, list):
        raise ValueError("_replica2part2dev is not a list")
    rows: list[array[int]] = []
    for place, row in enumerate(value):
        if not isinstance(row, array):
            raise ValueError("a row of _replica2part2dev is not an array")
        if len(row) > state.parts or (place < len(value) - 1 and len(row) != state.parts):
            raise ValueError(f"row {place} of the table has {len(row)} partitions")
        if row.typecode != state.typecode:
            row = array(state.typecode, row)
        rows.append(row)
    if not rows[-1]:
        rows.pop()
    nothing = unassigned(state.id_bytes)
    for number in set().union(*rows) if rows else set():
        if number == nothing:
            raise ValueError("the table has replicas that are on no device")
        if number >= len(state.devices) or state.devices[number] is None:
            raise ValueError(f"the table names device {number}, which does not exist")
    return rows


def _moves(value: object, parts: int) -> bytearray:
    if value is None or (hasattr(value, "__len__") and len(value) == 0):
        return bytearray(parts)
    if not isinstance(value, array | bytes | bytearray | list) or len(value) != parts:
        raise ValueError("_last_part_moves does not have one entry per partition")
    return bytearray(value)


def _builder_id(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise ValueError("id is not text")


def _whole(
    fields: Mapping[str, Any], key: str, least: int, most: int, default: int | None = None
) -> int:
    value = fields.get(key, default)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ValueError(f"{key} is {value!r}")
    return value


def _optional(fields: Mapping[str, Any], key: str) -> int | None:
    return None if fields.get(key) is None else _whole(fields, key, 0, 33)


def _number(fields: Mapping[str, Any], key: str, default: float | None = None) -> float:
    value = fields.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise ValueError(f"{key} is {value!r}")
    return float(value)
