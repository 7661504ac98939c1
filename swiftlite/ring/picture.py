"""A ring drawn as SVG: regions inside, zones and servers around them, devices outermost.

A wedge is as wide as its weight. A device's bar is as long as what it holds of its share: the dark
circle is exactly its share, so a bar beyond it has too much and one short of it too little.
Names appear where there is room for them, beside the bar with the weight or, where bars are wide,
on it with what it holds; and always when the pointer rests on a wedge.
"""

from __future__ import annotations

from colorsys import hls_to_rgb
from html import escape
from math import cos, pi, sin

from .builder import RingBuilder
from .device import Device
from .tiers import ROOT, TierTree, tier_name

WIDTH, HEIGHT = 1640, 1320
CENTRE_X, CENTRE_Y = 660, 660
# Inner and outer radius of the circles of regions, zones and servers.
RADII = {1: (118, 188), 2: (192, 266), 3: (270, 336)}
BASE, SHARE, BAR_MAX = 342, 470, 1.35
LABEL = 522
LABEL_ARC_MIN = 10.5  # px of circumference that a name of a device needs
INSIDE_ARC_MIN = 170.0  # px with which name, weight and partitions fit on the bar itself
HUES = (210, 28, 140, 280, 55, 330, 175, 0, 250, 95)
EVEN, OVER, UNDER, DRAINED = "#2a9d8f", "#d1495b", "#3d6fb6", "#8d8d8d"
TOLERANCE = 5.0  # percent from its share that counts as even
WORST_SHOWN = 12


def draw(builder: RingBuilder) -> str:
    """The whole SVG document."""
    devices = builder.listed()
    tree = TierTree.of(devices)
    shares = _wedge_weights(tree, devices)
    pieces = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}"'
        f' viewBox="0 0 {WIDTH} {HEIGHT}" font-family="Helvetica, Arial, sans-serif">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
    ]
    if shares[ROOT]:
        _draw_node(pieces, tree, builder, builder.balances(), shares, ROOT, 0.0, 1.0, HUES[0], 0)
        pieces.append(
            f'<circle cx="{CENTRE_X}" cy="{CENTRE_Y}" r="{SHARE}" fill="none" stroke="#222222"'
            ' stroke-width="1.2" stroke-dasharray="5 4"/>'
        )
    pieces += _centre(builder)
    pieces += _legend(builder)
    pieces.append("</svg>\n")
    return "\n".join(pieces)


def _wedge_weights(tree: TierTree, devices: list[Device]) -> list[float]:
    """Weights, with a sliver for devices without any, so that they can be seen."""
    weights = [device.weight for device in devices]
    sliver = (sum(weights) / len(weights) / 4 if sum(weights) else 1.0) if weights else 1.0
    return tree.summed({device.id: device.weight or sliver for device in devices})


def _draw_node(
    pieces: list[str],
    tree: TierTree,
    builder: RingBuilder,
    balances: dict[int, float],
    shares: list[float],
    node: int,
    start: float,
    stop: float,
    hue: int,
    place: int,
) -> None:
    """A domain's wedge between two fractions of a turn, and everything inside it."""
    level = tree.level[node]
    if level == 4:
        _draw_device(pieces, builder, balances, tree.device[node], start, stop)
        return
    if level:
        inner, outer = RADII[level]
        lightness = {1: 62, 2: 74, 3: 86}[level] + (5 if place % 2 else 0)
        held = sum(
            builder.held().get(number, 0)
            for number, path in tree.path.items()
            if path[level - 1] == node
        )
        label = tier_name(tree.tier[node])
        title = f"{label}: {held} replicas of partitions"
        pieces.append(_wedge(inner, outer, start, stop, _colour(hue, lightness), title, "#ffffff"))
        _label(pieces, _short_name(tree, node), (inner + outer) / 2, start, stop, outer - inner)
    at = start
    for index, child in enumerate(tree.children[node]):
        width = (stop - start) * shares[child] / shares[node]
        colour = HUES[index % len(HUES)] if node == ROOT else hue
        _draw_node(pieces, tree, builder, balances, shares, child, at, at + width, colour, index)
        at += width


def _short_name(tree: TierTree, node: int) -> str:
    tier = tree.tier[node]
    return {1: f"region {tier[0]}", 2: f"zone {tier[-1]}", 3: str(tier[-1])}[len(tier)]


def _draw_device(
    pieces: list[str],
    builder: RingBuilder,
    balances: dict[int, float],
    number: int,
    start: float,
    stop: float,
) -> None:
    device = builder.device(number)
    held = builder.held().get(number, 0)
    balance = balances[number]
    title = (
        f"d{number} {device.ip}:{device.port}/{device.device} weight {device.weight:g}:"
        f" {held} partitions, {balance:+.2f}%"
    )
    pieces.append(_wedge(BASE, SHARE, start, stop, "#e9e9e9", title, "#ffffff"))
    if not device.weight:
        length, colour = (1.0 if held else 0.0), DRAINED
        name = f"{device.device} (leaving)" if number in builder.removed else f"{device.device} (0)"
    else:
        length = min(BAR_MAX, 1 + balance / 100)
        colour = EVEN if abs(balance) <= TOLERANCE else OVER if balance > 0 else UNDER
        name = device.device
    if length > 0:
        outer = BASE + (SHARE - BASE) * length
        pieces.append(_wedge(BASE, outer, start, stop, colour, title, "#ffffff"))
    room = (stop - start) * 2 * pi * LABEL
    if room >= INSIDE_ARC_MIN:
        lines = [
            f"d{number} {name}"[:22],
            f"weight {device.weight:g}",
            f"holds {held}",
            f"{balance:+.2f}%" if device.weight else "",
        ]
        _lines(pieces, lines, (start + stop) / 2, min(1.0, length))
    elif room >= LABEL_ARC_MIN:
        text = f"d{number} {name}  {device.weight:g}"
        _outer_label(pieces, text, (start + stop) / 2, 13 if room > 40 else 10)


def _colour(hue: int, lightness: int) -> str:
    """As #rrggbb, which every viewer knows."""
    red, green, blue = hls_to_rgb(hue / 360, lightness / 100, 0.45)
    return f"#{round(255 * red):02x}{round(255 * green):02x}{round(255 * blue):02x}"


def _point(radius: float, turn: float) -> tuple[float, float]:
    """Turns clockwise from twelve o'clock."""
    angle = 2 * pi * turn - pi / 2
    return CENTRE_X + radius * cos(angle), CENTRE_Y + radius * sin(angle)


def _wedge(
    inner: float, outer: float, start: float, stop: float, fill: str, title: str, line: str
) -> str:
    stop = min(stop, start + 0.9999)  # An arc cannot be a full circle.
    large = 1 if stop - start > 0.5 else 0
    (ax, ay), (bx, by) = _point(outer, start), _point(outer, stop)
    (cx, cy), (dx, dy) = _point(inner, stop), _point(inner, start)
    stroke = 1.0 if (stop - start) * 2 * pi * inner > 5 else 0.25
    return (
        f'<path d="M{ax:.2f} {ay:.2f}A{outer:.1f} {outer:.1f} 0 {large} 1 {bx:.2f} {by:.2f}'
        f'L{cx:.2f} {cy:.2f}A{inner:.1f} {inner:.1f} 0 {large} 0 {dx:.2f} {dy:.2f}Z"'
        f' fill="{fill}" stroke="{line}" stroke-width="{stroke}">'
        f"<title>{escape(title)}</title></path>"
    )


def _label(
    pieces: list[str], text: str, radius: float, start: float, stop: float, depth: float
) -> None:
    """A domain's name: along the circle where there is room, else pointing outwards, else not."""
    arc = (stop - start) * 2 * pi * radius
    size = 13.0
    if arc >= len(text) * size * 0.62 + 4:
        turn = (start + stop) / 2
        x, y = _point(radius, turn)
        angle = 360 * turn
        if 90 < angle % 360 < 270:
            angle += 180
    elif arc >= 9 and depth >= len(text) * min(size, arc * 0.9) * 0.42:
        size = min(11.0, arc * 0.9, depth / (len(text) * 0.56))
        if size < 6.5:
            return
        turn = (start + stop) / 2
        x, y = _point(radius, turn)
        angle = 360 * turn - 90 + (180 if turn > 0.5 else 0)
    else:
        return
    pieces.append(
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size:.1f}" text-anchor="middle"'
        f' dy="0.35em" transform="rotate({angle:.1f} {x:.1f} {y:.1f})"'
        f' pointer-events="none">{escape(text)}</text>'
    )


def _lines(pieces: list[str], lines: list[str], turn: float, length: float) -> None:
    """Upright text in the middle of a bar, or of what a short one leaves open."""
    on_bar = length >= 0.6
    x, y = _point(BASE + (SHARE - BASE) / 2 * (length if on_bar else 1 + length), turn)
    look = 'fill="#ffffff"' if on_bar else 'stroke="#ffffff" stroke-width="3" paint-order="stroke"'
    pieces += [
        f'<text x="{x:.1f}" y="{y + 18 * (place - 1.5):.1f}" font-size="15" text-anchor="middle"'
        f' {look} dy="0.35em" pointer-events="none">{escape(line)}</text>'
        for place, line in enumerate(lines)
    ]


def _outer_label(pieces: list[str], text: str, turn: float, size: int) -> None:
    x, y = _point(LABEL, turn)
    text = text[:26]
    fitting = (CENTRE_X - LABEL - 6) / (0.62 * len(text))
    left = turn > 0.5
    angle = 360 * turn - 90 + (180 if left else 0)
    pieces.append(
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{min(size, fitting):.1f}" dy="0.35em"'
        f' text-anchor="{"end" if left else "start"}"'
        f' transform="rotate({angle:.1f} {x:.1f} {y:.1f})">{escape(text)}</text>'
    )


def _centre(builder: RingBuilder) -> list[str]:
    lines = [
        f"2^{builder.part_power} partitions",
        f"{builder.replica_count:g} replicas",
        f"{len(builder.listed())} devices",
        f"balance {builder.balance():.2f}" if builder.listed() else "no devices",
        f"dispersion {builder.dispersion or 0.0:.2f}" if builder.rebalanced else "not rebalanced",
    ]
    return [
        f'<text x="{CENTRE_X}" y="{CENTRE_Y + 22 * (place - 2)}" font-size="16"'
        f' text-anchor="middle" dy="0.35em">{escape(line)}</text>'
        for place, line in enumerate(lines)
    ]


def _legend(builder: RingBuilder) -> list[str]:
    """What the colours mean, and the devices farthest from their share."""
    x, y = 1330, 60
    pieces = [_text(x, y, "Assigned against weight", 18, bold=True)]
    entries = (
        (EVEN, f"within {TOLERANCE:g}% of its share"),
        (OVER, "holds more than its share"),
        (UNDER, "holds less than its share"),
        (DRAINED, "weight 0: is being emptied"),
        ("#e9e9e9", "share not filled"),
    )
    for place, (colour, words) in enumerate(entries):
        top = y + 24 + 26 * place
        pieces.append(f'<rect x="{x}" y="{top}" width="18" height="18" fill="{colour}"/>')
        pieces.append(_text(x + 28, top + 9, words, 14))
    top = y + 24 + 26 * len(entries)
    pieces.append(
        f'<path d="M{x} {top + 9}h18" stroke="#222222" stroke-width="1.2" stroke-dasharray="5 4"/>'
    )
    pieces.append(_text(x + 28, top + 9, "exactly its share by weight", 14))
    pieces.append(_text(x, top + 52, "Farthest from their share", 18, bold=True))
    ranked = sorted(builder.balances().items(), key=lambda item: (-abs(item[1]), item[0]))[
        :WORST_SHOWN
    ]
    for place, (number, balance) in enumerate(ranked):
        device = builder.device(number)
        line = f"d{number} r{device.region}z{device.zone} {device.ip}/{device.device}"
        line_y = top + 82 + 22 * place
        pieces.append(_text(x, line_y, line[:30], 13))
        pieces.append(_text(WIDTH - 16, line_y, f"{balance:+.2f}%", 13, anchor="end"))
    return pieces


def _text(
    x: float, y: float, text: str, size: int, *, bold: bool = False, anchor: str = "start"
) -> str:
    weight = ' font-weight="bold"' if bold else ""
    return (
        f'<text x="{x}" y="{y}" font-size="{size}"{weight} text-anchor="{anchor}"'
        f' dy="0.35em">{escape(text)}</text>'
    )
