"""plan: what a rebalance would do now. Writes nothing."""

from __future__ import annotations

from typing import Any

from swiftlite.ring.preview import Flow, Preview, explain, preview
from swiftlite.ring.tiers import tier_name

from .choosing import Parser, describe
from .session import SUCCESS, WARNING, Session
from .tables import aligned

SUMMARY = "what rebalance would move now; nothing is written"
USAGE = """\
swiftlite-ring-builder <builder file> plan [--seed SEED] [--partitions]

Partitions and share of data that every zone and device would receive and give, how many replicas of
a partition would be on the move at once, balance and dispersion before and after. `rebalance` with
the same seed (or none) then does exactly this, as long as no further hour of min_part_hours passes.
--partitions lists every single move: partition, replica, from device, to device."""
WRITES = False


def run(session: Session, name: str, args: list[str]) -> int:
    parser = Parser(add_help=False)
    parser.add_argument("-s", "--seed")
    parser.add_argument("--partitions", action="store_true")
    options = parser.parse_args(args)
    builder = session.builder
    found = preview(builder, session.now, seed=options.seed)
    session.say(**facts_of(found, moves=options.partitions))
    if not found.moves:
        session.say("Nothing would move.")
        for sentence in explain(found.after, session.now):
            session.say(sentence)
        return WARNING
    result = found.result
    slots = sum(flow.after for flow in found.devices.values())
    session.say(
        f"{result.moved} of {slots} replicas would move ({100 * result.moved / slots:.2f}% of the"
        f" data); {result.forced} of them have no holder now"
    )
    session.say(
        f"balance {result.balance_before:.2f} -> {result.balance:.2f}, dispersion"
        f" {result.dispersion_before or 0.0:.2f} -> {result.dispersion:.2f}, partitions with"
        f" replicas too close {found.at_risk_before} -> {found.at_risk_after}"
    )
    for count in sorted(found.partitions_moving):
        risk = " (their data rests on the others until replication is through)" if count > 1 else ""
        session.say(
            f"{found.partitions_moving[count]} partitions with {count} of their replicas"
            f" on the move{risk}"
        )
    _tables(session, found)
    if options.partitions:
        session.say("Moves: partition replica from to")
        for move in found.moves:
            source = "-" if move.source is None else move.source
            session.say(f"{move.partition} {move.replica} {source} {move.target}")
    return SUCCESS


def _tables(session: Session, found: Preview) -> None:
    heads = ("", "receives", "gives", "holds now", "then", "new data %")
    zones = [_row(tier_name(tier), flow) for tier, flow in found.zones.items()]
    for line in aligned("Zones:  ", heads, zones, frozenset({""})):
        session.say(line)
    names = {device.id: describe(device) for device in session.builder.listed()}
    rows = [
        _row(names.get(number, f"d{number}"), flow)
        for number, flow in found.devices.items()
        if flow.entering or flow.leaving
    ]
    for line in aligned("Devices:", heads, rows, frozenset({""})):
        session.say(line)


def _row(label: str, flow: Flow) -> tuple[str, ...]:
    return (
        label,
        str(flow.entering),
        str(flow.leaving),
        str(flow.before),
        str(flow.after),
        f"{flow.share:.2f}",
    )


def facts_of(found: Preview, *, moves: bool) -> dict[str, Any]:
    """The preview for JSON."""
    result = found.result
    facts: dict[str, Any] = {
        "moved": result.moved,
        "forced": result.forced,
        "balance_before": result.balance_before,
        "balance": result.balance,
        "dispersion_before": result.dispersion_before,
        "dispersion": result.dispersion,
        "partitions_moving": found.partitions_moving,
        "at_risk_before": found.at_risk_before,
        "at_risk_after": found.at_risk_after,
        "devices": [_flow_facts(flow) | {"id": n} for n, flow in found.devices.items()],
        "zones": [_flow_facts(flow) | {"zone": tier_name(t)} for t, flow in found.zones.items()],
    }
    if moves:
        facts["moves"] = [[m.partition, m.replica, m.source, m.target] for m in found.moves]
    return facts


def _flow_facts(flow: Flow) -> dict[str, Any]:
    return {
        "receives": flow.entering,
        "gives": flow.leaving,
        "before": flow.before,
        "after": flow.after,
        "new_percent": round(flow.share, 4),
    }
