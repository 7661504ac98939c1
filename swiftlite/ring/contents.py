"""What is in a ring file, checked: whatever a look-up will touch is known to be there."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from sys import byteorder

from swiftlite.formats.ring_file import RingImage

from .device import Device
from .errors import RingFileError
from .handoffs import Breadth
from .table import Table

CHUNK = 1 << 16  # ids


@dataclass(frozen=True, slots=True)
class Contents:
    """All of a ring but what its names are hashed with. `devices[id]` is None where an id is
    unused; `version` is the builder's, where the file names it."""

    part_shift: int
    devices: Sequence[Device | None]
    table: Table
    breadth: Breadth
    version: int | None = None
    next_part_power: int | None = None
    format_version: int = 1

    @classmethod
    def of(cls, image: RingImage, path: str = "ring") -> Contents:
        """RingFileError naming `path` when ids and devices of the image do not agree."""
        if not image.rows:
            raise RingFileError(path, "a ring without replicas")
        try:
            devices = [
                None if fields is None else Device.from_dict(fields, place)
                for place, fields in enumerate(image.devices)
            ]
        except ValueError as fault:
            raise RingFileError(path, str(fault)) from None
        table = Table.from_rows(image.rows, 1 << (32 - image.part_shift))
        return cls(
            part_shift=image.part_shift,
            devices=devices,
            table=table,
            breadth=Breadth.of(devices, assigned_ids(image, devices, path)),
            version=image.version,
            next_part_power=image.next_part_power,
            format_version=image.format_version,
        )

    def image(self) -> RingImage:
        """The same as the formats room writes it."""
        return RingImage(
            part_shift=self.part_shift,
            devices=[None if d is None else d.to_dict() for d in self.devices],
            rows=self.table.rows(),
            version=self.version,
            next_part_power=self.next_part_power,
            id_bytes=self.table.id_bytes,
            format_version=self.format_version,
        )


def assigned_ids(image: RingImage, devices: list[Device | None], path: str) -> frozenset[int]:
    """The ids in the table, each known to name a device."""
    everything = frozenset(range(len(devices)))
    if (
        None not in devices
        and _all_soon_met(image.rows, everything)
        and all(all_below(row, len(devices)) for row in image.rows)
    ):
        return everything
    assigned: set[int] = set()
    for row in image.rows:
        assigned.update(row)
    for number in sorted(assigned):
        if number >= len(devices):
            raise RingFileError(path, f"the table names device {number}, beyond the device list")
        if devices[number] is None:
            raise RingFileError(path, f"the table names device {number}, which was removed")
    return frozenset(assigned)


def _all_soon_met(rows: list[array[int]], everything: frozenset[int]) -> bool:
    """Does the table's beginning name every device?"""
    met: set[int] = set()
    for row in rows:
        met.update(row[: 8 * len(everything) + CHUNK // 16])
        if everything <= met:
            return True
    return False


def all_below(row: array[int], limit: int) -> bool:
    """Is every id less than `limit`? 65,536 ids are added to and masked as one number, which takes
    a fifth of the time of looking at each."""
    top = 1 << (8 * row.itemsize - 1)
    if not 0 < limit <= top:
        return not row or max(row) < limit

    def repeated(value: int, count: int) -> int:
        return int.from_bytes(value.to_bytes(row.itemsize, byteorder) * count, byteorder)

    count = -1
    tops = lift = 0
    for at in range(0, len(row), CHUNK):
        chunk = row[at : at + CHUNK]
        if len(chunk) != count:
            count = len(chunk)
            tops, lift = repeated(top, count), repeated(top - limit, count)
        ids = int.from_bytes(chunk.tobytes(), byteorder)
        # Adding carries into the next id only where the top bit was set before.
        if (ids | (ids + lift)) & tops:
            return False
    return True
