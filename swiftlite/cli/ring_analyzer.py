"""swiftlite-ring-builder-analyzer: what a series of changes would do to a ring.

Exit codes: 0 done, 2 the scenario cannot be read or carried out.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import TextIO

from swiftlite.ring import RingError
from swiftlite.ring.files import read_file
from swiftlite.ring.scenario import parse, play


def main(argv: Sequence[str] | None = None) -> int:
    """For the entry point."""
    return run(sys.argv[1:] if argv is None else argv, out=sys.stdout, err=sys.stderr)


def run(args: Sequence[str], *, out: TextIO, err: TextIO) -> int:
    """Parse the scenario, play it, a line per rebalance."""
    parser = argparse.ArgumentParser(
        prog="swiftlite-ring-builder-analyzer",
        description="Plays a scenario file (JSON: part_power, replicas, overload, random_seed,"
        " rounds of add, remove, set_weight, save), rebalancing each round until it settles.",
    )
    parser.add_argument("scenario_path")
    parser.add_argument("-c", "--check", action="store_true", help="only check the scenario")
    parser.add_argument("--json", action="store_true", help="a JSON object per rebalance")
    options = parser.parse_args(args)
    try:
        try:
            source = json.loads(read_file(options.scenario_path))
        except (ValueError, RecursionError) as fault:
            err.write(f"{options.scenario_path}: not JSON: {fault}\n")
            return 2
        scenario = parse(source)
        if options.check:
            out.write(f"{options.scenario_path}: {len(scenario.rounds)} rounds, no fault found\n")
            return 0
        for step in play(scenario):
            if options.json:
                out.write(json.dumps(asdict(step)) + "\n")
                continue
            if step.rebalance == 0:
                out.write(f"Round {step.round + 1}\n")
            out.write(
                f"  rebalance {step.rebalance + 1}: {step.moved} replicas moved"
                f" ({step.moved_percent:.2f}%), balance {step.balance:.3f},"
                f" dispersion {step.dispersion:.3f}, {step.removed} devices removed\n"
            )
    except RingError as fault:
        err.write(f"{options.scenario_path}: {fault}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
