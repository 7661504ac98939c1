"""The mixed load told to people: a table of latencies, what grew, the verdict, and pictures."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tools.acceptance.mixed_journal import Journal
from tools.acceptance.mixed_watch import TOTAL, Sample
from tools.bench.chart import Axis, Chart

_SHOWN = ("p50", "p99", "p99.9", "max")
_PICTURED = ("PUT", "GET", "HEAD", "DELETE", "POST", "LIST", "PUT large", "GET large")
_MINUTES = Axis("minutes since the load began")


def text(found: Mapping[str, Any]) -> str:
    """As Markdown."""
    seconds, requests = found["seconds"], found["requests"]
    lines = [
        f"{found['clients']} clients, {seconds / 60:.1f} minutes, {requests} requests "
        f"({requests / seconds:.0f} a second), {found['bytes_read'] / 1e9:.1f} GB read and "
        f"compared; CPU: servers and daemons {found['server_cpu_s'] / seconds * 100:.0f} %, the "
        f"load itself {found['own_cpu_s'] / seconds * 100:.0f} % of a core; rows seen more than "
        f"30 s late: {found['late_rows']}",
        "",
        "| request | number | " + " | ".join(f"{name} ms" for name in _SHOWN) + " |",
        "|" + " --- |" * (len(_SHOWN) + 2),
    ]
    for kind, latency in found["latency_ms"].items():
        cells = " | ".join(f"{latency[name]:.1f}" for name in _SHOWN)
        lines.append(f"| {kind} | {latency['requests']:.0f} | {cells} |")
    lines += ["", *_windows(found["windows"]), ""]
    for one in found["growth"]:
        if one["process"] == TOTAL:
            lines.append(
                f"{one['process']}: {one['median']:.1f} {one['what']}, {one['per_hour']:+.1f} an "
                f"hour after the warm-up (allowed {one['allowed_per_hour']:.1f})"
            )
    lines += [f"WRONG {fault}" for fault in found["faults"]]
    lines += [f"  such as {example}" for example in found["examples"]]
    lines.append("WRONG" if found["faults"] else "no error and no growth")
    return "\n".join(lines)


def _windows(windows: Mapping[str, list[tuple[float, dict[str, float]]]]) -> list[str]:
    """p99 of the commonest requests in each five minutes."""
    kinds = [kind for kind in _PICTURED if kind in windows]
    lines = [
        "p99 in ms, for each five minutes:",
        "",
        "| until minute | " + " | ".join(kinds) + " |",
        "|" + " --- |" * (len(kinds) + 1),
    ]
    by_kind = {kind: {at: latency["p99"] for at, latency in windows[kind]} for kind in kinds}
    for at in sorted({at for moments in by_kind.values() for at in moments}):
        cells = (f"{by_kind[kind][at]:.1f}" if at in by_kind[kind] else "" for kind in kinds)
        lines.append(f"| {at:.0f} | " + " | ".join(cells) + " |")
    return lines


def write_plots(folder: Path, samples: list[Sample], journal: Journal) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if samples:
        memory: dict[str, list[tuple[float, float]]] = {}
        descriptors: dict[str, list[tuple[float, float]]] = {}
        for sample in samples:
            at = sample.moment / 60
            total = sample.total()
            memory.setdefault(TOTAL, []).append((at, total.pss_mib))
            descriptors.setdefault(TOTAL, []).append((at, total.descriptors))
            for kind in ("proxy", "object", "container", "account", "others"):
                uses = [use for name, use in sample.uses.items() if _kind(name) == kind]
                memory.setdefault(kind, []).append((at, sum(use.pss_mib for use in uses)))
                descriptors.setdefault(kind, []).append((at, sum(use.descriptors for use in uses)))
        for name, title, label, lines in (
            ("mixed-memory", "Memory under mixed load", "MiB (PSS)", memory),
            ("mixed-descriptors", "Descriptors under mixed load", "open", descriptors),
        ):
            (folder / f"{name}.svg").write_text(Chart(title, _MINUTES, Axis(label), lines).svg())
    waits = {
        kind: [(at, latency["p99"]) for at, latency in windows]
        for kind, windows in journal.by_window().items()
        if kind in _PICTURED
    }
    chart = Chart("99 of 100 requests took at most", _MINUTES, Axis("ms", logarithmic=True), waits)
    (folder / "mixed-latencies.svg").write_text(chart.svg())


def _kind(process: str) -> str:
    """Servers by their kind; daemons and the parent are the others."""
    kind, _, rest = process.partition("-")
    if kind.startswith("proxy"):
        return "proxy"
    return kind if rest.partition(".")[0].isdigit() else "others"
