#!/usr/bin/env python3
"""Runs the simulated races and clusters over many seeds; prints the seeds that fail.

    tools/soak.py [first seed [number of seeds]]

A seed that fails is added to its test in tests/sim together with the fix.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.sim.test_cluster_faults import (
    test_faults_lose_nothing_acknowledged as cluster,
)
from tests.sim.test_store_races import (
    test_a_power_cut_in_the_middle_loses_nothing_acknowledged as cut,
)
from tests.sim.test_store_races import (
    test_everybody_is_served_and_nothing_is_torn as served,
)

RUNS: tuple[Callable[[int], None], ...] = (served, cut, cluster)


def main(arguments: list[str]) -> int:
    first, count = (int(text) for text in (arguments + ["1000", "500"][len(arguments) :])[:2])
    failed = 0
    for seed in range(first, first + count):
        for run in RUNS:
            try:
                run(seed)
            except Exception:
                failed += 1
                print(f"seed {seed}: {run.__name__}\n{traceback.format_exc()}")
    print(f"{count} seeds from {first}, {failed} failures")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
