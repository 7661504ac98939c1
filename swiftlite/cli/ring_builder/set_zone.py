"""set_zone: where devices stand: zone."""

from __future__ import annotations

from .choosing import describe, pairs
from .session import SUCCESS, Session, UsageError

SUMMARY = "where devices stand: zone"
USAGE = """\
swiftlite-ring-builder <builder file> set_zone <search value> <zone> [...] [--yes]
swiftlite-ring-builder <builder file> set_zone --ip IP --device NAME ... <zone> [--yes]

Partitions follow at the next rebalance."""
WRITES = True


def run(session: Session, name: str, args: list[str]) -> int:
    changed = []
    for devices, text in pairs(session, args):
        try:
            value = int(text)
        except ValueError:
            raise UsageError(f"not a zone: {text!r}") from None
        for device in devices:
            session.builder.set_zone(device.id, value)
            session.say(f"{describe(device)}: zone is now {value:g}")
            changed.append({"id": device.id, "zone": value})
    session.save()
    session.say(changed=changed)
    return SUCCESS
