"""The devices of a builder: added, changed, marked for removal, dropped. Ids are places in a list.

No two devices may have the same address and name; ids that are free are used again.
"""

from __future__ import annotations

from array import array
from dataclasses import replace
from typing import Any

from .builder_store import State
from .device import Device, normal_address
from .errors import BuilderError, DuplicateDevice
from .table import TYPE_OF_ID_BYTES, unassigned


class DeviceList:
    """Every change counts as one that a ring would show."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._places: dict[tuple[str, int, str], int] | None = None

    def add(self, number: int | None, fields: dict[str, Any]) -> Device:
        """A new device, with the id `number` or the first that is free."""
        state = self._state
        devices = state.devices
        if number is None:
            number = devices.index(None) if None in devices else len(devices)
        made = _made(fields | {"id": number})
        if number < len(devices) and devices[number] is not None:
            raise DuplicateDevice(f"device id {number} is in use")
        self._check_unique(made)
        if number >= unassigned(4):
            raise BuilderError(f"device id {number} does not fit four bytes")
        if number >= unassigned(state.id_bytes):
            self.widen(4)
        devices.extend([None] * (number + 1 - len(devices)))
        devices[number] = made
        if self._places is not None:
            self._places[made.ip, made.port, made.device] = number
        self._changed()
        return made

    def mark_removed(self, number: int) -> None:
        """It leaves at the next rebalance. Once marked, it stays marked."""
        device = self._state.device(number)
        if number not in self._state.removed:
            self._state.devices[number] = replace(device, weight=0.0)
            self._state.removed.append(number)
            self._changed()

    def set_number(self, number: int, name: str, value: float) -> None:
        """A device's weight, region or zone."""
        if number in self._state.removed:
            raise BuilderError(f"device {number} is marked for removal; its {name} cannot be set")
        changes: dict[str, Any] = {name: value}
        self._state.devices[number] = replace(self._state.device(number), **changes)
        self._changed()

    def describe(self, number: int, changes: dict[str, Any]) -> Device:
        """How it is reached and named; None leaves a field as it is."""
        fields = self._state.device(number).to_dict()
        altered = _made(
            fields | {key: value for key, value in changes.items() if value is not None}
        )
        self._check_unique(altered, but=number)
        self._state.devices[number] = altered
        self._places = None
        self._changed()
        return altered

    def drop_removed(self) -> None:
        """Forget those that were marked, now that nothing is assigned to them."""
        state = self._state
        self._places = None
        for number in state.removed:
            state.devices[number] = None
        state.removed = []
        while state.devices and state.devices[-1] is None:
            state.devices.pop()
        if state.id_bytes > 2 and len(state.devices) < unassigned(2) // 2:
            self.widen(2)

    def widen(self, id_bytes: int) -> None:
        """Let the table have ids of so many bytes."""
        state = self._state
        if state.id_bytes != id_bytes:
            state.rows = [array(TYPE_OF_ID_BYTES[id_bytes], row) for row in state.rows]
            state.id_bytes = id_bytes

    def _changed(self) -> None:
        self._state.devices_changed = True
        self._state.version += 1

    def _check_unique(self, device: Device, but: int = -1) -> None:
        if self._places is None:
            self._places = {
                (d.ip, d.port, d.device): d.id for d in self._state.devices if d is not None
            }
        taken = self._places.get((device.ip, device.port, device.device), but)
        if taken != but:
            raise DuplicateDevice(
                f"device {taken} already uses {device.ip}:{device.port}/{device.device}"
            )


def _made(fields: dict[str, Any]) -> Device:
    """A device of these fields, its addresses in their usual form. Raises BuilderError."""
    try:
        for name in ("ip", "replication_ip"):
            if fields[name] is not None:
                fields[name] = normal_address(fields[name])
        return Device.from_dict(fields)
    except ValueError as fault:
        raise BuilderError(str(fault)) from None
