"""create: a builder without devices."""

from __future__ import annotations

from swiftlite.ring import RingBuilder

from .choosing import Parser
from .session import SUCCESS, Session, UsageError

SUMMARY = "a new builder: part power, replicas, min_part_hours"
USAGE = """\
swiftlite-ring-builder <builder file> create <part power> <replicas> <min_part_hours>

2 ** <part power> partitions; <replicas> may be fractional; <min_part_hours> is how long a partition
rests after one of its replicas moved."""
WRITES = True


def run(session: Session, name: str, args: list[str]) -> int:
    parser = Parser(add_help=False)
    parser.add_argument("numbers", nargs=3)
    words = parser.parse_args(args).numbers
    try:
        part_power, replicas, hours = int(words[0]), float(words[1]), int(words[2])
    except ValueError:
        raise UsageError("part power and hours are whole numbers, replicas a number") from None
    session.builder = RingBuilder.create(part_power, replicas, hours)
    session.save()
    session.say(
        f"{session.builder_path}: {session.builder.partition_count} partitions,"
        f" {replicas:g} replicas, no devices yet",
        builder_file=session.builder_path,
        id=session.builder.id,
    )
    return SUCCESS
