"""From a ring file to a Ring, checked: whatever a look-up will touch is known to be there."""

from __future__ import annotations

import os
from array import array
from sys import byteorder

from swiftlite.formats import ring_file
from swiftlite.formats.ring_file import RingImage
from swiftlite.vocab.hashing import HashPath

from . import mapped
from .device import Device
from .errors import RingFileError
from .files import read_file, replace_file
from .ring import Ring
from .table import Table

CHUNK = 1 << 16  # ids


def load_image(path: str) -> RingImage:
    """What a ring file says, not yet checked against its own device list."""
    try:
        return ring_file.decode(read_file(path))
    except ring_file.RingFileUnreadable as fault:
        raise RingFileError(path, str(fault)) from None
    except MemoryError:
        raise RingFileError(path, "too large for this machine's memory") from None


def load_ring(path: str, hash_path: HashPath, *, map_dir: str | None = None) -> Ring:
    """See Ring.load."""
    if map_dir is not None:
        ring = mapped.open_map(path, map_dir, hash_path)
        if ring is not None:
            return ring
    ring = ring_of(load_image(path), hash_path, path)
    if map_dir is not None and mapped.write_map(ring, path, map_dir):
        # Once the copy is there, this process shares it too.
        return mapped.open_map(path, map_dir, hash_path) or ring
    return ring


def ring_of(image: RingImage, hash_path: HashPath, path: str = "ring") -> Ring:
    """The Ring of an image; RingFileError naming `path` when ids and devices do not agree."""
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
    assigned = assigned_ids(image, devices, path)
    return Ring(
        hash_path,
        part_shift=image.part_shift,
        devices=devices,
        table=table,
        assigned=assigned,
        version=image.version,
        next_part_power=image.next_part_power,
        format_version=image.format_version,
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


def save_image(image: RingImage, path: str, *, format_version: int = 1) -> None:
    """Write a ring file in one step. Raises RingFileError."""
    name = os.path.basename(path).removesuffix(".gz")
    try:
        blob = ring_file.encode(image, name, format_version)
    except ring_file.RingFileUnwritable as fault:
        raise RingFileError(path, str(fault)) from None
    replace_file(path, [blob])
