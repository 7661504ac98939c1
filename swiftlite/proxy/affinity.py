"""Nearness of devices, as operators write it: `r1z1=100, r2=300`, `r1, r2z3`.

Pure: parses the two options and answers for a device's region and zone.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Protocol

ANY_ZONE = -1
FARTHEST = 1 << 60  # what nobody named comes last
_place = re.compile(r"r(\d{1,9})(?:z(\d{1,9}))?\Z", re.ASCII).match


class Placed(Protocol):
    @property
    def region(self) -> int: ...
    @property
    def zone(self) -> int: ...


def parse_read_affinity(text: str) -> dict[tuple[int, int], int]:
    """`r1z1=100, r2=300` as (region, zone or ANY_ZONE) to priority. Raises ValueError."""
    priorities = {}
    for piece in filter(None, (part.strip() for part in text.split(","))):
        place, equals, number = piece.partition("=")
        if not equals or not (number.strip().isascii() and number.strip().isdigit()):
            raise ValueError(f"must be like r1z1=100, r2=300, not {piece!r}")
        priorities[_parse_place(place.strip(), piece)] = int(number)
    return priorities


def parse_write_affinity(text: str) -> frozenset[tuple[int, int]]:
    """`r1, r2z3` as (region, zone or ANY_ZONE) pairs. Raises ValueError."""
    pieces = filter(None, (part.strip() for part in text.split(",")))
    return frozenset(_parse_place(piece, piece) for piece in pieces)


def distance_of(priorities: dict[tuple[int, int], int]) -> Callable[[Placed], int]:
    """How far a device is; what names its zone goes before what names its region."""

    def distance(device: Placed) -> int:
        for_region = priorities.get((device.region, ANY_ZONE), FARTHEST)
        return priorities.get((device.region, device.zone), for_region)

    return distance


def is_local_of(places: frozenset[tuple[int, int]]) -> Callable[[Placed], bool] | None:
    """Whether a device is in one of the places; None when there is no write affinity at all."""
    if not places:
        return None

    def is_local(device: Placed) -> bool:
        own_region = (device.region, ANY_ZONE) in places
        return own_region or (device.region, device.zone) in places

    return is_local


def _parse_place(place: str, piece: str) -> tuple[int, int]:
    found = _place(place)
    if not found:
        raise ValueError(f"must name regions and zones like r1 or r1z2, not {piece!r}")
    return int(found[1]), ANY_ZONE if found[2] is None else int(found[2])
