"""remove: devices that leave at the next rebalance."""

from __future__ import annotations

from .choosing import chosen, describe, device_parser, some
from .session import SUCCESS, Session

SUMMARY = "mark devices; they leave at the next rebalance"
USAGE = """\
swiftlite-ring-builder <builder file> remove <search value> [...] [--yes]
swiftlite-ring-builder <builder file> remove --ip IP --port N --device NAME ... [--yes]

For a device that has failed: its replicas get new places at once, whatever min_part_hours says.
A device that still works is better drained first, by set_weight 0."""
WRITES = True


def run(session: Session, name: str, args: list[str]) -> int:
    options = device_parser().parse_args(args)
    devices = chosen(session, options)
    some(session, devices, "", yes=options.yes)
    for device in devices:
        session.builder.remove_device(device.id)
        session.say(f"{describe(device)} is marked and leaves at the next rebalance")
    session.save()
    session.say(removed=[device.id for device in devices])
    return SUCCESS
