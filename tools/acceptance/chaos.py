"""Chaos with real processes on an embedded cluster, and whether it heals by itself.

Eight clients write, read and delete while storage processes are killed or stopped, devices are
unmounted or wiped, and nodes lose their network (each is in a network namespace; --no-network
leaves all of them on loopback, which needs no root). After the faults stop the background passes
have to bring everything in order: no acknowledged PUT lost, no DELETE undone, listings equal
objects, counts exact, replicas equal, in their bytes and metadata too.

Usage: python -m tools.acceptance.chaos [--seed N] [--seconds 120] [--dir DIR] [--json FILE]
Exit code 0 when the cluster healed, 1 when not. What was wrong is printed; then DIR stays, with the
cluster's logs, journal.txt (all requests and their answers), faults.txt and the disks as they are.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

from tools.acceptance.chaos_faults import Faults
from tools.acceptance.chaos_network import Network, enter
from tools.acceptance.chaos_verdict import Verdict
from tools.acceptance.chaos_workload import WELL, Client, History, Worker, wall_clock

REPOSITORY = Path(__file__).resolve().parents[2]
NODES = 4
WORKERS = 8
CONTAINERS = ["c1", "c2", "c3", "c-ü"]
HEALED_WITHIN_S = 180.0
PAUSE_S = 2.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=120.0, help="for how long things go wrong")
    parser.add_argument("--dir", help="the cluster's folder (a temporary one)")
    parser.add_argument("--port", type=int, default=18_080)
    parser.add_argument("--storage-port", type=int, default=18_100)
    parser.add_argument("--no-network", action="store_true", help="all nodes on loopback")
    parser.add_argument("--json", type=Path, help="where to put the figures")
    options = parser.parse_args()
    root = Path(options.dir or tempfile.mkdtemp(prefix="chaos-")).resolve()
    with Cluster(root, options.port, options.storage_port, networked=not options.no_network) as it:
        figures = _run(it, options)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n")
    if figures["wrong"]:
        print(f"seed {options.seed}: something is WRONG; logs are in {root / 'log'}")
        return 1
    shutil.rmtree(root, ignore_errors=True)
    return 0


class Cluster:
    """An embedded cluster that runs as long as the block; networked: its nodes in namespaces,
    and this process with its clients in their hub."""

    def __init__(self, root: Path, port: int, storage_port: int, *, networked: bool) -> None:
        self.root, self.port = root, port
        self.network = Network(f"chaos-{port}", NODES) if networked else None
        self._words = [
            *(str(root), "--test-users", "--port", str(port), "--devices", str(NODES)),
            *("--storage-port", str(storage_port)),
        ]
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Cluster:
        program = ["swiftlite.cli.main", "server"]
        if self.network is not None:
            self.network.make()
            enter(self.network.namespace(0))
            program = ["tools.acceptance.chaos_cluster", self.network.name]
        self._process = subprocess.Popen(
            [sys.executable, "-m", *program, *self._words],
            cwd=REPOSITORY,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("Ctrl-C"):
                return self
        self.__exit__()
        raise SystemExit(f"the cluster did not start, see {self.root / 'log'}")

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(timeout=90)
        finally:
            self._process.kill()  # nothing when it has ended; its children go with it
            if self.network is not None:
                self.network.remove()


def _run(cluster: Cluster, options: argparse.Namespace) -> dict[str, Any]:
    client = Client(cluster.port).log_in()
    for container in CONTAINERS:
        assert client.ask("PUT", f"/{container}")[0] == 201
    stopped = threading.Event()
    workers = [
        Worker(number, cluster.port, CONTAINERS, options.seed, stopped) for number in range(WORKERS)
    ]
    began = time.monotonic()

    def log(what: str) -> None:
        line = f"{wall_clock()} {time.monotonic() - began:7.1f} s  {what}"
        print(line, flush=True)
        with (cluster.root / "faults.txt").open("a") as told:
            told.write(line + "\n")

    verdict = Verdict(cluster.root, NODES, cluster.port)
    faults = Faults(cluster.root, NODES, options.seed, log, verdict.has_copies, cluster.network)
    for worker in workers:
        worker.start()
    while time.monotonic() - began < options.seconds:
        faults.step()
        time.sleep(faults.pause())
    faults.end()
    stopped.set()
    for worker in workers:
        worker.join()
    log("no more faults and no more clients")
    figures = {"seed": options.seed, "seconds": round(time.monotonic() - began, 1)}
    journal = sorted(line for worker in workers for line in worker.journal)
    (cluster.root / "journal.txt").write_text("\n".join(journal) + "\n")
    figures.update(_judge(verdict, workers, faults, log))
    figures["load"] = round(os.getloadavg()[1], 1)
    return figures


def _judge(
    verdict: Verdict, workers: list[Worker], faults: Faults, log: Callable[[str], None]
) -> dict[str, Any]:
    histories: dict[str, History] = {}
    counts: Counter[str] = Counter()
    for worker in workers:
        histories.update(worker.histories)
        counts.update(worker.counts)
    ended = looked = time.monotonic()
    wrong = verdict.faults(histories, CONTAINERS)
    while wrong and time.monotonic() - ended < HEALED_WITHIN_S:
        log(f"to be mended yet: {len(wrong)}, such as {wrong[0]}")
        time.sleep(PAUSE_S)
        looked = time.monotonic()  # a look that finds nothing wrong may take long
        wrong = verdict.faults(histories, CONTAINERS)
    never = [*faults.strays, *(line for worker in workers for line in worker.wrong)]
    never += [*verdict.mistakes(), *verdict.crashes()]
    moments = sorted(moment for worker in workers for moment in worker.writes)
    total = sum(counts.values())
    good = sum(number for what, number in counts.items() if int(what.split()[1]) in WELL)
    told = Counter([*never, *wrong]).most_common(60)
    figures: dict[str, Any] = {
        "requests": total,
        "answered well %": round(100 * good / max(total, 1), 3),
        "answers": dict(sorted(counts.items())),
        "longest gap s": round(max((b - a for a, b in pairwise(moments)), default=0.0), 2),
        "slowest request s": round(max(worker.slowest for worker in workers), 1),
        "faults": dict(sorted(faults.done.items())),
        "healed s": None if wrong else round(looked - ended, 1),
        "quarantined": verdict.quarantined(),
        "wrong": [f"{line} ({count} times)" if count > 1 else line for line, count in told],
    }
    for name, value in figures.items():
        if name != "wrong":
            print(f"{name}: {value}")
    for line in figures["wrong"]:
        print(f"WRONG {line}")
    return figures


if __name__ == "__main__":
    sys.exit(main())
