"""set_weight: how much of the data devices get; 0 drains."""

from __future__ import annotations

from .choosing import describe, pairs
from .session import SUCCESS, Session, UsageError

SUMMARY = "how much of the data devices get; 0 drains"
USAGE = """\
swiftlite-ring-builder <builder file> set_weight <search value> <weight> [...] [--yes]
swiftlite-ring-builder <builder file> set_weight --ip IP --device NAME ... <weight> [--yes]

A weight is relative to the other devices'. Weight 0 drains a device, at most one replica of a
partition per min_part_hours."""
WRITES = True


def run(session: Session, name: str, args: list[str]) -> int:
    changed = []
    for devices, text in pairs(session, args):
        try:
            value = float(text)
        except ValueError:
            raise UsageError(f"not a weight: {text!r}") from None
        for device in devices:
            session.builder.set_weight(device.id, value)
            session.say(f"{describe(device)}: weight is now {value:g}")
            changed.append({"id": device.id, "weight": value})
    session.save()
    session.say(changed=changed)
    return SUCCESS
