"""Which partitions run short while some devices are away, and how short. Pure.

Reading takes one copy (or enough fragments); a write takes a quorum of the devices that a proxy
asks, handoffs included. What is kept on fewer than a quorum of copies meanwhile counts as short
too: it can be read, but the next disk that fails may be the last one to have it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from swiftlite.plan.standing import Standing

Progress = Callable[[str, int, int], None]
"""What is done, how much of it, and how much there is."""
_EXAMPLES = 5
_EVERY = 1 << 14


def silent(doing: str, done: int, total: int) -> None:
    """A Progress for whom nobody watches."""


@dataclass(frozen=True, slots=True)
class Example:
    """A partition that would be short. left: who still has it."""

    ring: str
    partition: int
    left: tuple[str, ...]
    others: tuple[str, ...]


@dataclass(slots=True)
class Shortage:
    """touched: partitions that have a copy on what goes. short[n]: those with n copies left, n
    below least. unwritable: those for which no quorum could be found. assumed: those that may
    be short, as a copy is counted that may lack something, or not be there yet."""

    ring: str
    least: int
    needed: int
    touched: int = 0
    short: Counter[int] = field(default_factory=Counter)
    unwritable: int = 0
    assumed: int = 0
    already: int = 0
    examples: list[Example] = field(default_factory=list)

    @property
    def unreadable(self) -> int:
        return sum(number for left, number in self.short.items() if left < self.needed)

    @property
    def thin(self) -> int:
        """Readable still, by fewer copies than there ought to be."""
        return sum(number for left, number in self.short.items() if left >= self.needed)

    @property
    def is_harmless(self) -> bool:
        return not self.short and not self.unwritable and not self.assumed

    def facts(self) -> dict[str, object]:
        return {
            "ring": self.ring,
            "touched": self.touched,
            "copies_left": {str(left): number for left, number in sorted(self.short.items())},
            "unreadable": self.unreadable,
            "thin": self.thin,
            "unwritable": self.unwritable,
            "assumed": self.assumed,
            "already_short": self.already,
            "examples": [
                {"partition": one.partition, "left": one.left, "others": one.others}
                for one in self.examples
            ],
        }


def shortage(
    standing: Standing,
    going: Collection[int],
    *,
    least: int | None = None,
    everything: bool = False,
    progress: Progress = silent,
) -> Shortage:
    """going: the devices that would be away. everything: look at all partitions, not only at
    those that have a copy there; for a ring that moves them."""
    away = frozenset(going)
    found = Shortage(standing.name, least or max(1, standing.quorum), standing.needed)
    writes = _Writes(standing, away)
    is_plain = standing.settled
    good = bytearray(len(standing.ring.devices) + 1)
    for device in standing.ring.devices:
        if device is not None:
            is_bad = device.id in standing.out or device.id in standing.lacking
            good[device.id] = not is_bad and device.id not in away
    total = standing.ring.partition_count
    for partition in range(total):
        if partition % _EVERY == 0:
            progress(f"looking at the {standing.name} ring", partition, total)
        ids = standing.ring.table.ids(partition)
        is_touched = not away.isdisjoint(ids)
        found.touched += is_touched
        if is_plain and sum(map(good.__getitem__, set(ids))) >= found.least:
            if not writes.never_fail and not writes.enough(partition):
                found.unwritable += 1
            continue
        _look(standing, partition, away, is_touched or everything, found, writes)
    progress(f"looking at the {standing.name} ring", total, total)
    found.examples.sort(key=lambda one: len(one.left))
    return found


class _Writes:
    """Whether writes find a quorum."""

    def __init__(self, standing: Standing, away: frozenset[int]) -> None:
        self._standing = standing
        self._away = away
        bad = away | standing.full | set(standing.out)
        assigned = standing.ring.contents.breadth.totals[3]
        # Not even if all that are away were among those asked could there be too few others.
        self.never_fail = len(bad) <= min(standing.asked, assigned) - standing.quorum

    def enough(self, partition: int) -> bool:
        return self.never_fail or self._standing.takes_writes(partition, self._away)


def _look(
    standing: Standing,
    partition: int,
    away: frozenset[int],
    counts: bool,
    found: Shortage,
    writes: _Writes,
) -> None:
    """One partition that may be short. counts: whether what goes has to do with it."""
    before = standing.found(partition)
    left = before - away
    if not writes.enough(partition):
        found.unwritable += 1
    least = min(found.least, len(standing.primaries(partition)))
    if len(left) < least:
        if counts or left != before:
            found.short[len(left)] += 1
            _remember(standing, partition, left, away, found)
        else:
            found.already += 1
    elif len(left) - standing.is_guessed - len(left & standing.lacking.keys()) < least:
        found.assumed += 1


def _remember(
    standing: Standing, partition: int, left: set[int], away: frozenset[int], found: Shortage
) -> None:
    if len(found.examples) >= _EXAMPLES:
        worst = max(found.examples, key=lambda one: len(one.left))
        if len(worst.left) <= len(left):
            return
        found.examples.remove(worst)
    others = [
        number
        for number in standing.primaries(partition)
        if number not in left and number not in away
    ]
    found.examples.append(
        Example(
            standing.name,
            partition,
            tuple(standing.describe(number) for number in sorted(left)),
            tuple(standing.describe(number) for number in others),
        )
    )
