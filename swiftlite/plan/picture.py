"""A ring change drawn as SVG: for every device a bar of what it has before, and one of what it has
after. What arrives is green, what leaves is red, what stays is grey."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from swiftlite.plan.change import Room
from swiftlite.plan.moves import Flow, Moves
from swiftlite.plan.standing import Disk, disk_of

WIDTH, LEFT, RIGHT = 1100, 250, 150
ROW, BAR, TOP = 44, 14, 84
STAYS, ARRIVES, LEAVES, FULL = "#8fa3b5", "#2a9d8f", "#d1495b", "#222222"
_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")


def draw(title: str, moves: Moves, rooms: Mapping[Disk, Room] | None = None) -> str:
    """The whole document. rooms: where given, a line stands where the disk would be full."""
    flows = [flow for _, flow in sorted(moves.flows.items())]
    most = max((max(flow.bytes_before, flow.bytes_after) for flow in flows), default=0.0) or 1.0
    scale = (WIDTH - LEFT - RIGHT) / most
    height = TOP + ROW * len(flows) + 30
    pieces = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}"'
        f' viewBox="0 0 {WIDTH} {height}" font-family="Helvetica, Arial, sans-serif">',
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="20" y="32" font-size="20">{escape(title)}</text>',
        *_legend(),
    ]
    for place, flow in enumerate(flows):
        pieces += _device(flow, TOP + ROW * place, scale, (rooms or {}).get(disk_of(flow.device)))
    pieces.append("</svg>\n")
    return "\n".join(pieces)


def _legend() -> list[str]:
    pieces = []
    at = 20
    for colour, text in ((STAYS, "stays"), (ARRIVES, "arrives"), (LEAVES, "leaves")):
        pieces.append(f'<rect x="{at}" y="48" width="14" height="14" fill="{colour}"/>')
        pieces.append(f'<text x="{at + 20}" y="60" font-size="13">{text}</text>')
        at += 100
    pieces.append(
        f'<text x="{at}" y="60" font-size="13">upper bar: before, lower bar: after</text>'
    )
    return pieces


def _device(flow: Flow, top: float, scale: float, room: Room | None) -> list[str]:
    stays = flow.bytes_before - flow.bytes_out
    title = (
        f"{disk_of(flow.device)}: {size(flow.bytes_before)} before, {size(flow.bytes_after)} after;"
        f" {size(flow.bytes_in)} arrive, {size(flow.bytes_out)} leave"
    )
    pieces = [
        "<g>",
        f"<title>{escape(title)}</title>",
        f'<text x="{LEFT - 12}" y="{top + 20}" font-size="13" text-anchor="end">'
        f"{escape(str(disk_of(flow.device)))}</text>",
        _bar(0, stays, top + 2, scale, STAYS),
        _bar(stays, flow.bytes_out, top + 2, scale, LEAVES),
        _bar(0, stays, top + 2 + BAR, scale, STAYS),
        _bar(stays, flow.bytes_in, top + 2 + BAR, scale, ARRIVES),
        f'<text x="{LEFT + max(flow.bytes_before, flow.bytes_after) * scale + 8:.1f}"'
        f' y="{top + 20}" font-size="12">{_label(flow)}</text>',
    ]
    if room is not None and room.size:
        # What is on the disk beside this ring's partitions is in the way as well.
        limit = room.size - max(0.0, room.used - flow.bytes_before)
        at = LEFT + limit * scale
        if at <= WIDTH - RIGHT:
            pieces.append(
                f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{top}" y2="{top + 2 * BAR + 4}"'
                f' stroke="{FULL}" stroke-dasharray="3 2"/>'
            )
    pieces.append("</g>")
    return pieces


def _bar(start: float, length: float, top: float, scale: float, colour: str) -> str:
    return (
        f'<rect x="{LEFT + start * scale:.1f}" y="{top:.1f}" width="{length * scale:.1f}"'
        f' height="{BAR}" fill="{colour}"/>'
    )


def _label(flow: Flow) -> str:
    parts = []
    if flow.bytes_in:
        parts.append(f"+{size(flow.bytes_in)}")
    if flow.bytes_out:
        parts.append(f"-{size(flow.bytes_out)}")
    return " ".join(parts) or size(flow.bytes_after)


def size(number: float) -> str:
    """1.5 GB: powers of a thousand, as disks are sold."""
    for unit in _UNITS[:-1]:
        if abs(number) < 1000:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.1f} {_UNITS[-1]}"
