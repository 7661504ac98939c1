"""What a ring change moves, in tables for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from swiftlite.plan.change import RingChange, Room
from swiftlite.plan.picture import size
from swiftlite.plan.standing import Disk, disk_of

_ROWS_MAX = 40
_ESTIMATED = ", estimated from what disks use (`swiftlite plan measure` counts)"


def duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def change_lines(change: RingChange, rooms: Mapping[Disk, Room], limits: str) -> Iterator[str]:
    moves, time = change.moves, change.time
    if not moves.moves and not any(flow.gives for flow in moves.flows.values()):
        return
    quality = change.verdict.facts["bytes_are"]
    if quality == "unknown":
        yield (
            f"  moves   {len(moves.moves):,} replicas; how many bytes is not known: no disk tells"
            " what it uses, and nothing was measured (`swiftlite plan measure`)"
        )
        return
    source = "" if quality == "measured" else _ESTIMATED
    yield f"  moves   {size(moves.bytes)} in {len(moves.moves):,} replicas{source}"
    yield (
        f"  time    about {duration(time.seconds)} until all are in place, {duration(time.settled)}"
        " until the old copies are gone"
    )
    yield f"          {limits}"
    yield from _devices(change, rooms)
    yield from _links(change)


def _devices(change: RingChange, rooms: Mapping[Disk, Room]) -> Iterator[str]:
    rows = []
    for number, flow in sorted(change.moves.flows.items()):
        if not flow.receives and not flow.gives:
            continue
        room = rooms.get(disk_of(flow.device))
        full = ""
        if room is not None and room.size:
            then = room.used + flow.bytes_in - flow.bytes_out
            full = f"{100 * room.used / room.size:.0f}% -> {100 * then / room.size:.0f}%"
        rows.append((
            f"d{number}", str(disk_of(flow.device)), f"{flow.receives:,}", size(flow.bytes_in),
            f"{flow.gives:,}", size(flow.bytes_out), full,
        ))  # fmt: skip
    heads = ("id", "disk", "receives", "bytes", "gives", "bytes", "full")
    yield from _table("  devices", heads, rows)


def _links(change: RingChange) -> Iterator[str]:
    sent: dict[str, float] = {}
    taken: dict[str, float] = {}
    for (one, other), number in change.moves.links.items():
        if one != other:
            sent[one] = sent.get(one, 0.0) + number
            taken[other] = taken.get(other, 0.0) + number
    rows = [
        (node, size(sent.get(node, 0.0)), size(taken.get(node, 0.0)))
        for node in sorted(sent.keys() | taken.keys())
    ]
    yield from _table("  links", ("node", "sends", "receives"), rows)
    far = [
        (f"region {one}", f"region {other}", size(number))
        for (one, other), number in sorted(change.moves.regions.items())
        if one != other
    ]
    yield from _table("  between regions", ("from", "to", "bytes"), far)


def _table(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    if not rows:
        return
    shown = rows[:_ROWS_MAX]
    widths = [max(len(row[at]) for row in (heads, *shown)) for at in range(len(heads))]
    yield f"{title}  " + "  ".join(h.ljust(w) for h, w in zip(heads, widths, strict=True)).rstrip()
    for row in shown:
        cells = [
            cell.ljust(width) if at < 2 else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield " " * (len(title) + 2) + "  ".join(cells).rstrip()
    if len(rows) > len(shown):
        yield " " * (len(title) + 2) + f"and {len(rows) - len(shown)} more (--json has all)"
