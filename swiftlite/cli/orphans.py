"""`swiftlite-orphans`: processes that no pid file, no service and no parent answers for.

Exit codes: 0 done, found or not; 1 a signal that there is not; 2 wrong usage.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from swiftlite.cli.oldies import show
from swiftlite.cli.pipes import may_be_cut
from swiftlite.cli.processes import Process, running
from swiftlite.service.servers import RUN_DIR


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="swiftlite-orphans",
        description="Show, and with -k signal, swiftlite daemons that neither a pid file nor a "
        "systemd unit nor a running parent knows. What runs once is left out.",
    )
    made.add_argument(
        "-a", "--age", type=int, default=24, metavar="HOURS", help="at least so old (24)"
    )
    made.add_argument("-k", "--kill", metavar="SIGNAL", help="send them this signal: TERM, 15, ...")
    made.add_argument("-w", "--wide", action="store_true", help="do not cut lines at 80 columns")
    made.add_argument(
        "-r", "--run-dir", default=RUN_DIR, help=f"where the pid files are ({RUN_DIR})"
    )
    made.add_argument("--json", action="store_true", help="a JSON list")
    return made


@may_be_cut
def main(arguments: Sequence[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    number = None
    if options.kill is not None:
        number = signal_number(options.kill)
        if number is None:
            print(f"{options.kill} is not a signal that can be sent.", file=sys.stderr)
            return 1
    known = pids_in(Path(options.run_dir))
    found = [one for one in orphans(running(), known) if one.hours >= options.age]
    show(found, options.json, wide=options.wide)
    if number is not None:
        for one in found:
            try:
                os.kill(one.pid, number)
            except OSError as error:
                print(f"{one.pid}: {error.strerror}", file=sys.stderr)
    return 0


def orphans(found: list[Process], known: set[int]) -> list[Process]:
    """Those whose line of parents, within our processes, begins with one that nobody answers for.

    A `swiftlite server` answers for its cluster.
    """
    by_pid = {process.pid: process for process in found}

    def answered_for(process: Process) -> bool:
        while True:
            if process.pid in known or process.unit or process.words[0] == "swiftlite":
                return True
            parent = by_pid.get(process.parent)
            if parent is None:
                return False
            process = parent

    return [one for one in found if not _is_once(one) and not answered_for(one)]


def _is_once(process: Process) -> bool:
    """Also a command that ends by itself, such as this one."""
    return bool({"once", "--once", "-o"} & set(process.words)) or not process.words[0].endswith(
        _DAEMONS
    )


_DAEMONS = (
    "-server", "-auditor", "-reaper", "-replicator", "-reconciler", "-sharder", "-sync",
    "-updater", "-expirer", "-reconstructor",
)  # fmt: skip


def pids_in(run_dir: Path) -> set[int]:
    """What the pid files say."""
    found = set()
    for place, _, files in os.walk(run_dir):
        for name in files:
            if name.endswith((".pid", ".pid.d")):
                try:
                    found.add(int(Path(place, name).read_text()))
                except (OSError, ValueError):
                    continue
    return found


def signal_number(text: str) -> int | None:
    """TERM, SIGTERM, term and 15 are the same."""
    try:
        return signal.Signals(int(text)).value
    except ValueError:
        pass
    name = text.upper()
    for candidate in (name, f"SIG{name}"):
        if candidate in signal.Signals.__members__:
            return signal.Signals[candidate].value
    return None
