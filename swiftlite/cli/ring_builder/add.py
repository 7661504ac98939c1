"""add: new devices, in the short form or by options."""

from __future__ import annotations

from typing import Any

from swiftlite.ring import DuplicateDevice
from swiftlite.ring.search import parse_add

from .choosing import describe, device_parser
from .session import SUCCESS, CommandError, Session, UsageError
from .tables import device_facts

SUMMARY = "new devices; they get partitions at the next rebalance"
USAGE = """\
swiftlite-ring-builder <builder file> add
    [r<region>]z<zone>-<ip>:<port>[R<r_ip>:<r_port>]/<device>[_<meta>] <weight> [...]
or
swiftlite-ring-builder <builder file> add --region N --zone N --ip IP --port N
    [--replication-ip IP] [--replication-port N] --device NAME --weight N [--meta TEXT]

IPv6 addresses stand in square brackets; names of hosts are allowed. All of the call's devices are
added, or none."""
WRITES = True


def run(session: Session, name: str, args: list[str]) -> int:
    options = device_parser().parse_args(args)
    if any(
        getattr(options, key) is not None
        for key in ("region", "zone", "ip", "port", "device", "weight")
    ):
        if options.values:
            raise UsageError("options and the short form do not go together")
        entries = [_from_options(options)]
    else:
        entries = _from_words(session, options.values)
    added = []
    for fields in entries:
        try:
            added.append(session.builder.add_device(**fields))
        except DuplicateDevice as fault:
            raise CommandError(f"{fault}; the builder is unchanged") from None
    session.save()
    for device in added:
        session.say(f"Device {describe(device)} with {device.weight:g} weight got id {device.id}")
    session.say(added=[device_facts(session.builder, device) for device in added])
    return SUCCESS


def _from_words(session: Session, words: list[str]) -> list[dict[str, Any]]:
    if not words or len(words) % 2:
        raise UsageError("devices and weights come in pairs")
    entries: list[dict[str, Any]] = []
    for text, weight in zip(words[::2], words[1::2], strict=True):
        try:
            fields: dict[str, Any] = dict(parse_add(text))
        except ValueError as fault:
            raise UsageError(str(fault)) from None
        if "region" not in fields:
            session.say(f"WARNING: no region in {text}; region 1 is taken")
            fields["region"] = 1
        entries.append(fields | {"weight": _weight(weight)})
    return entries


def _from_options(options: Any) -> dict[str, Any]:  # noqa: ANN401 - argparse's namespace
    missing = [
        f"--{key}"
        for key in ("region", "zone", "ip", "port", "device", "weight")
        if getattr(options, key) is None
    ]
    if missing:
        raise UsageError(f"missing: {', '.join(missing)}")
    fields: dict[str, Any] = {
        "region": options.region,
        "zone": options.zone,
        "ip": options.ip,
        "port": options.port,
        "replication_ip": options.replication_ip,
        "replication_port": options.replication_port,
        "device": options.device,
        "weight": options.weight,
        "meta": options.meta or "",
    }
    if options.id is not None:
        fields["id"] = options.id
    return fields


def _weight(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise UsageError(f"not a weight: {text!r}") from None
