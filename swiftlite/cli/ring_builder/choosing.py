"""How subcommands are told which devices are meant: search values, or long options."""

from __future__ import annotations

import argparse
from typing import Any, NoReturn

from swiftlite.ring import Device
from swiftlite.ring.device import bracketed, normal_address
from swiftlite.ring.search import Criteria, parse_search

from .session import CommandError, Session, UsageError

GRAMMAR = """\
A search value is d<id>r<region>z<zone>-<ip>:<port>R<ip>:<port>/<device>_<meta>, any part of it:
  d74              the device with id 74
  r4  z1  r4z1     devices of a region, of a zone, of both
  z1-10.1.2.3:6200 devices of zone 1 behind that address and port; IPv6 as [::1]
  R10.9.2.3        by replication address; R:6200 by replication port
  /sdb1            by device name
  _shiny           by text that occurs in the meta data"""


class Parser(argparse.ArgumentParser):
    """Raises UsageError instead of leaving the process."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message)


def device_parser() -> Parser:
    """The options that name devices, and what may follow them."""
    parser = Parser(add_help=False, allow_abbrev=False)
    parser.add_argument("-u", "--id", type=int)
    parser.add_argument("-r", "--region", type=int)
    parser.add_argument("-z", "--zone", type=int)
    parser.add_argument("-i", "--ip")
    parser.add_argument("-p", "--port", type=int)
    parser.add_argument("-j", "--replication-ip")
    parser.add_argument("-q", "--replication-port", type=int)
    parser.add_argument("-d", "--device")
    parser.add_argument("-w", "--weight", type=float)
    parser.add_argument("-m", "--meta")
    parser.add_argument("-y", "--yes", action="store_true")
    parser.add_argument("values", nargs="*")
    return parser


def criteria_of(options: argparse.Namespace) -> Criteria | None:
    """What the long options ask for; None when there are none."""
    fields: dict[str, Any] = {
        key: getattr(options, key)
        for key in (
            "id",
            "region",
            "zone",
            "ip",
            "port",
            "replication_ip",
            "replication_port",
            "device",
            "weight",
            "meta",
        )
        if getattr(options, key) not in (None, "")
    }
    if not fields:
        return None
    try:
        for key in ("ip", "replication_ip"):
            if key in fields:
                fields[key] = normal_address(fields[key])
    except ValueError as fault:
        raise UsageError(str(fault)) from None
    return Criteria(**fields)


def search(session: Session, text: str) -> list[Device]:
    """The devices that a search value means."""
    try:
        return parse_search(text).find(session.builder.listed())
    except ValueError as fault:
        raise CommandError(str(fault)) from None


def chosen(session: Session, options: argparse.Namespace) -> list[Device]:
    """The devices that options or search values name, each once, in the order found."""
    criteria = criteria_of(options)
    if criteria is not None:
        return criteria.find(session.builder.listed())
    if not options.values:
        raise UsageError("which devices?")
    found = {device.id: device for text in options.values for device in search(session, text)}
    return list(found.values())


def some(session: Session, devices: list[Device], what: str, *, yes: bool) -> None:
    """There must be devices, and more than one only if the operator agrees."""
    if not devices:
        raise CommandError(f"no device matches{what}; the builder is unchanged")
    if len(devices) > 1 and not yes:
        shown = "\n".join(f"    {describe(device)}" for device in devices)
        session.confirm(f"{len(devices)} devices match{what}:\n{shown}\nAll of them?", yes=False)


def pairs(session: Session, args: list[str]) -> list[tuple[list[Device], str]]:
    """(devices, new value) from `<search value> <new value> ...` or from options and one value."""
    options = device_parser().parse_args(args)
    criteria = criteria_of(options)
    if criteria is not None:
        if len(options.values) != 1:
            raise UsageError("one new value is expected after the options")
        found = criteria.find(session.builder.listed())
        some(session, found, " these options", yes=options.yes)
        return [(found, options.values[0])]
    if not options.values or len(options.values) % 2:
        raise UsageError("search values and new values come in pairs")
    result = []
    for text, value in zip(options.values[::2], options.values[1::2], strict=True):
        found = search(session, text)
        some(session, found, f" {text}", yes=options.yes)
        result.append((found, value))
    return result


def describe(device: Device) -> str:
    """d3r1z2-10.0.0.1:6200R10.0.0.1:6200/sdb_"meta"."""
    return (
        f"d{device.id}r{device.region}z{device.zone}-{bracketed(device.ip)}:{device.port}"
        f"R{bracketed(device.replication_ip)}:{device.replication_port}"
        f'/{device.device}_"{device.meta}"'
    )
