"""pretend_min_part_hours_passed: every partition may move again."""

from __future__ import annotations

from .choosing import Parser
from .session import SUCCESS, Session

SUMMARY = "let every partition move again (careful)"
USAGE = """\
swiftlite-ring-builder <builder file> pretend_min_part_hours_passed

Careful: if a rebalance follows before replication is through, a partition may have several of its
replicas on the move at once, and be unreachable until they arrive."""
WRITES = True


def run(session: Session, name: str, args: list[str]) -> int:
    Parser(add_help=False).parse_args(args)
    session.builder.pretend_min_part_hours_passed()
    session.save()
    session.say("Every partition may move at the next rebalance")
    return SUCCESS
