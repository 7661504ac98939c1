"""The four steps of a partition power increase."""

from __future__ import annotations

import os

from .choosing import Parser
from .session import SUCCESS, CommandError, Session

SUMMARY = {
    "prepare_increase_partition_power": "announce the next partition power",
    "increase_partition_power": "make two partitions of each",
    "cancel_increase_partition_power": "give a prepared increase up",
    "finish_increase_partition_power": "the increase is complete on all nodes",
}
USAGE = """\
swiftlite-ring-builder <builder file> <command>

The steps, for object rings only. After each: write_ring, and give the ring to all nodes.
  prepare_increase_partition_power   then: relink on all nodes
  increase_partition_power           then: clean up on all nodes
  finish_increase_partition_power    back to normal
  cancel_increase_partition_power    instead of increase; then clean up, then finish
Careful: a step too early makes objects unreachable."""
WRITES = True


def run(session: Session, name: str, args: list[str]) -> int:
    Parser(add_help=False).parse_args(args)
    builder = session.builder
    if name.startswith("prepare"):
        if "object" not in os.path.basename(session.builder_path):
            # Relinkers know objects only; nobody would bring databases to their new places.
            raise CommandError("only object rings can raise their partition power")
        builder.prepare_part_power_increase()
        session.say(f"The next partition power is {builder.next_part_power}")
        more = "Give it to all nodes, relink the objects there, then increase_partition_power"
    elif name.startswith("increase"):
        builder.increase_part_power()
        session.say(f"The partition power is now {builder.part_power}")
        more = "Give it to all nodes, clean up there, then finish_increase_partition_power"
    elif name.startswith("cancel"):
        builder.cancel_part_power_increase()
        session.say(f"The partition power stays {builder.part_power}")
        more = "Give it to all nodes, clean up there, then finish_increase_partition_power"
    else:
        builder.finish_part_power_increase()
        session.say(f"The increase to partition power {builder.part_power} is finished")
        more = "Give it to all nodes"
    session.save()
    session.say("Next: write_ring. " + more + ".")
    session.say(part_power=builder.part_power, next_part_power=builder.next_part_power)
    return SUCCESS
