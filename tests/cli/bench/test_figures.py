"""Latencies ranked, sizes spelled, pictures that are XML, processes and what they use."""

from __future__ import annotations

import os
import subprocess
import sys
from array import array
from xml.etree import ElementTree

import pytest

from swiftlite.cli.bench.figures import Figures, latencies_ms, spelled_bytes
from swiftlite.cli.bench.plot import plot
from swiftlite.cli.bench.processes import cpu_seconds, pss_mib, with_descendants
from swiftlite.cli.bench.report import table
from swiftlite.config.units import parse_bytes


def figures(**changes: object) -> Figures:
    values: dict[str, object] = {
        "work": "get", "size": 1024, "concurrency": 16, "requests": 1000, "errors": {},
        "seconds": 2.0, "body_bytes": 1_024_000, "cpu_s": 0.5, "own_cpu_s": 0.1,
        "latency_ms": latencies_ms(array("d", [0.001] * 999 + [0.5])),
    }  # fmt: skip
    return Figures(**{**values, **changes})  # type: ignore[arg-type]  # as written above


def test_percentiles_are_the_nearest_rank() -> None:
    found = latencies_ms(array("d", [number / 1000 for number in range(100, 0, -1)]))
    assert {name: round(value, 6) for name, value in found.items()} == {
        "mean": 50.5, "p50": 50, "p90": 90, "p95": 95, "p99": 99, "p99.9": 100, "max": 100,
    }  # fmt: skip
    assert latencies_ms(array("d", [0.002]))["p50"] == 2
    assert latencies_ms(array("d")) == {}


def test_rates_and_costs() -> None:
    one = figures()
    assert (one.per_second, one.cpu_ms) == (500, 0.5)
    assert one.cpu_s_per_gb == pytest.approx(488.28125)
    unknown = figures(cpu_s=None)
    assert (unknown.cpu_ms, unknown.cpu_s_per_gb) == (None, None)
    nothing = figures(requests=0, latency_ms={}, errors={"GET answered 503": 7})
    assert nothing.cpu_ms is None
    assert "7" in table([one, nothing]).splitlines()[2].split()


@pytest.mark.parametrize("size", [0, 1, 1000, 1024, 65_536, 1 << 20, 3 << 30])
def test_sizes_are_spelled_as_they_are_asked_for(size: int) -> None:
    assert parse_bytes(spelled_bytes(size)) == size


def test_a_plot_is_a_picture_with_a_line_for_each() -> None:
    for shown in ([], [figures()], [figures(work="a<b"), figures(latency_ms={}), figures()]):
        root = ElementTree.fromstring(plot(shown, "a & b"))
        lines = root.findall("{http://www.w3.org/2000/svg}polyline")
        assert len(lines) == sum(bool(one.latency_ms) for one in shown)


def test_processes_count_with_their_children() -> None:
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'input()'])"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE) as parent:
        while len(found := with_descendants([parent.pid])) < 2:
            assert parent.poll() is None
        assert parent.pid in found
        assert pss_mib(found) > 1
        parent.communicate(b"\n")
    assert cpu_seconds([os.getpid()]) > 0
    assert cpu_seconds(found) == 0
