"""`swiftlite plan`: what stopping a node, pulling a disk or another ring would do, before it is
done. Changes nothing."""

from __future__ import annotations

import argparse

from swiftlite.service.servers import SWIFT_DIR

_HELP = "say what stopping a node, pulling a disk or another ring would do"
_CODES = "Exit codes: 0 safe, 1 not safe, 2 cannot tell, or wrong usage."
_NODE = "10.0.0.3, 10.0.0.3:6200 (one server of it), z2 or r1z2 (all of a zone), [fe80::1]"
_DISK = "10.0.0.3/sdb, or z2-10.0.0.3/sdb"


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = commands.add_parser(
        "plan",
        help=_HELP,
        description="Say what would come of it, from the rings and from what the storage servers'"
        f" recon filters tell. Changes nothing. {_CODES}",
    )
    asks = command.add_subparsers(dest="ask", metavar="QUESTION", required=True)
    stop = asks.add_parser(
        "stop",
        help="may this node be stopped now",
        description="May these nodes be stopped now, to come back with what they hold: does"
        f" everything stay readable and writable, and kept on enough copies. {_CODES}",
    )
    stop.add_argument("what", nargs="+", metavar="NODE", help=_NODE)
    pull = asks.add_parser(
        "pull",
        help="may this disk be pulled now",
        description="May these disks be pulled now, never to come back: is all they hold elsewhere"
        f" too. {_CODES}",
    )
    pull.add_argument("what", nargs="+", metavar="DISK", help=_DISK)
    ring = asks.add_parser(
        "ring",
        help="what would this ring, or a rebalance of this builder, move",
        description="What a new ring moves, or what the rebalance of a builder would: bytes for"
        " each disk and link, hours at today's limits, how many copies are in place meanwhile,"
        f" and whether that is safe. {_CODES}",
    )
    _add_ring_options(ring)
    measure = asks.add_parser(
        "measure",
        help="count what each partition of this node weighs, for `plan ring`",
        description="Count bytes and files of every partition on this node's devices, and leave"
        " them for the recon filter to show. To be run on each storage node, nightly or before"
        " a change; it looks at every file's size. Exit codes: 0 counted, 2 could not.",
    )
    measure.add_argument(
        "conf", nargs="+", metavar="CONF", help="object-server.conf, or those of several servers"
    )
    for one in (stop, pull, ring):
        _add_shared_options(one)
    command.set_defaults(run=run)


def _add_ring_options(ring: argparse.ArgumentParser) -> None:
    ring.add_argument("what", metavar="NEW", help="a .ring.gz, or a .builder")
    ring.add_argument(
        "--ring", metavar="NAME", help="the ring it replaces, e.g. object-1 (by its file's name)"
    )
    ring.add_argument("--seed", metavar="SEED", help="of the rebalance, for a builder")
    ring.add_argument("--link", metavar="RATE", help="of a node, each way (1Gbit)")
    ring.add_argument("--disk", metavar="RATE", help="of a device (100MB/s)")
    ring.add_argument(
        "--stream", metavar="RATE", help="of one transfer (rsync_bwlimit of object-server.conf)"
    )
    ring.add_argument(
        "--concurrency", type=int, metavar="N", help="partitions that a node sends at once (conf)"
    )
    ring.add_argument(
        "--connections",
        type=int,
        metavar="N",
        help="transfers that are taken at once (conf, or max connections of rsyncd.conf)",
    )
    ring.add_argument("--svg", metavar="FILE", help="draw bytes of each device before and after")


def _add_shared_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("-d", "--swift-dir", default=SWIFT_DIR, help=f"({SWIFT_DIR})")
    command.add_argument(
        "-t", "--timeout", type=float, default=2.0, help="seconds to wait for a server (2)"
    )
    command.add_argument(
        "--least", type=int, metavar="N", help="copies that must be left (a write quorum)"
    )
    command.add_argument("--json", action="store_true", help="a JSON object")


def run(options: argparse.Namespace) -> int:
    # Imported late: other commands of `swiftlite` need none of it.
    from swiftlite.cli.plan.answer import answer

    return answer(options)
