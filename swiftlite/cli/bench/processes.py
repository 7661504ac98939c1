"""What server processes have used so far: CPU time and memory, as Linux counts them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

TICK_S = 1 / os.sysconf("SC_CLK_TCK")


def with_descendants(roots: Iterable[int]) -> set[int]:
    """These processes and all that they have started, as far as it still runs."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := _stat_fields(int(entry.name))):
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found: set[int] = set()
    queue = list(roots)
    while queue:
        pid = queue.pop()
        if pid not in found:
            found.add(pid)
            queue += children.get(pid, [])
    return found


class CpuTime(NamedTuple):
    """Seconds."""

    user: float
    system: float


def cpu_time(pids: Iterable[int]) -> CpuTime:
    """Of these together, in steps of 10 ms; nothing for those that have ended."""
    user = system = 0
    for pid in pids:
        if fields := _stat_fields(pid):
            user += int(fields[11])
            system += int(fields[12])
    return CpuTime(user * TICK_S, system * TICK_S)


def cpu_seconds(pids: Iterable[int]) -> float:
    """User and system time of these."""
    return sum(cpu_time(pids))


def pss_mib(pids: Iterable[int]) -> float:
    """Memory in MiB, what is shared divided among those who share it; 0 where it is not told."""
    kib = 0
    for pid in pids:
        try:
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except OSError:
            continue
        match = re.search(r"^Pss:\s+(\d+)", rollup, re.M)
        kib += int(match.group(1)) if match else 0
    return kib / 1024


def _stat_fields(pid: int) -> list[str]:
    """Fields of /proc/PID/stat from the state on; empty when the process has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
