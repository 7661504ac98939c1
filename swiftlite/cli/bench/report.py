"""Figures for people: a table, and a progress bar while they are not there yet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

from swiftlite.cli.bench.figures import Figures

_BAR = 30
_COLUMNS = ("work", "requests/s", "MB/s", "p50 ms", "p99 ms", "max ms", "errors", "server CPU")


def table(figures: Sequence[Figures]) -> str:
    rows = [_COLUMNS, *map(_row, figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
    lines = []
    for row in rows:
        first, *others = row
        cells = [first.ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True)]
        lines.append("  ".join(cells))
    return "\n".join(lines)


def _row(one: Figures) -> tuple[str, ...]:
    latency = one.latency_ms
    return (
        one.label,
        f"{one.per_second:.1f}",
        f"{one.body_bytes / one.seconds / 1e6:.1f}",
        *(f"{latency[name]:.2f}" if latency else "-" for name in ("p50", "p99", "max")),
        str(sum(one.errors.values())),
        _cpu(one),
    )


def _cpu(one: Figures) -> str:
    if one.cpu_ms is None:
        return "-"
    if one.size >= 1 << 20 and one.cpu_s_per_gb is not None:
        return f"{one.cpu_s_per_gb:.2f} s/GB"
    return f"{one.cpu_ms:.3f} ms"


class Bar:
    """A line that is written over again; nothing where nobody watches."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._shown = out.isatty()

    def show(self, label: str, share: float) -> None:
        if self._shown:
            full = round(_BAR * min(1.0, share))
            self._out.write(f"\r\x1b[K[{'#' * full}{'.' * (_BAR - full)}] {label}")
            self._out.flush()

    def clear(self) -> None:
        if self._shown:
            self._out.write("\r\x1b[K")
            self._out.flush()
