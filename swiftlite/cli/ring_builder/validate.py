"""validate: what is wrong with the table."""

from __future__ import annotations

from .choosing import Parser
from .session import ERROR, SUCCESS, Session

SUMMARY = "check the builder's table"
USAGE = """\
swiftlite-ring-builder <builder file> validate

Every replica on one existing device, none twice on the same, counts that add up. Exit code 2 and a
sentence for each fault, otherwise silence and 0."""
WRITES = False


def run(session: Session, name: str, args: list[str]) -> int:
    Parser(add_help=False).parse_args(args)
    faults = list(session.builder.violations())
    for fault in faults:
        session.say(fault)
    session.say(faults=faults, valid=not faults)
    return ERROR if faults else SUCCESS
