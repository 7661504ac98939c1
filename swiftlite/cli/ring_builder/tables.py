"""Devices as a table of text, and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from swiftlite.ring import Device, RingBuilder
from swiftlite.ring.device import bracketed

HEADS = (
    "id",
    "region",
    "zone",
    "ip address:port",
    "replication ip:port",
    "name",
    "weight",
    "partitions",
    "balance",
    "flags",
    "meta",
)
LEFT = frozenset({"flags", "meta"})


def device_table(builder: RingBuilder, devices: list[Device]) -> list[str]:
    """One line per device under a line of heads, columns as wide as they must be."""
    per_device, held = builder.balances(), builder.held()
    ordered = sorted(devices, key=lambda d: (d.region, d.zone, d.ip, d.device))
    rows = [
        (
            str(device.id),
            str(device.region),
            str(device.zone),
            f"{bracketed(device.ip)}:{device.port}",
            f"{bracketed(device.replication_ip)}:{device.replication_port}",
            device.device,
            f"{device.weight:.2f}",
            str(held.get(device.id, 0)),
            f"{per_device[device.id]:.2f}",
            "DEL" if device.id in builder.removed else "",
            device.meta,
        )
        for device in ordered
    ]
    return aligned("Devices:", HEADS, rows, LEFT)


def aligned(
    label: str,
    heads: tuple[str, ...],
    rows: Sequence[tuple[str, ...]],
    left: frozenset[str] = frozenset(),
) -> list[str]:
    """Text columns; the label stands before the heads and is as wide before the rows."""
    widths = [
        max([len(head), *(len(row[column]) for row in rows)]) for column, head in enumerate(heads)
    ]
    lines = []
    for number, row in enumerate([heads, *rows]):
        cells = [
            cell.ljust(width) if head in left else cell.rjust(width)
            for cell, width, head in zip(row, widths, heads, strict=True)
        ]
        lead = label if number == 0 else " " * len(label)
        lines.append(" ".join([lead, *cells]).rstrip())
    return lines


def device_facts(builder: RingBuilder, device: Device) -> dict[str, Any]:
    """A device for JSON: its fields, what it holds, and how far that is from its share."""
    return device.to_dict() | {
        "partitions": builder.held().get(device.id, 0),
        "balance": round(builder.balances()[device.id], 4),
        "removed": device.id in builder.removed,
    }


def all_device_facts(builder: RingBuilder, devices: list[Device]) -> list[dict[str, Any]]:
    """device_facts of many, with the balances worked out once."""
    per_device, held = builder.balances(), builder.held()
    return [
        device.to_dict()
        | {
            "partitions": held.get(device.id, 0),
            "balance": round(per_device[device.id], 4),
            "removed": device.id in builder.removed,
        }
        for device in devices
    ]


def duration(seconds: int) -> str:
    """1:02:03."""
    return f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
