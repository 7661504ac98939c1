"""set_region: where devices stand: region."""

from __future__ import annotations

from .choosing import describe, pairs
from .session import SUCCESS, Session, UsageError

SUMMARY = "where devices stand: region"
USAGE = """\
swiftlite-ring-builder <builder file> set_region <search value> <region> [...] [--yes]
swiftlite-ring-builder <builder file> set_region --ip IP --device NAME ... <region> [--yes]

Partitions follow at the next rebalance."""
WRITES = True


def run(session: Session, name: str, args: list[str]) -> int:
    changed = []
    for devices, text in pairs(session, args):
        try:
            value = int(text)
        except ValueError:
            raise UsageError(f"not a region: {text!r}") from None
        for device in devices:
            session.builder.set_region(device.id, value)
            session.say(f"{describe(device)}: region is now {value:g}")
            changed.append({"id": device.id, "region": value})
    session.save()
    session.say(changed=changed)
    return SUCCESS
