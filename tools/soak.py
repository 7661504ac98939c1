#!/usr/bin/env python3
"""Runs the simulations over many seeds: prints each with what its hours held, and what fails.

    tools/soak.py [--first 1000] [--seeds 500] [--only whole] [--hours H] [--json FILE]
    tools/soak.py --replay 1234 [--only whole]

A seed and the commit replay a run exactly. A seed that fails goes into its test in tests/sim
together with the fix. FILE gets the sums, written anew after each seed; `cluster-hours` are those
of the simulated clusters alone. Exit code 1 when a seed has failed.
"""

from __future__ import annotations

import argparse
import gc
import json
import subprocess
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))

from tests.sim.test_cluster_faults import (  # noqa: E402
    test_faults_lose_nothing_acknowledged as front,
)
from tests.sim.test_replication_faults import (  # noqa: E402
    test_replicas_become_equal_and_nothing_is_lost as replication,
)
from tests.sim.test_store_races import (  # noqa: E402
    test_a_power_cut_in_the_middle_loses_nothing_acknowledged as cut,
)
from tests.sim.test_store_races import (  # noqa: E402
    test_everybody_is_served_and_nothing_is_torn as served,
)
from tests.sim.whole_story import HOURS, Outcome, Story  # noqa: E402

RUNS: dict[str, Callable[[int], None]] = {
    "served": served, "cut": cut, "front": front, "replication": replication,
}  # fmt: skip
WHOLE = "whole"


class Sums:
    """What all seeds together came to."""

    def __init__(self, commit: str) -> None:
        self.commit = commit
        self.seeds = 0
        self.cpu = 0.0
        self.hours = 0.0
        self.counts: Counter[str] = Counter()
        self.statuses: Counter[str] = Counter()
        self.slowest = 0.0
        self.failed: list[str] = []

    def add(self, outcome: Outcome) -> None:
        self.hours += outcome.hours
        self.slowest = max(self.slowest, outcome.mended)
        self.counts["requests"] += sum(outcome.requests.values())
        self.counts["faults"] += sum(outcome.faults.values())
        self.counts["passes"] += outcome.passes
        self.statuses.update(what.split()[1] for what in outcome.requests.elements())

    def report(self) -> dict[str, Any]:
        hours = max(self.hours, 1e-9)
        return {
            "commit": self.commit,
            "seeds": self.seeds,
            "cluster-hours": round(self.hours, 1),
            "CPU seconds": round(self.cpu, 1),
            "cluster-hours per CPU minute": round(60 * self.hours / max(self.cpu, 1e-9), 1),
            "in an average hour": {k: round(n / hours, 1) for k, n in self.counts.items()},
            "statuses": dict(sorted(self.statuses.items())),
            "mended, at most s": self.slowest,
            "failed": self.failed,
        }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--first", type=int, default=1000)
    parser.add_argument("--seeds", type=int, default=500)
    parser.add_argument("--replay", type=int, metavar="SEED", help="this one seed")
    parser.add_argument("--only", choices=[WHOLE, *RUNS], help="one kind of simulation")
    parser.add_argument("--hours", type=float, default=HOURS, help="of work in each cluster")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    gc.set_threshold(200_000, 20, 20)  # a node that dies leaves circles; few, and all at once
    seeds = range(options.first, options.first + options.seeds)
    if options.replay is not None:
        seeds = range(options.replay, options.replay + 1)
    sums = Sums(_commit())
    for seed in seeds:
        _run_seed(seed, options, sums)
        if options.json:
            options.json.write_text(json.dumps(sums.report(), indent=1) + "\n")
    print(json.dumps(sums.report(), indent=1))
    return 1 if sums.failed else 0


def _run_seed(seed: int, options: argparse.Namespace, sums: Sums) -> None:
    sums.seeds += 1
    for name in [options.only] if options.only else [WHOLE, *RUNS]:
        began = time.process_time()
        told = "right"
        try:
            if name == WHOLE:
                outcome = Story(seed, options.hours).run()
                sums.add(outcome)
                told = f"right: {outcome}"
            else:
                RUNS[name](seed)
        except Exception:
            sums.failed.append(f"{name} {seed}")
            told = f"FAILED\n{traceback.format_exc()}"
        took = time.process_time() - began
        sums.cpu += took
        print(f"seed {seed}: {name}: {took:.1f} s: {told}", flush=True)


def _commit() -> str:
    words = ["git", "-C", str(REPOSITORY), "rev-parse", "--short", "HEAD"]
    return subprocess.run(words, capture_output=True, text=True).stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
