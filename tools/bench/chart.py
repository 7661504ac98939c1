"""A chart as a picture: lines over a common axis. Plain SVG without anything from elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, log10

WIDTH, HEIGHT = 860, 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 80, 230, 40, 56
_COLOURS = ("#1b6ca8", "#d1495b", "#2e933c", "#edae49", "#7b4b94", "#00798c", "#8d5524", "#555555")
_TICKS = 6
Points = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Axis:
    """logarithmic: by powers of ten; values must be above zero then."""

    label: str
    logarithmic: bool = False

    def span(self, values: Iterable[float]) -> tuple[float, float]:
        found = list(values)
        low, high = min(found), max(found)
        if self.logarithmic:
            low, high = 10.0 ** floor(log10(low)), 10.0 ** ceil(log10(high))
            return low, high if high > low else low * 10
        return min(0.0, low), high if high > 0 else 1.0

    def ticks(self, low: float, high: float) -> list[float]:
        if self.logarithmic:
            return [10.0**power for power in range(round(log10(low)), round(log10(high)) + 1)]
        step = 10.0 ** floor(log10((high - low) / _TICKS))
        step *= next(factor for factor in (1, 2, 5, 10) if (high - low) / (step * factor) <= _TICKS)
        return [n * step for n in range(ceil(low / step), floor(high / step) + 1)]

    def share(self, value: float, low: float, high: float) -> float:
        """Where the value lies, from 0 to 1."""
        if self.logarithmic:
            return (log10(value) - log10(low)) / (log10(high) - log10(low))
        return (value - low) / (high - low)


@dataclass(frozen=True, slots=True)
class Chart:
    title: str
    x: Axis
    y: Axis
    lines: Mapping[str, Points]

    def svg(self) -> str:
        points = [point for line in self.lines.values() for point in line]
        assert points, self.title
        across = self.x.span(point[0] for point in points)
        up = self.y.span(point[1] for point in points)
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
            'font-family="sans-serif" font-size="13">',
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
            _text(_LEFT, 24, self.title, size=16),
            *self._axes(across, up),
        ]
        for number, (label, line) in enumerate(self.lines.items()):
            colour = _COLOURS[number % len(_COLOURS)]
            places = [self._place(point, across, up) for point in line]
            path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
            parts.append(
                f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
            )
            if len(places) <= 20:
                parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>'
                          for x, y in places]  # fmt: skip
            at, left = _TOP + 12 + number * 20, WIDTH - _RIGHT + 16
            parts.append(f'<rect x="{left}" y="{at - 9}" width="12" height="10" fill="{colour}"/>')
            parts.append(_text(left + 18, at, label))
        return "\n".join([*parts, "</svg>\n"])

    def _place(
        self, point: tuple[float, float], across: tuple[float, float], up: tuple[float, float]
    ) -> tuple[float, float]:
        return (
            _LEFT + (WIDTH - _RIGHT - _LEFT) * self.x.share(point[0], *across),
            HEIGHT - _BOTTOM - (HEIGHT - _BOTTOM - _TOP) * self.y.share(point[1], *up),
        )

    def _axes(self, across: tuple[float, float], up: tuple[float, float]) -> list[str]:
        right, bottom = WIDTH - _RIGHT, HEIGHT - _BOTTOM
        parts = []
        for tick in self.y.ticks(*up):
            _, y = self._place((across[0], tick), across, up)
            parts.append(f'<path d="M{_LEFT} {y:.1f}H{right}" stroke="#dddddd"/>')
            parts.append(_text(_LEFT - 8, y + 4, spelled(tick), anchor="end"))
        for tick in self.x.ticks(*across):
            x, _ = self._place((tick, up[0]), across, up)
            parts.append(f'<path d="M{x:.1f} {_TOP}V{bottom}" stroke="#eeeeee"/>')
            parts.append(_text(x, bottom + 20, spelled(tick), anchor="middle"))
        parts.append(_text((_LEFT + right) / 2, bottom + 42, self.x.label, anchor="middle"))
        parts.append(
            f'<text transform="translate(18 {(_TOP + bottom) / 2:.1f}) rotate(-90)" '
            f'text-anchor="middle">{escape(self.y.label)}</text>'
        )
        return parts


def spelled(value: float) -> str:
    """1200000 -> 1.2M: short enough for a tick."""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if abs(value) >= size:
            return f"{value / size:.3g}{unit}"
    return f"{value:.3g}"


def _text(x: float, y: float, text: str, *, anchor: str = "start", size: int = 13) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}">'
        f"{escape(text)}</text>"
    )
