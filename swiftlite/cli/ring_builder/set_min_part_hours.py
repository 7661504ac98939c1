"""set_min_part_hours: how long a partition rests after a move."""

from __future__ import annotations

from .choosing import Parser
from .session import SUCCESS, Session

SUMMARY = "how long a partition rests after a move"
USAGE = """\
swiftlite-ring-builder <builder file> set_min_part_hours <hours>

At least as long as a full replication pass takes: until then the moved replica may not be there."""
WRITES = True


def run(session: Session, name: str, args: list[str]) -> int:
    parser = Parser(add_help=False)
    parser.add_argument("hours", type=int)
    hours = parser.parse_args(args).hours
    session.builder.set_min_part_hours(hours)
    session.save()
    session.say(f"A partition now rests {hours} hours after a move", min_part_hours=hours)
    return SUCCESS
