"""list_parts: partitions with replicas on the devices that match."""

from __future__ import annotations

from collections import Counter

from .choosing import chosen, device_parser
from .session import SUCCESS, CommandError, Session

SUMMARY = "the partitions that matching devices hold"
USAGE = """\
swiftlite-ring-builder <builder file> list_parts <search value> [...]
swiftlite-ring-builder <builder file> list_parts --region N --zone N --ip IP ...

Partitions, and how many of their replicas are on the devices; those with most replicas first."""
WRITES = False


def run(session: Session, name: str, args: list[str]) -> int:
    devices = chosen(session, device_parser().parse_args(args))
    builder = session.builder
    if not builder.rebalanced:
        raise CommandError("this builder has not been rebalanced yet; there are no partitions")
    if not devices:
        raise CommandError("no matching devices found")
    numbers = {device.id for device in devices}
    counts: Counter[int] = Counter()
    for row in builder.rows():
        counts.update(p for p, number in enumerate(row) if number in numbers)
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    session.say(partitions=[[partition, count] for partition, count in ordered])
    if not ordered:
        raise CommandError("no partition is on these devices")
    session.say("Partition   Matches")
    for partition, count in ordered:
        session.say(f"{partition:9d}   {count:7d}")
    return SUCCESS
