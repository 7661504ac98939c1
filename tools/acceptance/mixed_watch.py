"""What the processes of a cluster hold, looked at again and again, and whether it grows.

Growth is a slope, not a difference of two moments: what Python's allocator and SQLite's caches take
at first, and the saw of their working, must not decide. So the first part is left out, the slope
between all pairs of samples is taken (its median, Theil and Sen's estimate), and it has to be
more than the spread of a level line.
"""

from __future__ import annotations

import os
import re
import statistics
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

from swiftlite.cli.bench.processes import pss_mib, with_descendants

TOTAL = "all processes"
_SERVER = re.compile(r"(account|container|object)-\d+|proxy(\.\d+)?")
_PRESENT = 0.8  # of the samples a process has to be in, to be judged by itself


class Use(NamedTuple):
    pid: int
    pss_mib: float
    descriptors: int
    threads: int


class Sample(NamedTuple):
    moment: float
    uses: dict[str, Use]

    def total(self) -> Use:
        uses = self.uses.values()
        return Use(
            0,
            sum(use.pss_mib for use in uses),
            sum(use.descriptors for use in uses),
            sum(use.threads for use in uses),
        )


class Growth(NamedTuple):
    """Of one process, or of all: what it held in the middle, and how much more an hour."""

    process: str
    what: str
    median: float
    per_hour: float
    allowed_per_hour: float

    @property
    def is_fault(self) -> bool:
        return self.per_hour > self.allowed_per_hour


@dataclass(frozen=True, slots=True)
class Allowed:
    """An hour's growth that is no fault: at_least, or that share of the median."""

    at_least: float
    share: float

    def of(self, median: float) -> float:
        return max(self.at_least, self.share * median)


MEMORY = Allowed(2.0, 0.08)
DESCRIPTORS = Allowed(6.0, 0.10)
THREADS = Allowed(2.0, 0.10)
TOTAL_MEMORY = Allowed(12.0, 0.03)


def take_sample(root: Path, parent: int, moment: float) -> Sample:
    """Of a cluster in root, run by that process. Servers and daemons are called by their pid
    files, their workers by a number behind that."""
    names = {}
    for file in (root / "run").glob("*.pid"):
        text = file.read_text().split()
        if text:
            names[int(text[0])] = file.stem
    uses: dict[str, Use] = {}
    for pid in sorted(with_descendants([parent])):
        try:
            parent_pid, threads = _stat(pid)
            name = names.get(pid) or _worker_name(names.get(parent_pid, "cluster"), uses)
            uses[name] = Use(pid, pss_mib([pid]), len(os.listdir(f"/proc/{pid}/fd")), threads)
        except OSError:
            continue  # it has ended meanwhile
    return Sample(moment, uses)


def _worker_name(parent: str, taken: dict[str, Use]) -> str:
    number = 1
    while f"{parent}.{number}" in taken:
        number += 1
    return f"{parent}.{number}"


def _stat(pid: int) -> tuple[int, int]:
    """Its parent, and how many threads it has."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[1]), int(fields[17])


def growth(samples: list[Sample], warm_up: float) -> list[Growth]:
    """Of everything that was there most of the time after the warm-up, and of all together."""
    warm = [sample for sample in samples if sample.moment >= warm_up]
    if len(warm) < 3:
        return []
    totals = [(sample.moment, sample.total()) for sample in warm]
    found = [
        _growth(TOTAL, "MiB PSS", [(at, use.pss_mib) for at, use in totals], TOTAL_MEMORY),
        _growth(TOTAL, "descriptors", [(at, use.descriptors) for at, use in totals], DESCRIPTORS),
    ]
    for name in sorted({name for sample in warm for name in sample.uses}):
        uses = [(one.moment, one.uses[name]) for one in warm if name in one.uses]
        if len(uses) < _PRESENT * len(warm):
            continue
        found.append(_growth(name, "MiB PSS", [(at, use.pss_mib) for at, use in uses], MEMORY))
        found.append(
            _growth(name, "descriptors", [(at, use.descriptors) for at, use in uses], DESCRIPTORS)
        )
        found.append(_growth(name, "threads", [(at, use.threads) for at, use in uses], THREADS))
    return found


def _growth(process: str, what: str, points: list[tuple[float, float]], allowed: Allowed) -> Growth:
    median = statistics.median(value for _, value in points)
    return Growth(process, what, median, slope(points) * 3600, allowed.of(median))


def slope(points: list[tuple[float, float]]) -> float:
    """The median of the slopes between all pairs."""
    return statistics.median(
        (later[1] - earlier[1]) / (later[0] - earlier[0])
        for earlier, later in combinations(points, 2)
    )


def restarted(samples: list[Sample]) -> list[str]:
    """Servers that are another process than they were: these must not end by themselves."""
    pids: dict[str, set[int]] = {}
    for sample in samples:
        for name, use in sample.uses.items():
            if _SERVER.fullmatch(name):
                pids.setdefault(name, set()).add(use.pid)
    return sorted(name for name, seen in pids.items() if len(seen) > 1)
