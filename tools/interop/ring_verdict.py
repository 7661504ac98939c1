"""Which of two rebalances is the better one, and whether all that moved had to.

The order of goals is that of doc/decisions/balance-and-dispersion.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from swiftlite.ring import RingBuilder
from swiftlite.ring.ground import row_lengths
from swiftlite.ring.measures import ideal_parts
from swiftlite.ring.preview import changes
from swiftlite.ring.quotas import device_quotas
from tools.interop.ring_reach import too_close

NEARLY = 1e-6
MARGIN = 1.01  # Moves beyond what weights demand that need no reason.


@dataclass(frozen=True, slots=True)
class Result:
    """What a rebalance led to, and which of two is the better."""

    balance: float
    dispersion: float
    overload: float

    @classmethod
    def of(cls, builder: RingBuilder) -> Result:
        """Both numbers by our own measure."""
        dispersion = builder.dispersion_report().percent
        return cls(builder.balance(), dispersion, 100 * builder.overload)

    @property
    def numbers(self) -> tuple[float, float]:
        return self.balance, self.dispersion

    def some_worse(self, other: Result) -> bool:
        """Is at least one of the numbers worse?"""
        return any(a > b + NEARLY for a, b in zip(self.numbers, other.numbers, strict=True))

    def first_worse(self, other: Result) -> str | None:
        """The first of the goals in which the two differ, if this one is worse there."""
        goals: dict[str, Callable[[Result], float]] = {
            "balance beyond the overload": lambda r: max(r.balance, r.overload),
            "dispersion": lambda r: r.dispersion,
            "balance": lambda r: r.balance,
        }
        for name, measure in goals.items():
            if abs(measure(self) - measure(other)) > NEARLY:
                return name if measure(self) > measure(other) else None
        return None


def quality(builder: RingBuilder) -> tuple[float, float]:
    """Balance and dispersion, both by our own measure."""
    return Result.of(builder).numbers


def misplaced(builder: RingBuilder, before: RingBuilder) -> int:
    """Replicas on devices that should have given them up."""
    quotas, _ = demand(before)
    return sum(max(0, builder.held().get(n, 0) - quota) for n, quota in quotas.items())


def demand(builder: RingBuilder) -> tuple[dict[int, int], int]:
    """Partitions meant for each device; and how many replicas have to move for that if nothing
    stands in the way: those without a holder, and every surplus."""
    plan = builder.plan()
    lengths = row_lengths(builder.replica_count, builder.partition_count)
    held: Counter[int] = Counter()
    kept = 0
    for row, length in zip(builder.rows(), lengths, strict=False):
        counted = Counter(row[:length])
        for number in builder.removed:
            counted.pop(number, None)
        held.update(counted)
        kept += sum(counted.values())
    quotas = device_quotas(
        plan,
        builder.partition_count,
        sum(lengths),
        ideal_parts(builder.listed(), sum(lengths)),
        held,
    )
    surplus = sum(max(0, held[number] - quota) for number, quota in quotas.items())
    return quotas, sum(lengths) - kept + surplus


@dataclass(frozen=True, slots=True)
class Moves:
    """What moved in one rebalance, and what had to: `needless` are moves of which each alone could
    be taken back without a worse balance or dispersion; `idle` are those of them that have not even
    brought devices nearer to their quotas, or, beyond the demand, not to within a partition."""

    moved: int
    demand: int
    needless: int
    idle: int

    @classmethod
    def of(cls, before: RingBuilder, after: RingBuilder) -> Moves:
        quotas, demanded = demand(before)
        found = changes(before.rows(), after.rows())
        held, ideal = after.held(), _ideal(after)
        worst = max(abs(held.get(n, 0) / share - 1) for n, share in ideal.items()) + NEARLY
        plan, needless, idle = after.plan(), 0, 0
        for move in found:
            home, number = move.source, move.target
            ids = after.assigned(move.partition)
            if home not in ideal or home in ids:
                continue
            counts = {home: held.get(home, 0) + 1, number: held[number] - 1}
            other = [home if n == number else n for n in ids]
            if too_close(plan, other) <= too_close(plan, ids) and all(
                abs(count / ideal[n] - 1) <= worst for n, count in counts.items() if n in ideal
            ):
                needless += 1
                off = {n: abs(count - quotas[n]) for n, count in counts.items()}
                now = sum(abs(held.get(n, 0) - quotas[n]) for n in counts)
                more = len(found) > demanded and max(off.values()) <= 1
                idle += more or sum(off.values()) <= now
        return cls(len(found), demanded, needless, idle)

    def verdict(self, theirs: int) -> str:
        """Within the bounds of the figure, or what was bought."""
        if self.idle:
            return "some of which buy nothing"
        if self.moved <= self.demand * MARGIN:
            return "no more than weights demand + 1 %"
        if self.moved <= theirs:
            return "no more than theirs"
        if not self.needless:
            return "more, and each one buys balance or dispersion"
        return "more, and some keep quotas"


def _ideal(builder: RingBuilder) -> dict[int, float]:
    """Partitions by weight of the devices that have some."""
    slots = builder.replica_count * builder.partition_count
    return {n: share for n, share in ideal_parts(builder.listed(), slots).items() if share > 0}
