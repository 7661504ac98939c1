"""How clients fare while one of four nodes is dead, and for how long nobody's write is taken.

    python -m tools.acceptance.chaos_dead_node [--seconds 30] [--json FILE] [--clients 8]

The embedded cluster with each node in a network namespace. One node after the other dies in another
way: its cable is pulled (silence), its servers are killed and killed again (refused connections),
they are stopped (connections that nobody serves). Needs root. Exit code 1 when less than 99.9 % of
the requests of any death were answered well, or no write was acknowledged for a second.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from tools.acceptance.chaos import CONTAINERS, Cluster
from tools.acceptance.chaos_faults import processes
from tools.acceptance.chaos_workload import WELL, Client, Worker

REST_S = 10.0
_AGAIN_S = 0.05
WELL_PERCENT, GAP_S = 99.9, 1.0


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=30.0, help="how long each death lasts")
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--dir", help="the cluster's folder (a temporary one)")
    parser.add_argument("--port", type=int, default=18_080)
    parser.add_argument("--storage-port", type=int, default=18_100)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    root = Path(options.dir or tempfile.mkdtemp(prefix="dead-node-")).resolve()
    with Cluster(root, options.port, options.storage_port, networked=True) as cluster:
        found = _exercise(cluster, options)
    shutil.rmtree(root, ignore_errors=True)
    print(json.dumps(found, indent=1))
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n")
    deaths = [one for name, one in found.items() if name != "alive"]
    bad = [d for d in deaths if d["well %"] < WELL_PERCENT or d["longest gap s"] >= GAP_S]
    return 1 if bad else 0


def _exercise(cluster: Cluster, options: argparse.Namespace) -> dict[str, dict[str, Any]]:
    client = Client(cluster.port).log_in()
    for container in CONTAINERS:
        assert client.ask("PUT", f"/{container}")[0] == 201
    stopped = threading.Event()
    workers = [
        Worker(number, cluster.port, CONTAINERS, 1, stopped) for number in range(options.clients)
    ]
    for worker in workers:
        worker.start()
    spans: dict[str, tuple[float, float]] = {}
    time.sleep(REST_S)
    began = time.monotonic()
    time.sleep(options.seconds)
    spans["alive"] = began, time.monotonic()
    for node, (name, dead) in enumerate(DEATHS.items(), 1):
        with dead(cluster, node):
            began = time.monotonic()
            time.sleep(options.seconds)
            spans[name] = began, time.monotonic()
        time.sleep(REST_S)
    stopped.set()
    for worker in workers:
        worker.join()
    return {name: _figures(workers, *span) for name, span in spans.items()}


def _figures(workers: list[Worker], began: float, ended: float) -> dict[str, Any]:
    """Of the requests that were asked between two moments."""
    asked = [one for worker in workers for one in worker.answers if began <= one[0] < ended]
    well = [one for one in asked if one[2] in WELL]
    writes = sorted(at for worker in workers for at in worker.writes if began <= at < ended)
    gaps = [late - early for early, late in pairwise([began, *writes, ended])]
    waits = sorted(late - early for early, late, _ in asked)
    return {
        "requests": len(asked),
        "well %": round(100 * len(well) / max(len(asked), 1), 3),
        "statuses": dict(sorted(Counter(status for _, _, status in asked).items())),
        "longest gap s": round(max(gaps), 2),
        "p50 s": round(waits[len(waits) // 2], 3),
        "p99 s": round(waits[int(len(waits) * 0.99)], 3),
        "slowest s": round(waits[-1], 2),
    }


@contextlib.contextmanager
def _cut_off(cluster: Cluster, node: int) -> Iterator[None]:
    assert cluster.network is not None
    cluster.network.cut_off(node)
    yield
    cluster.network.join(node)


@contextlib.contextmanager
def _killed(cluster: Cluster, node: int) -> Iterator[None]:
    """Its parent starts again what dies; so it dies again."""
    over = threading.Event()

    def kill() -> None:
        while not over.is_set():
            for pid in processes(cluster.root, node).values():
                _signal(pid, signal.SIGKILL)
            time.sleep(_AGAIN_S)

    killer = threading.Thread(target=kill)
    killer.start()
    yield
    over.set()
    killer.join()


@contextlib.contextmanager
def _stopped(cluster: Cluster, node: int) -> Iterator[None]:
    pids = list(processes(cluster.root, node).values())
    for pid in pids:
        _signal(pid, signal.SIGSTOP)
    yield
    for pid in pids:
        _signal(pid, signal.SIGCONT)


DEATHS: dict[str, Callable[[Cluster, int], contextlib.AbstractContextManager[None]]] = {
    "cable pulled": _cut_off,
    "killed": _killed,
    "stopped": _stopped,
}


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


if __name__ == "__main__":
    sys.exit(main())
