"""Pictures of how costs grow, from the points that growth.py has measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tools.bench.chart import Axis, Chart, Points


class Picture(NamedTuple):
    """y: a fact of a point."""

    name: str
    what: str
    title: str
    x: Axis
    y_axis: Axis
    y: str


_OBJECTS = Axis("objects on the device", logarithmic=True)
_ROWS = Axis("rows in the container", logarithmic=True)
_CLIENTS = Axis("clients", logarithmic=True)
_SIZE = Axis("bytes in the body (0 drawn as 1)", logarithmic=True)
_WORKERS = Axis("processes")
_CPU = Axis("ms of CPU a request")
_CPU_LOG = Axis("ms of CPU a request", logarithmic=True)

PICTURES = (
    Picture("objects", "objects", "CPU a request, by objects on the device", _OBJECTS, _CPU,
            "cpu_ms"),
    Picture("rows", "rows", "CPU a request, by rows in the container", _ROWS, _CPU_LOG, "cpu_ms"),
    Picture("clients-cpu", "clients", "CPU a request, by clients", _CLIENTS, _CPU, "cpu_ms"),
    Picture("clients-rate", "clients", "Requests a second, by clients", _CLIENTS,
            Axis("requests a second"), "per_second"),
    Picture("clients-p50", "clients", "Half of the requests took at most", _CLIENTS,
            Axis("ms", logarithmic=True), "p50_ms"),
    Picture("clients-p99", "clients", "99 of 100 requests took at most", _CLIENTS,
            Axis("ms", logarithmic=True), "p99_ms"),
    Picture("sizes", "sizes", "CPU a request, by size of the body", _SIZE, _CPU_LOG, "cpu_ms"),
    Picture("sizes-gb", "sizes", "CPU a GB, by size of the body", _SIZE,
            Axis("s of CPU a GB", logarithmic=True), "cpu_s_per_gb"),
    Picture("workers-cpu", "workers", "CPU a request, by processes", _WORKERS, _CPU, "cpu_ms"),
    Picture("workers-rate", "workers", "Requests a second, by processes", _WORKERS,
            Axis("requests a second"), "per_second"),
)  # fmt: skip


def write_plots(folder: Path, points: Sequence[Mapping[str, Any]]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for picture in PICTURES:
        lines = lines_of(picture, points)
        if lines:
            chart = Chart(picture.title, picture.x, picture.y_axis, lines)
            (folder / f"growth-{picture.name}.svg").write_text(chart.svg())


def lines_of(picture: Picture, points: Sequence[Mapping[str, Any]]) -> dict[str, Points]:
    lines: dict[str, list[tuple[float, float]]] = {}
    for point in points:
        value = point.get(picture.y)
        if point["what"] == picture.what and value:
            lines.setdefault(point["name"], []).append((max(1, point["at"]), value))
    return {name: sorted(line) for name, line in lines.items()}
