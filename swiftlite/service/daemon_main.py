"""The main of every background daemon: its command line, and what its exit code says."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from swiftlite import __version__
from swiftlite.service import systemd
from swiftlite.service.daemon_plan import Orders, plan_daemon
from swiftlite.service.daemon_process import run_plan
from swiftlite.service.passes import DaemonSpec
from swiftlite.vocab.errors import SwiftliteError


def run_daemon(spec: DaemonSpec, arguments: Sequence[str] | None = None) -> int:
    """The main of a daemon. Exit codes: 0 stopped or done, 1 could not start or run, 2 usage."""
    chosen = _parser(spec).parse_intermixed_args(arguments)
    if sys.flags.optimize:
        print(f"{spec.title}: does not run under python -O", file=sys.stderr)
        return 1
    orders = Orders(
        once=chosen.once or "once" in chosen.words,
        verbose=chosen.verbose or "verbose" in chosen.words,
        devices=frozenset(chosen.devices),
        partitions=frozenset(chosen.partitions),
        policies=frozenset(chosen.policies),
        flags={
            flag.key: value
            for flag in spec.flags
            if (value := getattr(chosen, flag.key)) is not None
        },
    )
    try:
        plan = plan_daemon(spec, chosen.conf, orders)
        run_plan(plan, lambda: _notify("READY=1"), _notify_status)
    except SwiftliteError as error:
        print(f"{spec.title}: {error}", file=sys.stderr)
        return 1
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else 1
    return 0


def _parser(spec: DaemonSpec) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=spec.title,
        description=f"Run the {spec.name.replace('-', ' ')} of a conf file in the foreground.",
    )
    parser.add_argument("conf", help="a conf file, or a directory of *.conf files")
    parser.add_argument(
        "words", nargs="*", type=_word, metavar="once|verbose", help="as --once and --verbose"
    )
    parser.add_argument("-o", "--once", action="store_true", help="one pass over everything")
    parser.add_argument(
        "-v", "--verbose", action="store_true", help="log to the terminal, with all details"
    )
    parser.add_argument(
        "-d", "--devices", type=_names, default=(), metavar="A,B", help="only these devices"
    )
    parser.add_argument(
        "-p", "--partitions", type=_numbers, default=(), metavar="1,2", help="only these partitions"
    )
    parser.add_argument(
        "-i",
        "--policies",
        type=_numbers,
        default=(),
        metavar="0,1",
        help="only policies of these indices",
    )
    for flag in spec.flags:
        parser.add_argument(
            *flag.names, dest=flag.key, type=flag.parse, metavar=flag.metavar, help=flag.help
        )
    parser.add_argument("--version", action="version", version=f"swiftlite {__version__}")
    return parser


def _word(text: str) -> str:
    if text not in ("once", "verbose"):
        raise argparse.ArgumentTypeError(f"{text!r} is neither once nor verbose")
    return text


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(name) for name in _names(text))


def _notify(state: str) -> None:
    systemd.notify(state)


def _notify_status(word: str) -> None:
    systemd.notify("STOPPING=1" if word == "stopping" else f"STATUS={word}")
