"""search: the devices that match."""

from __future__ import annotations

from .choosing import chosen, device_parser
from .session import ERROR, SUCCESS, Session
from .tables import all_device_facts, device_table

SUMMARY = "the devices that match"
USAGE = """\
swiftlite-ring-builder <builder file> search <search value> [...]
swiftlite-ring-builder <builder file> search --region N --zone N --ip IP ..."""
WRITES = False


def run(session: Session, name: str, args: list[str]) -> int:
    devices = chosen(session, device_parser().parse_args(args))
    session.say(devices=all_device_facts(session.builder, devices))
    if not devices:
        session.say("No matching devices found")
        return ERROR
    for line in device_table(session.builder, devices):
        session.say(line)
    return SUCCESS
