"""Latencies as a picture: a line for each work, percentiles from left to right, time upwards.

Plain SVG without anything from elsewhere. Both axes are logarithmic: to the right come the few
slow requests, which is where systems differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from math import floor, log10

from swiftlite.cli.bench.figures import Figures

_WIDTH, _HEIGHT = 900, 460
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 330, 40, 50
_COLOURS = ("#1b6ca8", "#d1495b", "#2e933c", "#edae49", "#7b4b94", "#00798c", "#8d5524", "#555555")
_POINTS = ("p50", "p90", "p99", "p99.9")


def plot(figures: Sequence[Figures], title: str) -> str:
    """An SVG document."""
    shown = [one for one in figures if one.latency_ms]
    values = [one.latency_ms[name] for one in shown for name in _POINTS] or [1.0]
    low, high = floor(log10(max(1e-3, min(values)))), floor(log10(max(values))) + 1
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        'font-family="sans-serif" font-size="13">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
        _text(_LEFT, 22, title, size=16),
        *_axes(low, high),
    ]
    for number, one in enumerate(shown):
        colour = _COLOURS[number % len(_COLOURS)]
        path = " ".join(
            f"{_x(index):.1f},{_y(one.latency_ms[name], low, high):.1f}"
            for index, name in enumerate(_POINTS)
        )
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        at = _TOP + 14 + number * 20
        parts.append(
            f'<rect x="{_WIDTH - _RIGHT + 20}" y="{at - 9}" width="12" height="10" '
            f'fill="{colour}"/>'
        )
        parts.append(
            _text(_WIDTH - _RIGHT + 38, at, f"{one.label}: {one.per_second:,.0f}/s{_cpu(one)}")
        )
    return "\n".join([*parts, "</svg>\n"])


def _axes(low: int, high: int) -> list[str]:
    right, bottom = _WIDTH - _RIGHT, _HEIGHT - _BOTTOM
    parts = []
    for power in range(low, high + 1):
        y = _y(10.0**power, low, high)
        parts.append(f'<path d="M{_LEFT} {y:.1f}H{right}" stroke="#dddddd"/>')
        parts.append(_text(_LEFT - 8, y + 4, f"{10.0**power:g} ms", anchor="end"))
    for index, name in enumerate(_POINTS):
        parts.append(f'<path d="M{_x(index):.1f} {_TOP}V{bottom}" stroke="#eeeeee"/>')
        parts.append(_text(_x(index), bottom + 20, name.replace("p", "") + " %", anchor="middle"))
    parts.append(
        _text((_LEFT + right) / 2, bottom + 40, "of requests took at most", anchor="middle")
    )
    return parts


def _cpu(one: Figures) -> str:
    return "" if one.cpu_ms is None else f", {one.cpu_ms:.2f} ms CPU"


def _x(index: int) -> float:
    return _LEFT + (_WIDTH - _RIGHT - _LEFT) * index / (len(_POINTS) - 1)


def _y(milliseconds: float, low: int, high: int) -> float:
    share = (log10(max(1e-3, milliseconds)) - low) / (high - low)
    return _HEIGHT - _BOTTOM - share * (_HEIGHT - _BOTTOM - _TOP)


def _text(x: float, y: float, text: str, *, anchor: str = "start", size: int = 13) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}">'
        f"{escape(text)}</text>"
    )
