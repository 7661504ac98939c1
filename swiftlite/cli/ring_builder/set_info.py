"""set_info: how devices are reached and named. Moves nothing; write_ring publishes it."""

from __future__ import annotations

from typing import Any

from swiftlite.ring import Device
from swiftlite.ring.search import parse_change

from .choosing import criteria_of, describe, device_parser, search, some
from .session import SUCCESS, Session, UsageError
from .tables import device_facts

SUMMARY = "addresses, names and meta data of devices"
USAGE = """\
swiftlite-ring-builder <builder file> set_info
    <search value> [<ip>][:<port>][R<r_ip>:<r_port>][/<device>][_<meta>] [...] [--yes]
or
swiftlite-ring-builder <builder file> set_info --ip IP ... [--change-ip IP] [--change-port N]
    [--change-replication-ip IP] [--change-replication-port N] [--change-device NAME]
    [--change-meta TEXT] [--yes]

Only what is given changes. No partition moves: write_ring afterwards tells the servers."""
WRITES = True
KEYS = ("ip", "port", "replication_ip", "replication_port", "device", "meta")


def run(session: Session, name: str, args: list[str]) -> int:
    parser = device_parser()
    parser.add_argument("-I", "--change-ip")
    parser.add_argument("-P", "--change-port", type=int)
    parser.add_argument("-J", "--change-replication-ip")
    parser.add_argument("-Q", "--change-replication-port", type=int)
    parser.add_argument("-D", "--change-device")
    parser.add_argument("-M", "--change-meta")
    options = parser.parse_args(args)
    criteria = criteria_of(options)
    work: list[tuple[list[Device], dict[str, Any]]] = []
    if criteria is not None:
        changes = {
            key: value for key in KEYS if (value := getattr(options, f"change_{key}")) is not None
        }
        if not changes or options.values:
            raise UsageError("say what is to change with --change-... options")
        devices = criteria.find(session.builder.listed())
        some(session, devices, " these options", yes=options.yes)
        work.append((devices, changes))
    else:
        if not options.values or len(options.values) % 2:
            raise UsageError("search values and changes come in pairs")
        for text, change in zip(options.values[::2], options.values[1::2], strict=True):
            devices = search(session, text)
            some(session, devices, f" {text}", yes=options.yes)
            work.append((devices, _parsed(change)))
    altered = []
    for devices, changes in work:
        for device in devices:
            now = session.builder.set_info(device.id, **changes)
            session.say(f"Device {describe(device)} is now {describe(now)}")
            altered.append(device_facts(session.builder, now))
    session.save()
    session.say(changed=altered)
    return SUCCESS


def _parsed(text: str) -> dict[str, Any]:
    try:
        return dict(parse_change(text))
    except ValueError as fault:
        raise UsageError(str(fault)) from None
