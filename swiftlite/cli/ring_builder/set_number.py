"""set_weight, set_region, set_zone: one number of devices."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from swiftlite.ring import RingBuilder

from .choosing import describe, pairs
from .session import SUCCESS, Session, UsageError


@dataclass(frozen=True, slots=True)
class Number:
    """What it is called, how it is read, and how a builder takes it."""

    noun: str
    parse: Callable[[str], float]
    set: Callable[[RingBuilder, int, float], None]


NUMBERS = {
    "set_weight": Number("weight", float, RingBuilder.set_weight),
    "set_region": Number("region", int, lambda b, n, value: b.set_region(n, int(value))),
    "set_zone": Number("zone", int, lambda b, n, value: b.set_zone(n, int(value))),
}
SUMMARY = {
    "set_weight": "how much of the data devices get; 0 drains",
    "set_region": "where devices stand: region",
    "set_zone": "where devices stand: zone",
}
USAGE = """\
swiftlite-ring-builder <builder file> <command> <search value> <number> [...] [--yes]
swiftlite-ring-builder <builder file> <command> --ip IP --device NAME ... <number> [--yes]

Partitions follow at the next rebalance. A weight is relative to the other devices'; weight 0
drains a device, at most one replica of a partition per min_part_hours."""
WRITES = True


def run(session: Session, name: str, args: list[str]) -> int:
    number = NUMBERS[name]
    changed = []
    for devices, text in pairs(session, args):
        try:
            value = number.parse(text)
        except ValueError:
            raise UsageError(f"not a {number.noun}: {text!r}") from None
        for device in devices:
            number.set(session.builder, device.id, value)
            session.say(f"{describe(device)}: {number.noun} is now {value:g}")
            changed.append({"id": device.id, number.noun: value})
    session.save()
    session.say(changed=changed)
    return SUCCESS
