"""`swiftlite doctor`: looks at this node, or with --all at the whole cluster, and says what is
wrong, why that matters and what mends it.

Exit codes: 0 nothing is wrong (and nothing is said), 1 something is, 2 wrong usage.
"""

from __future__ import annotations

import argparse
import json

from swiftlite.service.servers import SWIFT_DIR

_HELP = "say what is wrong with this node or the cluster, and what mends it"


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = commands.add_parser(
        "doctor",
        help=_HELP,
        description="Look at this node's confs, rings, devices, servers and daemons, and say what "
        "is wrong, why it matters, and the command that mends it. Says nothing when all is well.",
    )
    command.add_argument(
        "-a", "--all", action="store_true", help="ask every storage server of the rings as well"
    )
    command.add_argument("-d", "--swift-dir", default=SWIFT_DIR, help=f"({SWIFT_DIR})")
    command.add_argument(
        "-t", "--timeout", type=float, default=2.0, help="seconds to wait for a server (2)"
    )
    command.add_argument("--json", action="store_true", help="a JSON list")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    # Imported late: other commands of `swiftlite` need none of it.
    from swiftlite.cli.doctor import checks, finding, fleet
    from swiftlite.cli.doctor.node import Node

    node = Node(options.swift_dir)
    found = finding.run(checks.OF_A_NODE, node)
    if options.all:
        found += finding.run(checks.OF_THE_FLEET, fleet.ask(node, options.timeout))
    if options.json:
        print(json.dumps([one.facts() for one in found]))
    for one in found if not options.json else ():
        print("\n".join(one.lines()))
    return 1 if found else 0
