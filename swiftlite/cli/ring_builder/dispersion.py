"""dispersion: how close replicas stand, per tier."""

from __future__ import annotations

import re
from typing import Any

from swiftlite.ring.tiers import tier_name

from .choosing import Parser
from .session import SUCCESS, WARNING, CommandError, Session, UsageError
from .tables import aligned

SUMMARY = "how close together replicas stand, per region, zone, server, device"
USAGE = """\
swiftlite-ring-builder <builder file> dispersion [<tier regex>] [--verbose] [--recalculate]

The share of replicas that stand closer together than the domains would allow. With --verbose a line
per tier whose name matches: partitions with replicas there, the percentage that has too many, the
most that one should have, and how many partitions have 0, 1, 2, ... replicas there.
--recalculate keeps the fresh numbers in the builder. Exit code 1 when dispersion is above 0."""
WRITES = True


def run(session: Session, name: str, args: list[str]) -> int:
    parser = Parser(add_help=False)
    parser.add_argument("filter", nargs="?")
    parser.add_argument("-v", "--verbose", action="store_true")
    parser.add_argument("--recalculate", action="store_true")
    options = parser.parse_args(args)
    builder = session.builder
    if not builder.rebalanced:
        raise CommandError("this builder has not been rebalanced yet; rebalance first")
    try:
        wanted = re.compile(options.filter or "")
    except re.error as fault:
        raise UsageError(f"not a regular expression: {fault}") from None
    report = builder.dispersion_report()
    if options.recalculate:
        session.save()
    required = 100 * builder.plan().required_overload
    tiers: list[dict[str, Any]] = []
    for tier in sorted(report.graph, key=lambda t: tuple(map(str, t))):
        counts, allowed = report.graph[tier], report.allowed[tier]
        label = tier_name(tier, builder.devices)
        if not wanted.search(label):
            continue
        parts = sum(counts[1:])
        over = sum(counts[allowed + 1 :])
        tiers.append(
            {
                "tier": label,
                "parts": parts,
                "percent": round(100.0 * over / parts, 4) if parts else 0.0,
                "max": allowed,
                "counts": counts,
            }
        )
    session.say(
        f"Dispersion is {report.percent:.6f}, Balance is {builder.balance():.6f},"
        f" Overload is {100 * builder.overload:.2f}%",
        dispersion=report.percent,
        balance=builder.balance(),
        overload=builder.overload,
        partitions_at_risk=report.partitions_at_risk,
        tiers=tiers,
    )
    session.say(f"Required overload is {required:.6f}%", required_overload=required / 100)
    if tiers:
        worst = max(tiers, key=lambda t: t["percent"])
        if worst["percent"]:
            session.say(
                f"Worst tier is {worst['percent']:.6f} ({worst['tier']})", worst=worst["tier"]
            )
    if options.verbose and tiers:
        _table(session, tiers)
    return WARNING if report.percent > 0 else SUCCESS


def _table(session: Session, tiers: list[dict[str, Any]]) -> None:
    depth = max(len(tier["counts"]) for tier in tiers)
    heads = ("Tier", "Parts", "%", "Max", *map(str, range(depth)))
    rows = [
        (
            str(tier["tier"]),
            str(tier["parts"]),
            f"{tier['percent']:.2f}",
            str(tier["max"]),
            *map(str, tier["counts"]),
        )
        for tier in tiers
    ]
    for line in aligned("", heads, rows, frozenset({"Tier"})):
        session.say(line)
