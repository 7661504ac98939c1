"""`swiftlite bench`: put, read, list and delete on any Swift endpoint, and tell what it took.

Makes a container of its own and removes it again, also after Ctrl-C. Exit codes: 0 measured, 1 the
endpoint cannot be used or requests went wrong, 2 wrong usage.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from swiftlite.cli.bench.figures import Figures
from swiftlite.cli.bench.works import WORKS
from swiftlite.config.units import parse_bytes

if TYPE_CHECKING:
    from swiftlite.host.bundle import Host

_HELP = "put, read, list and delete on any Swift endpoint, and tell what it took"


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = commands.add_parser("bench", help=_HELP, description=_HELP.capitalize() + ".")
    add = command.add_argument
    add("--auth", metavar="URL", default=os.environ.get("ST_AUTH"), help="where to log in (v1)")
    add("--user", default=os.environ.get("ST_USER"), help="such as test:tester")
    add("--key", default=os.environ.get("ST_KEY"), help="the user's key")
    add("--url", metavar="URL", help="a storage URL, with --token, instead of logging in")
    add("--token", default=os.environ.get("OS_AUTH_TOKEN"), help="a token for that URL")
    add("--works", type=_works, default=WORKS, help=f"some of {','.join(WORKS)} (all)")
    add("--sizes", type=_sizes, default=(1024,), help="bytes of an object: 0,1K,64K,1M (1K)")
    add("--clients", type=_numbers, default=(16,), help="requests at a time: 1,16,64 (16)")
    add("--seconds", type=float, default=5.0, help="for each measurement (5)")
    add("--objects", type=int, default=200, help="seeded for reading, of each size (200)")
    add("--container", help="its name (swiftlite-bench- and the time)")
    add("--pids", type=_numbers, default=(), help="servers whose CPU is counted, with children")
    add("--json", metavar="FILE", help="write the figures there; - for standard output")
    add("--plot", metavar="FILE", help="draw latencies there, as SVG")
    add("--keep", action="store_true", help="leave container and objects")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from swiftlite.cli.bench.endpoint import BenchError, given, log_in
    from swiftlite.host import bundle, green

    host = bundle.install(green.make_host())
    if options.url and options.token:
        endpoint = given(options.url, options.token)
    elif options.auth and options.user and options.key:
        endpoint = log_in(host, options.auth, options.user, options.key)
    else:
        raise BenchError("Say --auth, --user and --key (or ST_AUTH …), or --url and --token.")
    from swiftlite.cli.bench.session import Session, Wishes

    name = options.container or f"swiftlite-bench-{int(host.clock.wall())}"
    wishes = Wishes(
        works=options.works,
        sizes=options.sizes,
        clients=options.clients,
        seconds=options.seconds,
        objects=max(1, options.objects),
        pids=options.pids,
        keep=options.keep,
    )
    session = Session(host, endpoint, name, wishes)
    before = signal.signal(signal.SIGINT, lambda *_: session.stop())
    try:
        figures, leftovers = session.run()
    finally:
        signal.signal(signal.SIGINT, before)
    _tell(options, host, figures)
    for what, count in leftovers.items():
        print(f"swiftlite bench: cleaning up, {count}×: {what}", file=sys.stderr)
    wrong = leftovers or any(one.errors for one in figures)
    return 130 if session.stopped else 1 if wrong else 0


def _tell(options: argparse.Namespace, host: Host, figures: Sequence[Figures]) -> None:
    from swiftlite.cli.bench.plot import plot
    from swiftlite.cli.bench.report import table

    found = json.dumps(
        {"wall_time": host.clock.wall(), "figures": [one.as_json() for one in figures]}, indent=1
    )
    if options.json == "-":
        print(found)
    else:
        print(table(figures))
        for one in figures:
            for what, count in one.errors.items():
                print(f"  {one.label}: {count}× {what}")
        if options.json:
            Path(options.json).write_text(found + "\n")
    if options.plot:
        Path(options.plot).write_text(plot(figures, "swiftlite bench"))


def _works(text: str) -> tuple[str, ...]:
    works = tuple(text.split(","))
    strange = [work for work in works if work not in WORKS]
    if strange:
        raise argparse.ArgumentTypeError(f"no work is called {strange[0]!r}")
    return works


def _sizes(text: str) -> tuple[int, ...]:
    try:
        return tuple(parse_bytes(one) for one in text.split(","))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _numbers(text: str) -> tuple[int, ...]:
    try:
        numbers = tuple(int(one) for one in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"not numbers: {text!r}") from None
    if min(numbers) < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return numbers
