"""write_builder: a builder for a ring whose own is lost."""

from __future__ import annotations

import os

from swiftlite.ring import RingBuilder

from .choosing import Parser
from .session import SUCCESS, CommandError, Session

SUMMARY = "a builder made from a ring file, when the builder is lost"
USAGE = """\
swiftlite-ring-builder <ring file> write_builder [min_part_hours]

Devices, weights and assignments come from the ring. When partitions last moved, the overload and
the builder's id are lost. Keep backups/ of your builders instead."""
WRITES = True
HOURS = 24


def run(session: Session, name: str, args: list[str]) -> int:
    parser = Parser(add_help=False)
    parser.add_argument("hours", type=int, nargs="?")
    hours = parser.parse_args(args).hours
    if os.path.exists(session.builder_path):
        raise CommandError(f"{session.builder_path} exists; it will not be overwritten")
    if hours is None:
        hours = HOURS
        session.say(f"WARNING: min_part_hours is not in a ring; {hours} is taken")
    session.builder = RingBuilder.from_ring(session.ring_path, hours)
    session.save()
    session.say(
        f"{session.builder_path}: made from {session.ring_path}; overload is 0, and when"
        " partitions last moved is not known",
        builder_file=session.builder_path,
        min_part_hours=hours,
    )
    return SUCCESS
