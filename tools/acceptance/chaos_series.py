"""Chaos with one seed after the other, unattended; a summary of all of them as JSON.

    python -m tools.acceptance.chaos_series --out FOLDER [--seeds 10] [--first 1] [--seconds 600]

FOLDER gets a seed's output (SEED.txt) and figures (SEED.json), the cluster of a seed that went
wrong with its logs, and summary.json, written anew after each seed. A seed that comes to no end is
broken off after a quarter of an hour more than its faults take. Exit code 0 if all were right.
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
_OVERTIME_S = 900.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--port", type=int, default=18_080)
    parser.add_argument("--storage-port", type=int, default=18_100)
    parser.add_argument("--no-network", action="store_true")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    found = []
    for seed in range(options.first, options.first + options.seeds):
        found.append(_one(seed, options))
        summary = json.dumps(_summary(found), indent=1)
        (options.out / "summary.json").write_text(summary + "\n")
        print(f"seed {seed}: {'WRONG' if found[-1]['wrong'] else 'right'}", flush=True)
    print(summary)
    return 1 if any(figures["wrong"] for figures in found) else 0


def _one(seed: int, options: argparse.Namespace) -> dict[str, Any]:
    figures, folder = options.out / f"{seed}.json", options.out / f"cluster-{seed}"
    figures.unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
    words = ["--seed", str(seed), "--seconds", str(options.seconds), "--port", str(options.port)]
    words += ["--storage-port", str(options.storage_port), "--dir", str(folder)]
    words += ["--json", str(figures), *(["--no-network"] if options.no_network else [])]
    with (options.out / f"{seed}.txt").open("w") as output:
        run = subprocess.Popen(
            [sys.executable, "-m", "tools.acceptance.chaos", *words],
            cwd=REPOSITORY,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            run.wait(timeout=options.seconds + _OVERTIME_S)
        except subprocess.TimeoutExpired:
            run.send_signal(signal.SIGINT)  # it stops its cluster
            run.wait()
    if figures.exists():
        found: dict[str, Any] = json.loads(figures.read_text())
        return found
    return {"seed": seed, "wrong": [f"no verdict: the run ended with {run.returncode}"]}


def _summary(found: list[dict[str, Any]]) -> dict[str, Any]:
    whole = [one for one in found if "requests" in one]
    healed = [one["healed s"] for one in whole if one["healed s"] is not None]
    requests = sum(one["requests"] for one in whole)
    well = sum(one["requests"] * one["answered well %"] for one in whole)
    return {
        "seeds": len(found),
        "wrong": {one["seed"]: one["wrong"] for one in found if one["wrong"]},
        "seconds": sum(one["seconds"] for one in whole),
        "requests": requests,
        "answered well %": round(well / max(requests, 1), 3),
        "healed s": {"median": statistics.median(healed), "most": max(healed)} if healed else None,
        "quarantined": sum(len(one["quarantined"]) for one in whole),
        "longest gap s": max((one["longest gap s"] for one in whole), default=None),
        "each": found,
    }


if __name__ == "__main__":
    sys.exit(main())
