"""`swiftlite server DIR`: a whole cluster in one folder, made at the first start.

Account, container, object and proxy servers run as processes of their own and talk HTTP over
loopback, as they would on many machines.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from swiftlite.cli.embedded.start import Wishes

_HELP = "run a cluster in one folder: rings, confs, devices and every server"


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = commands.add_parser("server", help=_HELP, description=_HELP.capitalize() + ".")
    command.add_argument("dir", metavar="DIR", help="the cluster's folder; made if missing")
    command.add_argument("--bind", metavar="ADDRESS", help="where clients connect (127.0.0.1)")
    command.add_argument("--port", type=int, metavar="N", help="the port for clients (8080)")
    command.add_argument(
        "--devices", type=int, metavar="N", help="nodes of one device each (4), at creation"
    )
    command.add_argument(
        "--replicas", type=int, metavar="N", help="copies of everything (3), at creation"
    )
    command.add_argument(
        "--workers", type=int, metavar="N", help="proxy processes (one for each processor, up to 4)"
    )
    command.add_argument(
        "--test-users",
        action="store_true",
        help="let Swift's well-known test users in (loopback only)",
    )
    command.add_argument(
        "--storage-port",
        type=int,
        metavar="N",
        help="ports of storage servers begin here (a free block from 6200 on), at creation",
    )
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from swiftlite.cli.embedded.start import start

    return start(wishes_of(options))


def wishes_of(options: argparse.Namespace) -> Wishes:
    from swiftlite.cli.embedded.start import Wishes

    return Wishes(
        root=Path(options.dir).absolute(),
        bind_ip=options.bind,
        port=options.port,
        devices=options.devices,
        replicas=options.replicas,
        workers=options.workers,
        test_users=options.test_users,
        storage_port=options.storage_port,
    )
