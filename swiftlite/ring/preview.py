"""What a rebalance would do, before it is done; and why it would do nothing.

Works on a copy of the builder. The same builder, time and seed then do exactly this.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, compress
from operator import ne

from .builder import Rebalanced, RingBuilder
from .crowded import over_full
from .device import Tier
from .errors import ImpossiblePlan
from .ground import row_lengths
from .measures import ideal_parts
from .quotas import device_quotas


@dataclass(frozen=True, slots=True)
class Move:
    """One replica's change of place; ids are None for a replica that is new."""

    partition: int
    replica: int
    source: int | None
    target: int


@dataclass(frozen=True, slots=True)
class Flow:
    """Replicas that enter and leave a device or domain, and what it holds before and after."""

    entering: int
    leaving: int
    before: int
    after: int

    @property
    def share(self) -> float:
        """Percent of what it will hold that it has to receive."""
        return 100.0 * self.entering / self.after if self.after else 0.0


@dataclass(frozen=True, slots=True)
class Preview:
    """`result` are the numbers that the rebalance will report. `partitions_moving[n]` counts the
    partitions that will have n replicas on the move; `at_risk_*` those with replicas too close."""

    result: Rebalanced
    moves: list[Move]
    devices: dict[int, Flow]
    zones: dict[Tier, Flow]
    partitions_moving: dict[int, int]
    at_risk_before: int
    at_risk_after: int
    after: RingBuilder


def preview(builder: RingBuilder, now: float, *, seed: str | None = None) -> Preview:
    """Raises what `rebalance` would raise."""
    after = builder.copy()
    before_risk = builder.copy().dispersion_report().partitions_at_risk if builder.rebalanced else 0
    result = after.rebalance(now, seed=seed)
    moves = changes(builder.rows(), after.rows())
    devices = _flows(builder, after, moves)
    return Preview(
        result=result,
        moves=moves,
        devices=devices,
        zones=_zone_flows(builder, after, moves),
        partitions_moving=dict(Counter(Counter(move.partition for move in moves).values())),
        at_risk_before=before_risk,
        at_risk_after=after.dispersion_report().partitions_at_risk,
        after=after,
    )


def changes(before: Sequence[array[int]], after: Sequence[array[int]]) -> list[Move]:
    """Every replica that another device holds afterwards, by replica and partition."""
    moves: list[Move] = []
    for replica, row in enumerate(after):
        old = before[replica] if replica < len(before) else array(row.typecode)
        known = min(len(old), len(row))
        moves += [
            Move(partition, replica, old[partition], row[partition])
            for partition in compress(range(known), map(ne, old, row))
        ]
        moves += [
            Move(partition, replica, None, row[partition]) for partition in range(known, len(row))
        ]
    return moves


def _flows(before: RingBuilder, after: RingBuilder, moves: list[Move]) -> dict[int, Flow]:
    entering = Counter(move.target for move in moves)
    leaving = Counter(move.source for move in moves if move.source is not None)
    numbers = sorted(set(chain(before.held(), after.held())))
    return {
        number: Flow(
            entering[number],
            leaving[number],
            before.held().get(number, 0),
            after.held().get(number, 0),
        )
        for number in numbers
    }


def _zone_flows(before: RingBuilder, after: RingBuilder, moves: list[Move]) -> dict[Tier, Flow]:
    """Per (region, zone); a move within a zone neither enters nor leaves it."""
    zone_of = {d.id: (d.region, d.zone) for d in before.listed()}
    entering: Counter[Tier] = Counter()
    leaving: Counter[Tier] = Counter()
    for move in moves:
        target = zone_of[move.target]
        source = None if move.source is None else zone_of[move.source]
        if source != target:
            entering[target] += 1
            if source is not None:
                leaving[source] += 1
    held_before: Counter[Tier] = Counter()
    held_after: Counter[Tier] = Counter()
    for held, builder in ((held_before, before), (held_after, after)):
        for number, count in builder.held().items():
            held[zone_of[number]] += count
    zones = sorted(set(zone_of.values()))
    return {z: Flow(entering[z], leaving[z], held_before[z], held_after[z]) for z in zones}


def explain(builder: RingBuilder, now: float) -> list[str]:
    """Why a rebalance leaves things as they are: one or more whole sentences."""
    if not builder.rebalanced:
        return ["There has been no first rebalance."]
    try:
        plan = builder.plan()
    except ImpossiblePlan as fault:
        return [f"No plan is possible: {fault}."]
    tree, parts = plan.tree, builder.partition_count
    total = sum(row_lengths(builder.replica_count, parts))
    held = builder.held()
    ideal = ideal_parts(builder.listed(), total)
    quotas = device_quotas(plan, parts, total, ideal, held)
    surplus = sum(max(0, held.get(n, 0) - quota) for n, quota in quotas.items())
    rows = builder.padded_rows()
    crowded = len(over_full(rows, tree, plan.most, parts, len(builder.devices)))
    if not surplus and not crowded:
        return [
            "Every device holds what its weight and the overload give it, to the partition,"
            " and no replicas stand closer together than planned."
        ]
    sentences = []
    if surplus:
        sentences.append(f"{surplus} replicas are on devices that should give them up.")
    if crowded:
        sentences.append(f"{crowded} partitions have replicas too close together.")
    resting = builder.resting(now)
    if resting:
        sentences.append(
            f"{resting} of {parts} partitions may not move: one of their replicas moved within"
            f" the last {builder.min_part_hours} hours (min_part_hours)."
        )
    if resting < parts and not crowded:
        sentences.append(
            "The others cannot take a better place without bringing replicas closer together"
            " than planned; more overload or another device there would allow it."
        )
    return sentences
