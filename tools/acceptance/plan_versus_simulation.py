#!/usr/bin/env python3
"""What `swiftlite plan` says against what comes of it, in many simulated clusters.

tools/acceptance/plan_versus_simulation.py [--seeds 200] [--first 0] [--question stop|pull|ring]
    [--trouble none] [--json FILE]

Each seed is a cluster with a fault or none and a question: stop a node or a zone, pull a disk, put
another ring in force. What was called safe must do no harm, what was called unsafe must do some; a
ring's bytes must come within 5 % and its time within 25 %. Exit codes: 0 all of it held, 1 not.

A seed replays exactly under one PYTHONHASHSEED (0 unless it is set): in which order sets are gone
through decides who comes first, and with a few dozen moves that is a good part of the time.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.plan.trial import Outcome, Trial

BYTES_WITHIN, TIME_WITHIN = 0.05, 0.25


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--question", choices=("stop", "stop zone", "pull", "ring"))
    parser.add_argument("--trouble", help="the fault before the question, e.g. none")
    parser.add_argument("--json", metavar="FILE", help="every outcome, a line each")
    options = parser.parse_args(arguments)
    outcomes: list[Outcome] = []
    failed: list[int] = []
    for seed in range(options.first, options.first + options.seeds):
        try:
            outcome = play(seed, options.question, options.trouble)
        except Exception:
            traceback.print_exc()
            failed.append(seed)
            continue
        outcomes.append(outcome)
        print(line(outcome), flush=True)
        if options.json:
            with open(options.json, "a", encoding="utf-8") as file:
                file.write(json.dumps({**asdict(outcome), "answer": outcome.answer.value}) + "\n")
    return summary(outcomes, failed)


def play(seed: int, question: str | None = None, trouble: str | None = None) -> Outcome:
    with tempfile.TemporaryDirectory() as folder:
        return Trial(seed, Path(folder), question, trouble).run()


def line(outcome: Outcome) -> str:
    text = f"{outcome.seed} {outcome.question}, {outcome.trouble}: {outcome.answer.value}"
    if outcome.harms:
        text += f", {len(outcome.harms)} harms shown"
    if outcome.bytes_said:
        text += f", bytes {off(outcome.bytes_said, outcome.bytes_seen):+.1%}"
        text += f", {outcome.seconds_said:.1f} s said and {outcome.seconds_seen:.1f} s seen"
        text += f" ({off(outcome.seconds_said, outcome.seconds_seen):+.0%})"
    return text + "".join(f"\n    WRONG {one}" for one in outcome.wrong)


def off(said: float, seen: float) -> float:
    """How far off what was said was, as a share of what was seen."""
    return said / seen - 1 if seen else 0.0


def summary(outcomes: Sequence[Outcome], failed: Sequence[int]) -> int:
    answers = Counter(outcome.answer.value for outcome in outcomes)
    wrong = [outcome.seed for outcome in outcomes if outcome.wrong]
    moved = [outcome for outcome in outcomes if outcome.bytes_said]
    bytes_off = [o.seed for o in moved if abs(off(o.bytes_said, o.bytes_seen)) > BYTES_WITHIN]
    time_off = [o.seed for o in moved if abs(off(o.seconds_said, o.seconds_seen)) > TIME_WITHIN]
    print(
        f"{len(outcomes)} questions: "
        + ", ".join(f"{count} {answer}" for answer, count in sorted(answers.items()))
    )
    print(f"untrue: {len(wrong)} {wrong or ''}; broken trials: {len(failed)} {failed or ''}")
    print(f"{len(moved)} ring changes played through to their end")
    print(f"bytes off by more than 5 %: {len(bytes_off)} {bytes_off or ''}")
    print(f"time off by more than 25 %: {len(time_off)} {time_off or ''}")
    return 1 if wrong or failed or bytes_off or time_off else 0


if __name__ == "__main__":
    if "PYTHONHASHSEED" not in os.environ:
        os.environ["PYTHONHASHSEED"] = "0"
        os.execv(sys.executable, [sys.executable, *sys.argv])
    sys.exit(main())
