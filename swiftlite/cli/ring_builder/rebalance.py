"""rebalance: partitions to devices, then builder and ring are written."""

from __future__ import annotations

from typing import Any

from swiftlite.ring import Rebalanced
from swiftlite.ring.measures import BALANCE_MAX
from swiftlite.ring.preview import explain

from .choosing import Parser
from .session import ERROR, SUCCESS, WARNING, ProgressBar, Session
from .tables import duration

SUMMARY = "give partitions to devices, then write builder and ring"
USAGE = """\
swiftlite-ring-builder <builder file> rebalance [<seed>] [--force] [--seed SEED] [--debug]
    [--format-version 1|2]

Moves as little as weights, domains and overload ask for, and at most one replica of a partition per
min_part_hours; replicas on removed devices move at once. The same builder and seed give the same
ring. Without --force nothing is written when devices are unchanged and neither balance nor
dispersion changes by 1. Exit code 1 when nothing was written, when replicas still stand too close,
or when balance is above 5 and above the overload."""
WRITES = True
WORTH_SAVING = 1.0
BALANCE_WARNING = 5.0


def run(session: Session, name: str, args: list[str]) -> int:
    parser = Parser(add_help=False)
    parser.add_argument("seed_word", nargs="?")
    parser.add_argument("-f", "--force", action="store_true")
    parser.add_argument("-s", "--seed")
    parser.add_argument("-d", "--debug", action="store_true")
    parser.add_argument("--format-version", type=int, choices=(1, 2), default=1)
    options = parser.parse_args(args)
    builder = session.builder
    changed = builder.devices_changed
    progress = ProgressBar()
    try:
        done = builder.rebalance(
            session.now, seed=options.seed or options.seed_word, progress=progress
        )
    finally:
        progress.close()
    session.say(**_facts(done))
    if not (done.moved or done.removed or options.force):
        session.say("No partitions could be reassigned.")
        return _say_why(session)
    if not (options.force or changed or _worth_saving(done)):
        session.say("The result was not kept: it differs by less than 1 (--force keeps it).")
        return WARNING
    faults = list(builder.violations())
    if faults:
        for fault in faults:
            session.say(fault)
        session.say("Nothing was written: the result does not pass validation.", faults=faults)
        return ERROR
    if options.debug:
        _say_plan(session)
    session.save(backup=True)
    session.write_ring(options.format_version)
    session.say(
        f"Reassigned {done.moved} ({100 * done.moved / builder.partition_count:.2f}%) partitions."
        f" Balance is now {done.balance:.2f}. Dispersion is now {done.dispersion:.2f}",
        written=True,
    )
    if not done.moved:
        _say_why(session)
    return _warnings(session, done)


def _facts(done: Rebalanced) -> dict[str, Any]:
    return {
        "moved": done.moved,
        "forced": done.forced,
        "removed": list(done.removed),
        "balance_before": done.balance_before,
        "balance": done.balance,
        "dispersion_before": done.dispersion_before,
        "dispersion": done.dispersion,
        "written": False,
    }


def _worth_saving(done: Rebalanced) -> bool:
    if abs(done.balance - done.balance_before) >= WORTH_SAVING:
        return True
    if done.balance == done.balance_before == BALANCE_MAX:
        return True  # A device is being drained; its balance says the same until it is empty.
    before = done.dispersion_before
    return before is None or abs(done.dispersion - before) >= WORTH_SAVING


def _say_why(session: Session) -> int:
    reasons = explain(session.builder, session.now)
    for sentence in reasons:
        session.say(sentence)
    left = session.builder.seconds_left(session.now)
    session.say(reasons=reasons, seconds_left=left)
    if left and session.builder.resting(session.now):
        session.say(f"Time that partitions still have to rest: {duration(left)}")
    return WARNING


def _say_plan(session: Session) -> None:
    from swiftlite.ring.tiers import tier_name

    plan = session.builder.plan()
    session.say(f"required overload {plan.required_overload:.6f}")
    for node, tier in enumerate(plan.tree.tier):
        session.say(
            f"{tier_name(tier, session.builder.devices)}: weighted {plan.weighted[node]:.6f},"
            f" dispersed {plan.dispersed[node]:.6f}, target {plan.target[node]:.6f} replicas"
        )


def _warnings(session: Session, done: Rebalanced) -> int:
    code = SUCCESS
    if done.dispersion > 0:
        session.say(
            f"NOTE: dispersion is {done.dispersion:.6f}: some replicas stand closer together than"
            " the domains would allow. Other weights or more overload help; the command dispersion"
            " shows where."
        )
        code = WARNING
    if done.balance > BALANCE_WARNING and done.balance > 100 * session.builder.overload:
        session.say(
            f"NOTE: balance is {done.balance:.2f}: give this ring to the nodes, wait"
            f" {session.builder.min_part_hours} hours, then rebalance again."
        )
        code = WARNING
    return code
