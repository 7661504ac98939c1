"""Chaos with real processes on an embedded cluster, and whether it heals by itself.

Eight clients write, read and delete while storage processes are killed or stopped and devices are
unmounted or wiped. After the faults stop the background passes have to bring everything in order:
no acknowledged PUT lost, no DELETE undone, listings equal objects, counts exact, replicas equal.

Usage: python -m tools.acceptance.chaos [--seed N] [--seconds 120] [--dir DIR] [--port 18080]
Exit code 0 when the cluster healed, 1 when not; what was wrong is printed, logs stay in DIR then.
"""

from __future__ import annotations

import argparse
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

from tools.acceptance.chaos_faults import Faults
from tools.acceptance.chaos_verdict import Verdict
from tools.acceptance.chaos_workload import Client, History, Worker

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
    options = parser.parse_args()
    root = Path(options.dir or tempfile.mkdtemp(prefix="chaos-"))
    cluster = _start(root, options.port, options.storage_port)
    try:
        wrong = _run(root, options)
    finally:
        cluster.send_signal(signal.SIGTERM)
        cluster.wait(timeout=90)
    if wrong:
        print(f"seed {options.seed}: something is WRONG; logs are in {root / 'log'}")
        return 1
    shutil.rmtree(root, ignore_errors=True)
    return 0


def _start(root: Path, port: int, storage_port: int) -> subprocess.Popen[str]:
    cluster = subprocess.Popen(
        [
            *(sys.executable, "-m", "swiftlite.cli.main", "server", str(root), "--test-users"),
            *("--port", str(port), "--storage-port", str(storage_port), "--devices", str(NODES)),
        ],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert cluster.stdout is not None
    for line in cluster.stdout:
        if line.startswith("Ctrl-C"):
            return cluster
    raise SystemExit(f"the cluster did not start, see {root / 'log'}")


def _run(root: Path, options: argparse.Namespace) -> list[str]:
    client = Client(options.port).log_in()
    for container in CONTAINERS:
        assert client.ask("PUT", f"/{container}")[0] == 201
    stopped = threading.Event()
    workers = [
        Worker(number, options.port, CONTAINERS, options.seed, stopped) for number in range(WORKERS)
    ]
    began = time.monotonic()

    def log(what: str) -> None:
        print(f"{time.monotonic() - began:7.1f} s  {what}", flush=True)

    verdict = Verdict(root, NODES, options.port)
    faults = Faults(root, NODES, options.seed, log, verdict.has_copies)
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
    return _judge(verdict, workers, faults, began, log)


def _judge(
    verdict: Verdict,
    workers: list[Worker],
    faults: Faults,
    began: float,
    log: Callable[[str], None],
) -> list[str]:
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
    never += verdict.mistakes()
    moments = sorted(moment for worker in workers for moment in worker.writes)
    gap = max((late - early for early, late in pairwise(moments)), default=0.0)
    good = sum(n for what, n in counts.items() if what.split()[1] in ("200", "201", "204", "404"))
    total = sum(counts.values())
    share = 100 * good / max(total, 1)
    slowest = max(worker.slowest for worker in workers)
    print(f"{total} requests in {ended - began:.0f} s, {share:.2f} % answered well")
    print(dict(sorted(counts.items())))
    print(
        f"longest time without an acknowledged write {gap:.2f} s, slowest request {slowest:.1f} s"
    )
    print(f"devices wiped: {faults.wiped}")
    for line, count in Counter([*never, *wrong]).most_common(60):
        print(f"WRONG {line}" + (f" ({count} times)" if count > 1 else ""))
    if not wrong:
        print(f"healed {looked - ended:.1f} s after the last fault")
    return [*never, *wrong]


if __name__ == "__main__":
    sys.exit(main())
