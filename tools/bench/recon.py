"""What a look at a whole cluster costs: swiftlite-recon --all beside swift-recon --all.

Both ask the same embedded cluster for everything, in turn; what counts is utime + stime of the
command, its start included, as installed commands have it. The reports are compared besides: one
line more or less on either side, but for moments, is told.

    python -m tools.bench.recon --swift-python PY [--python PY] [--nodes 4] [--rounds 15]
        [--port 8600] [--storage-port 7600] [--dir DIR]

--python: with swiftlite installed as users have it; an editable install pays for its finder.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from tools.embedded import Embedded

WORDS = ("account", "container", "object", "--all", "--swiftdir")
OURS = "import sys; from swiftlite.cli.recon.main import main; sys.exit(main())"
THEIRS = (
    "import sys; from swift.cli import recon; "
    "recon.SWIFT_CONF_FILE = sys.argv[-1] + '/swift.conf'; sys.exit(recon.main())"
)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d|\d+ (second|minute)s ago|[\d.]+")


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--swift-python", required=True)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--nodes", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--port", type=int, default=8600)
    parser.add_argument("--storage-port", type=int, default=7600)
    parser.add_argument("--dir", type=Path)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="recon-", dir=options.dir))
    cluster = Embedded(
        folder / "cluster", options.port, options.storage_port, "--devices", str(options.nodes)
    )
    commands = {"OpenStack Swift": [options.swift_python, "-c", THEIRS]}
    commands["swiftlite"] = [options.python, "-c", OURS]
    try:
        with cluster.without_daemons():
            _compare(commands, cluster.swift_dir, options.rounds)
    finally:
        shutil.rmtree(folder)
    return 0


def _compare(commands: dict[str, list[str]], swift_dir: str, rounds: int) -> None:
    took: dict[str, list[float]] = {name: [] for name in commands}
    said: dict[str, set[str]] = {}
    for _ in range(rounds + 1):  # the first is for caches
        for name, command in commands.items():
            cpu, text = _run([*command, *WORDS, swift_dir])
            took[name].append(cpu)
            said[name] = set(_MOMENT.sub("N", text).splitlines())
    medians = {name: statistics.median(times[1:]) for name, times in took.items()}
    for name, median in medians.items():
        low, high = min(took[name][1:]), max(took[name])
        print(f"{name:<16} {median * 1000:6.1f} ms ({low * 1000:.1f} to {high * 1000:.1f})")
    theirs, ours = (medians[name] for name in commands)
    print(f"{theirs / ours:.1f} times less")
    first, second = said.values()
    for line in sorted(first ^ second):
        print(f"only {'there' if line in first else 'here'}: {line}")


def _run(command: list[str]) -> tuple[float, str]:
    process = subprocess.Popen(command, cwd="/", stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    text = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command[0]} ended with {process.returncode}")
    return used.ru_utime + used.ru_stime, text


if __name__ == "__main__":
    sys.exit(main())
