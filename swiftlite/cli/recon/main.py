"""The command: which servers, which checks, and their reports as text or JSON.

Exit codes: 0 reports were made (whatever they say), 1 they could not be, 2 wrong usage.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from swiftlite.cli.recon import checks, compare, places
from swiftlite.cli.recon.ask import CLOCK, SERVER_TYPE, Reply, ask_all
from swiftlite.cli.recon.checks import Check
from swiftlite.cli.recon.report import RULE, Report, shown_time
from swiftlite.host.os_clock import wall
from swiftlite.vocab.errors import SwiftliteError

KINDS = ("account", "container", "object")
SWIFT_DIR = "/etc/swift"


class Wanted(NamedTuple):
    """A check as asked for. flag: its option; path: below /recon; kinds: servers that have it;
    refusal: what the others are told."""

    flag: str
    path: str
    check: Check
    kinds: tuple[str, ...] = KINDS
    refusal: str = ""
    once_a_host: bool = False


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="swiftlite-recon",
        description="What the servers of a cluster report through their recon filter.",
    )
    made.add_argument("types", nargs="*", metavar="account|container|object",
                      help="servers to ask (object)")  # fmt: skip
    made.add_argument("-v", "--verbose", action="store_true", help="print each answer")
    made.add_argument("--suppress", action="store_true", help="do not print failed connections")
    made.add_argument("--json", action="store_true", help="a JSON object instead of text")
    for names, text in _FLAGS:
        made.add_argument(*names, action="store_true", help=text)
    made.add_argument("--human-readable", action="store_true", help="sizes with units")
    made.add_argument("--jitter", type=float, default=0.0, metavar="SECONDS",
                      help="how far clocks may be off")  # fmt: skip
    made.add_argument(
        "--top", type=int, default=0, metavar="COUNT", help="name the fullest devices"
    )
    made.add_argument("--lowest", type=int, default=0, metavar="COUNT",
                      help="name the emptiest devices")  # fmt: skip
    made.add_argument("--all", action="store_true", help="every check")
    made.add_argument("--region", type=int, help="only servers of this region")
    made.add_argument("-z", "--zone", type=int, help="only servers of this zone")
    made.add_argument("-t", "--timeout", type=float, default=5, metavar="SECONDS",
                      help="longest wait for an answer (5)")  # fmt: skip
    made.add_argument("--swiftdir", default=SWIFT_DIR, help=f"where the rings are ({SWIFT_DIR})")
    made.add_argument("-p", "--policy", help="only object servers of this policy, by name or index")
    return made


_FLAGS = (
    (("-a", "--async"), "async pendings"),
    (("-r", "--replication"), "replication"),
    (("-R", "--reconstruction"), "reconstruction"),
    (("--auditor",), "auditors"),
    (("--updater",), "updaters"),
    (("--expirer",), "expirers"),
    (("--sharding",), "sharders"),
    (("-u", "--unmounted"), "devices that are not mounted"),
    (("-d", "--diskusage"), "how full devices are"),
    (("-l", "--loadstats"), "load averages"),
    (("-q", "--quarantined"), "what is in quarantine"),
    (("--validate-servers",), "whether the ring's ports are of the right servers"),
    (("--md5",), "whether rings and swift.conf are the same as here"),
    (("--sockstat",), "sockets in use"),
    (("--driveaudit",), "errors that the drive audit has found"),
    (("-T", "--time"), "whether clocks agree with the one here"),
    (("--swift-versions",), "versions"),
)


def main(arguments: Sequence[str] | None = None) -> int:
    given = sys.argv[1:] if arguments is None else list(arguments)
    if not given:
        parser().print_help()
        return 0
    options = parser().parse_intermixed_args(given)
    strangers = set(options.types) - set(KINDS)
    if strangers:
        parser().error(f"not a type of server: {', '.join(sorted(strangers))}")
    try:
        reports = [_reported(kind, options) for kind in options.types or ("object",)]
    except SwiftliteError as error:
        print(f"swiftlite-recon: {error}", file=sys.stderr)
        return 1
    if options.json:
        print(json.dumps({kind: facts for kind, facts in reports}))
    return 0


def _reported(kind: str, options: argparse.Namespace) -> tuple[str, dict[str, object]]:
    """Ask, and print unless JSON is wanted; the facts by check."""
    show: Callable[[str], None] = (lambda _: None) if options.json else print
    servers = places.servers(
        kind,
        options.swiftdir,
        policy=options.policy,
        region=options.region,
        zone=options.zone,
    )
    show(RULE)
    show(f"--> Starting reconnaissance on {len(servers)} hosts ({kind})")
    show(RULE)
    wanted = list(_wanted(kind, options))
    paths = [one.path.format(kind=kind) for one in wanted if kind in one.kinds]
    replies = ask_all(servers, paths, options.timeout)
    facts: dict[str, object] = {"hosts": len(servers)}
    for one in wanted:
        if kind not in one.kinds:
            show(f"Error: Can't check {one.refusal} servers.")
            show(RULE)
            continue
        found = replies[one.path.format(kind=kind)]
        if one.once_a_host:
            found = list({reply.server[0]: reply for reply in found}.values())
        now = wall()
        report = one.check(kind, found, now)
        facts[one.path.partition("/")[0]] = {**report.facts, "silent": _silent(found)}
        for line in _lines(report, found, now, options):
            show(line)
    return kind, facts


def _lines(
    report: Report, replies: Sequence[Reply], now: float, options: argparse.Namespace
) -> Iterator[str]:
    yield f"[{shown_time(now)}] {report.title}"
    for reply in replies:
        if options.verbose or not (reply.ok or options.suppress):
            yield f"-> {reply.url}: {reply.content}"
    yield from report.lines
    yield RULE


def _silent(replies: Sequence[Reply]) -> dict[str, str]:
    return {reply.url: str(reply.content) for reply in replies if not reply.ok}


def _wanted(kind: str, options: argparse.Namespace) -> Iterator[Wanted]:
    """In Swift's order; with --all what does not fit the kind is left out without a word."""
    for one in _every(kind, options):
        if (options.all and kind in one.kinds) or getattr(options, one.flag):
            yield one


def _every(kind: str, options: argparse.Namespace) -> tuple[Wanted, ...]:
    verbose, directory = options.verbose, options.swiftdir
    auditors = checks.object_auditors if kind == "object" else checks.database_auditors
    usage = compare.disk_usage(options.top, options.lowest, options.human_readable)
    return (
        Wanted("async", "async", checks.async_pendings, ("object",), "asyncs on non object"),
        Wanted("auditor", "auditor/{kind}", auditors),
        Wanted(
            "updater", "updater/{kind}", checks.updaters, ("container", "object"),
            "updaters on account",
        ),
        Wanted(
            "expirer", "expirer/{kind}", checks.expirers, ("object",), "expirer on non object"
        ),
        Wanted(
            "sharding", "sharding", checks.sharding, ("container",), "sharding on non container"
        ),
        Wanted(
            "reconstruction", "reconstruction/{kind}", checks.reconstruction, ("object",),
            "reconstruction stats on non object",
        ),
        Wanted("replication", "replication/{kind}", checks.replication),
        Wanted("unmounted", "unmounted", checks.unmounted),
        Wanted("loadstats", "load", checks.loads),
        Wanted("diskusage", "diskusage", usage, once_a_host=True),
        Wanted("md5", "ringmd5", compare.ring_sums(directory, verbose)),
        Wanted("md5", "swiftconfmd5", compare.conf_sums(directory, verbose)),
        Wanted("quarantined", "quarantined", checks.quarantines),
        Wanted("sockstat", "sockstat", checks.sockets),
        Wanted("validate_servers", SERVER_TYPE, checks.server_types),
        Wanted("driveaudit", "driveaudit", checks.drive_audit),
        Wanted("time", CLOCK, compare.clocks(abs(options.jitter), verbose)),
        Wanted("swift_versions", "version", checks.versions),
    )  # fmt: skip
