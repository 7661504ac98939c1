"""`swiftlite-init SERVER... COMMAND`.

Exit codes: 0 done, 1 something could not be done, or (status, stop) does not run; 2 wrong usage.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from swiftlite.cli.init.manager import COMMANDS, KILL_WAIT_S, Manager, Wishes, find_command
from swiftlite.cli.init.pids import Places
from swiftlite.cli.init.telling import Telling
from swiftlite.service.servers import GROUPS, RUN_DIR, SWIFT_DIR, Place, names_many, places


def parser() -> argparse.ArgumentParser:
    lines = [
        f"  {name:<16} {' '.join((act.__doc__ or '').split())}" for name, act in COMMANDS.items()
    ]
    made = argparse.ArgumentParser(
        prog="swiftlite-init",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="swiftlite-init SERVER[.CONF] [SERVER[.CONF] ...] COMMAND [options]",
        description="Start, stop and look after the servers of this node.\n\n"
        "SERVER is a server or daemon such as object-replicator, or object for object-server;\n"
        "object.1 means the conf object-server/1.conf only. all, main (proxy, account, container\n"
        "and object server), rest (the other daemons) and patterns ('object-*') mean several.\n\n"
        "Commands:\n" + "\n".join(lines),
    )
    made.add_argument("words", nargs="*", metavar="SERVER... COMMAND", help=argparse.SUPPRESS)
    made.add_argument("-v", "--verbose", action="store_true", help="say more")
    made.add_argument(
        "-w", "--no-wait", action="store_true", help="do not wait until servers have started"
    )
    made.add_argument(
        "-o", "--once", action="store_true", help="let daemons run once over everything"
    )
    made.add_argument("-n", "--no-daemon", action="store_true", help="start in the foreground")
    made.add_argument(
        "-g", "--graceful", action="store_true", help="stop with SIGHUP where that is understood"
    )
    made.add_argument(
        "-c", "--config-num", type=int, default=0, metavar="N", help="only the N-th conf"
    )
    made.add_argument(
        "-k",
        "--kill-wait",
        type=int,
        default=KILL_WAIT_S,
        metavar="N",
        help=f"seconds to wait for processes to end ({KILL_WAIT_S})",
    )
    made.add_argument("-r", "--run-dir", default=RUN_DIR, help=f"where pid files are ({RUN_DIR})")
    made.add_argument("--swift-dir", default=SWIFT_DIR, help=f"where confs are ({SWIFT_DIR})")
    made.add_argument(
        "--strict",
        action="store_true",
        default=None,
        help="a server without a conf is an error; so it is for servers named one by one",
    )
    made.add_argument(
        "--non-strict",
        action="store_false",
        dest="strict",
        help="a server without a conf is none; so it is for all, main, rest and patterns",
    )
    made.add_argument(
        "--kill-after-timeout",
        action="store_true",
        help="kill what has not ended after --kill-wait, with its workers",
    )
    made.add_argument("--json", action="store_true", help="a JSON list of what happened")
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    made = parser()
    options = made.parse_intermixed_args(arguments)
    words, command = _split(options.words)
    if command is None:
        made.print_help()
        print(f"swiftlite-init: {_why(options.words)}", file=sys.stderr)
        return 1
    servers = places(words)
    installed = {one: path for one in servers if (path := find_command(one)) is not None}
    many = names_many(words)
    refused = _tell_missing(servers, installed, quiet=many and not options.verbose)
    if not installed:
        return 1
    tell = Telling(as_json=options.json)
    manager = Manager(
        list(installed),
        Places(
            os.path.abspath(options.swift_dir),
            os.path.abspath(options.run_dir),
            options.config_num,
            options.verbose,
        ),
        Wishes(
            daemon=not options.no_daemon,
            wait=not options.no_wait,
            once=options.once,
            graceful=options.graceful,
            kill_wait=options.kill_wait,
            kill_after_timeout=options.kill_after_timeout,
            strict=not many if options.strict is None else options.strict,
        ),
        tell,
        installed,
    )
    failed = COMMANDS[command](manager)
    tell.finish()
    return 1 if failed or (refused and not many) else 0


def _split(words: Sequence[str]) -> tuple[list[str], str | None]:
    """Servers and the command, which stands last, or first by mistake."""
    found = [word.lower().replace("_", "-") for word in words]
    if len(words) < 2:
        return [], None
    if found[-1] in COMMANDS:
        return list(words[:-1]), found[-1]
    if found[0] in COMMANDS:
        return list(words[1:]), found[0]
    return [], None


def _why(words: Sequence[str]) -> str:
    if len(words) < 2:
        return "name one server or more, and what to do"
    return f"{words[-1]} is no command; it is one of {', '.join(COMMANDS)}"


def _tell_missing(servers: list[Place], installed: dict[Place, str], *, quiet: bool) -> bool:
    missing = [one for one in servers if one not in installed]
    for one in missing:
        known = one.name in GROUPS["all"]
        if not quiet or not known:
            why = "is not installed" if known else "is not a server of swiftlite"
            print(f"swiftlite-init: {one.command} {why}", file=sys.stderr)
    return bool(missing)


if __name__ == "__main__":
    sys.exit(main())
