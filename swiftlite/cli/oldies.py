"""`swiftlite-oldies`: processes that have run for long.

Exit codes: 0 always, found or not; 2 wrong usage.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence

from swiftlite.cli.pipes import may_be_cut
from swiftlite.cli.processes import Process, listing, running


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="swiftlite-oldies", description="Show swiftlite processes that started long ago."
    )
    made.add_argument(
        "-a", "--age", type=int, default=720, metavar="HOURS", help="at least so old (720: 30 days)"
    )
    made.add_argument("-p", "--pids", action="store_true", help="only pids, for xargs kill")
    made.add_argument("--json", action="store_true", help="a JSON list")
    return made


@may_be_cut
def main(arguments: Sequence[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    show([one for one in running() if one.hours >= options.age], options.json, pids=options.pids)
    return 0


def show(found: list[Process], as_json: bool, *, pids: bool = False, wide: bool = False) -> None:
    if as_json:
        print(json.dumps([{"hours": p.hours, "pid": p.pid, "command": p.title} for p in found]))
    elif pids:
        for one in found:
            print(one.pid)
    elif found:
        print(listing(found, width=None if wide else 80))
