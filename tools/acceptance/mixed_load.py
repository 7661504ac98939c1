"""Mixed load at full speed on an embedded cluster with all its daemons: no error, no growth.

    python -m tools.acceptance.mixed_load --minutes 60 [--clients 24] [--dir DIR] [--port 18081]
        [--storage-port 18200] [--json FILE] [--plots DIR]

Clients put, read, list, post, copy and delete small and large objects, in parts and as segments,
with names, metadata and every byte of every body compared. Memory, descriptors and threads of each
process are looked at every 30 s (--every). Exit code 0 when no request failed, nothing read was
wrong, no server was started again or complained in its log, the listings were right in the end,
and neither memory nor descriptors grew after the warm-up (the first fifth); else 1.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from swiftlite.cli.bench.endpoint import log_in
from swiftlite.cli.bench.processes import cpu_seconds, with_descendants
from swiftlite.host import bundle, green
from tools.acceptance import mixed_report
from tools.acceptance.mixed_checks import Checks
from tools.acceptance.mixed_journal import Journal
from tools.acceptance.mixed_logs import Logs
from tools.acceptance.mixed_session import Session
from tools.acceptance.mixed_watch import Sample, growth, restarted, take_sample
from tools.acceptance.mixed_worker import CONTAINERS, EXPIRING, LARGE, SEGMENTS, Worker
from tools.embedded import Embedded

HOST = bundle.install(green.make_host())
RECLAIM_S = 600
"""So that deleted names, rows and tasks of the expirer are forgotten within the run."""
WARM_UP = 0.2
SETTLED_WITHIN_S = 120.0
WATCHING = "watching"  # the key of its native thread


@dataclass(slots=True)
class Run:
    """One load on one cluster, and what was seen of it."""

    cluster: Embedded
    options: argparse.Namespace
    journal: Journal = field(default_factory=Journal)
    samples: list[Sample] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    seconds: float = 0.0
    server_cpu_s: float = 0.0
    own_cpu_s: float = 0.0

    def load(self) -> None:
        options, monotonic = self.options, HOST.clock.monotonic
        session = Session(HOST, log_in(HOST, self.cluster.auth_url, "test:tester", "testing"))
        for container in (*CONTAINERS, LARGE, SEGMENTS, EXPIRING):
            if session.send("PUT", f"/{container}").status != 201:
                raise SystemExit(f"{container} could not be made")
        began = monotonic()
        workers = [self._worker(number, session, began) for number in range(options.clients)]
        logs = Logs(self.cluster.root / "log")
        watching = HOST.tasks.spawn(self._watch, began, logs)
        cpu = self._server_cpu(), cpu_seconds([HOST.process.pid])
        until = began + options.minutes * 60
        tasks = [HOST.tasks.spawn(worker.run, until) for worker in workers]
        for task in tasks:
            task.wait()
        self.seconds = monotonic() - began
        self.server_cpu_s = self._server_cpu() - cpu[0]
        self.own_cpu_s = cpu_seconds([HOST.process.pid]) - cpu[1]
        watching.kill()
        say("the load is over; a last look at everything")
        self._last_look(workers, session)
        logs.look()
        self.faults += [f"{count}×: {line}" for line, count in logs.complaints.most_common(20)]
        session.close()

    def _worker(self, number: int, session: Session, began: float) -> Worker:
        chance = random.Random(f"{self.options.seed} {number}")
        return Worker(HOST, Checks(HOST.clock, session, self.journal, chance, number, began))

    def _server_cpu(self) -> float:
        return cpu_seconds(with_descendants([self.cluster.pid]))

    def _watch(self, began: float, logs: Logs) -> None:
        while True:
            HOST.tasks.sleep(self.options.every)
            moment = HOST.clock.monotonic() - began
            sample = HOST.tasks.offload(
                WATCHING, take_sample, self.cluster.root, self.cluster.pid, moment
            )
            HOST.tasks.offload(WATCHING, logs.look)
            self.samples.append(sample)
            total = sample.total()
            say(
                f"{moment / 60:5.1f} min: {self.journal.requests} requests, "
                f"{self.journal.errors.total()} errors, {len(sample.uses)} processes, "
                f"{total.pss_mib:.1f} MiB, {total.descriptors} descriptors, {total.threads} threads"
            )

    def _last_look(self, workers: list[Worker], session: Session) -> None:
        """Bodies at once; listings, counts and what expires as soon as that is due."""
        behind = [(worker, name) for worker in workers for name in worker.differences()]
        if not self._within(lambda: not [one for one in behind if not one[0].lists_all(one[1])]):
            self.faults.append("listings did not become what was acknowledged")
        if not self._within(lambda: session.send("GET", f"/{EXPIRING}").body == b""):
            self.faults.append("what expired is still listed")

    @staticmethod
    def _within(is_so: Callable[[], bool]) -> bool:
        until = HOST.clock.monotonic() + SETTLED_WITHIN_S
        while not is_so():
            if HOST.clock.monotonic() > until:
                return False
            HOST.tasks.sleep(2.0)
        return True

    def verdict(self) -> dict[str, object]:
        """All that was seen, as JSON takes it; `faults` is empty when all is well."""
        journal = self.journal
        grown = growth(self.samples, WARM_UP * self.seconds)
        faults = [*self.faults, *(f"{count}×: {what}" for what, count in journal.errors.items())]
        faults += [f"{name} was started again" for name in restarted(self.samples)]
        faults += [
            f"{one.process} grows by {one.per_hour:.1f} {one.what} an hour from {one.median:.1f}"
            for one in grown
            if one.is_fault
        ]
        return {
            "seconds": round(self.seconds, 1),
            "clients": self.options.clients,
            "seed": self.options.seed,
            "requests": journal.requests,
            "bytes_read": journal.bytes_moved,
            "server_cpu_s": round(self.server_cpu_s, 1),
            "own_cpu_s": round(self.own_cpu_s, 1),
            "late_rows": journal.late_rows,
            "latency_ms": journal.latencies(),
            "windows": journal.by_window(),
            "growth": [one._asdict() for one in grown],
            "samples": [
                {
                    "moment": round(one.moment, 1),
                    **{name: use[1:] for name, use in one.uses.items()},
                }
                for one in self.samples
            ],
            "examples": journal.examples,
            "faults": faults,
        }


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    add = parser.add_argument
    add("--minutes", type=float, default=60.0)
    add("--clients", type=int, default=24)
    add("--seed", type=int, default=1)
    add("--every", type=float, default=30.0, help="seconds between two looks at the processes")
    add("--dir", type=Path, help="the cluster's folder (a temporary one)")
    add("--port", type=int, default=18_081)
    add("--storage-port", type=int, default=18_200)
    add("--json", type=Path, help="write everything that was seen there")
    add("--plots", type=Path, help="a folder for the pictures")
    options = parser.parse_args()
    root = (options.dir or Path(tempfile.mkdtemp(prefix="mixed-"))).absolute()
    cluster = Embedded(root, options.port, options.storage_port)
    with cluster:
        pass  # makes the folder
    cluster.configure("reclaim_age", RECLAIM_S, "*-server/*.conf")
    run = Run(cluster, options)
    with cluster:
        run.load()
    found = run.verdict()
    if options.json:
        options.json.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    if options.plots:
        mixed_report.write_plots(options.plots, run.samples, run.journal)
    print(mixed_report.text(found))
    if found["faults"]:
        print(f"logs are in {root / 'log'}")
        return 1
    shutil.rmtree(root, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
