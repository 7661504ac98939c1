"""The last part of a rebalance: decides again what was decided greedily, where something is gained.

The worst device comes nearer to its share (nearer), replicas that stand too close move apart and
moves that turn out to be detours are taken back (circuits). None of them pays for one aim with
another: what balance and dispersion cost each other, weights and overload have decided in the plan.
Usually there is nothing to do, which is found out at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random

from .assignment import Assignment
from .choices import Choices
from .circuits import Room, run_circuits
from .crowded import over_full
from .nearer import Nearer
from .reach import Reach
from .shares import NEARLY, Shares
from .wanted import Plan

SLIP = 1  # Partitions off its quota that a device may be for the sake of distance.
WORKING_SET = 1 << 14  # Partitions looked at in a larger ring: some of each kind, and some others.
DEVICES_MAX = 80  # Likewise of devices.


class Refinement:
    """`ideal` is each device's share by weight."""

    def __init__(
        self, table: Assignment, plan: Plan, ideal: Mapping[int, float], rng: Random
    ) -> None:
        self.table = table
        self.plan = plan
        self.ideal = ideal
        self.shares = Shares(table, ideal)
        self.rng = rng
        self.allowed = [int(share) for share in plan.allowed]

    def of_layout(self) -> None:
        """Of a first assignment, whose replicas may all go anywhere."""
        table = self.table
        crowded = self._crowded() if self._weights_crowd() else []
        if not crowded:
            return
        chosen = self._working_set([crowded]) or bytearray(b"\x01") * table.parts
        holes = [
            (row, partition)
            for row, held in enumerate(table.rows)
            for partition in range(table.parts)
            if chosen[partition] and held[partition] != table.hole
        ]
        self._run(bytearray(table.parts), holes, crowded, self._devices(crowded, set()))

    def of_changes(
        self, free: bytearray, holes: Sequence[tuple[int, int]], crowded: Sequence[int]
    ) -> None:
        """`free` are the partitions that might move when the rebalance began, `holes` the replicas
        without a holder then; `crowded` is a superset of those that exceed the plan."""
        table = self.table
        if self._weights_crowd():
            crowded = self._crowded()
        uneven = any(
            held > want or (held < want and self.ideal.get(number, 0.0) > 0)
            for number, (held, want) in enumerate(zip(table.held, table.want, strict=True))
        )
        overloaded = self.plan.overload > 0 and self.plan.required_overload > 0
        moved = table.moved()
        passing = self._passing(moved)
        if crowded or uneven or overloaded:
            kinds = [crowded, sorted({partition for _, partition in moved})]
            chosen = self._working_set(kinds)
            devices = self._devices(crowded, passing)
        elif len(moved) > len(holes) + _surplus_given(table, moved):
            # Detours only: nothing else is looked at.
            chosen = bytearray(table.parts)
            devices = sorted(passing)[:DEVICES_MAX]
            for row, partition in moved:
                if table.origin[row, partition] in passing or table.rows[row][partition] in passing:
                    chosen[partition] = 1
        else:
            return
        if chosen is not None:
            free = bytearray(map(min, free, chosen))
            holes = [slot for slot in holes if chosen[slot[1]]]
        self._run(free, holes, crowded, devices)

    def towards(
        self, free: bytearray, holes: Sequence[tuple[int, int]], error: float, risks: int
    ) -> None:
        """As few replicas too close as a worst error of `error` allows, then the worst device as
        near to its share as can be for half of those that are left of `risks`: so both are ahead
        of what is asked for. Quotas count for less."""
        crowded = self._crowded()
        devices = self._devices(crowded, self._passing(self.table.moved()))
        choices = Choices(self.table, free, frozenset(holes), self.allowed)
        nearer = Nearer(Reach(choices, devices, crowded, self.rng), self.shares)
        run_circuits(nearer.reach, self._within(error))
        nearer.run()
        most = (choices.risks() + risks) // 2
        while (left := most - choices.risks()) > 0 and nearer.run(left):
            pass
        run_circuits(nearer.reach, self._within(self.shares.worst()[0]))

    def send_back(self, free: bytearray, holes: Sequence[tuple[int, int]], demand: int) -> None:
        """Take moves back that made neither the worst device better nor brought replicas apart:
        those that brought no device nearer to its quota, and others while there are more than
        `demand`."""
        table = self.table
        moved = table.moved()
        if len(moved) <= demand and all(self._serves_quotas(*slot) for slot in moved):
            return
        chosen = self._working_set([sorted({partition for _, partition in moved})])
        if chosen is not None:
            free = bytearray(map(min, free, chosen))
        choices = Choices(table, free, frozenset(holes), self.allowed)
        crowded = self._crowded()
        reach = Reach(choices, self._devices(crowded, self._passing(moved)), crowded, self.rng)
        while self._send_some_back(reach, len(table.moved()) - demand):
            run_circuits(reach, lambda *_: False)

    def _send_some_back(self, reach: Reach, beyond: int) -> int:
        """How many went back, one by one."""
        table, choices, sent = self.table, reach.choices, 0
        worst = self.shares.worst()[0]
        kept, within = self._room(worst), self._within(worst)
        slots = [(row, partition) for partition, row in choices.moved.items()]
        for row, partition in sorted(slots, key=lambda slot: self._serves_quotas(*slot)):
            serves = self._serves_quotas(row, partition)
            if not serves or sent < beyond:
                room = kept if serves else within
                home, number = table.origin[row, partition], table.rows[row][partition]
                steps = [(row, partition, home)]
                if (
                    room(home, 1)
                    and room(number, -1)
                    and home not in table.others(partition, row)
                    and choices.risk(partition, steps) <= choices.risk(partition)
                ):
                    reach.do(steps)
                    sent += 1
        return sent

    def _serves_quotas(self, row: int, partition: int) -> bool:
        """Would devices be further from their quotas with this replica back where it was?"""
        table = self.table
        home, number = table.origin[row, partition], table.rows[row][partition]
        return home == table.hole or table.further(home, 1) + table.further(number, -1) > 0

    def _within(self, error: float) -> Room:
        """Any number of partitions by which a device is no further from its share than `error`."""
        return lambda number, change: self.shares.error(number, change) <= error + NEARLY

    def _run(
        self,
        free: bytearray,
        holes: Sequence[tuple[int, int]],
        crowded: Sequence[int],
        devices: list[int],
    ) -> None:
        choices = Choices(self.table, free, frozenset(holes), self.allowed)
        nearer = Nearer(Reach(choices, devices, crowded, self.rng), self.shares)
        nearer.run()
        run_circuits(nearer.reach, self._room(max(self.shares.worst()[0], self.plan.overload)))
        nearer.run()

    def _room(self, error: float) -> Room:
        """What devices may hold for the sake of distance: one partition more or less than their
        quota, more within the overload; none may become worse than `error`."""
        table, shares, overload = self.table, self.shares, self.plan.overload
        bound = error + NEARLY

        def room(number: int, change: int) -> bool:
            held, want = table.held[number] + change, table.want[number]
            if shares.error(number, change) > max(bound, shares.error(number)):
                return False
            if table.further(number, change) < 0:
                return True
            return abs(held - want) <= SLIP or want < held <= shares.ideal[number] * (1 + overload)

        return room

    def _weights_crowd(self) -> bool:
        """Do weights put more replicas of a partition into a domain than distance allows?"""
        return any(most > cap for most, cap in zip(self.table.most, self.allowed, strict=True))

    def _crowded(self) -> list[int]:
        table = self.table
        return over_full(table.rows, table.tree, self.allowed, table.parts, table.hole)

    def _passing(self, moved: Sequence[tuple[int, int]]) -> set[int]:
        """Devices with weight that have given replicas and been given some, and where from or to:
        there may be a shorter way."""
        table = self.table
        pairs = [(table.origin[slot], table.rows[slot[0]][slot[1]]) for slot in moved]
        both = {source for source, _ in pairs}.intersection(target for _, target in pairs)
        near = both.union(*(pair for pair in pairs if not both.isdisjoint(pair)))
        return {number for number in near if self.ideal.get(number, 0.0) > 0}

    def _devices(self, crowded: Sequence[int], passing: set[int]) -> list[int]:
        """Devices with weight that are worth looking at."""
        table = self.table
        live = [n for n in range(table.hole) if self.ideal.get(n, 0.0) > 0]
        if len(live) <= DEVICES_MAX:
            return live
        share = DEVICES_MAX // 4
        uneven = sorted(live, key=lambda n: -abs(table.held[n] - table.want[n]) / self.ideal[n])
        some = self.rng.sample(crowded, min(len(crowded), share // len(table.rows)))
        close = [row[partition] for partition in some for row in table.rows]
        chosen = dict.fromkeys(uneven[:share] + close + sorted(passing)[:share])
        chosen.update(dict.fromkeys(self.rng.sample(live, DEVICES_MAX)))
        return [n for n in chosen if self.ideal.get(n, 0.0) > 0][:DEVICES_MAX]

    def _working_set(self, kinds: Sequence[Sequence[int]]) -> bytearray | None:
        """1 for every partition worth looking at; None when that is all of them."""
        parts = self.table.parts
        if parts <= WORKING_SET:
            return None
        chosen = bytearray(parts)
        for kind in (*kinds, range(parts)):
            for partition in self.rng.sample(kind, min(len(kind), WORKING_SET // (len(kinds) + 1))):
                chosen[partition] = 1
        return chosen


def _surplus_given(table: Assignment, moved: Sequence[tuple[int, int]]) -> int:
    """Of the replicas that moved, how many left devices that had too much."""
    left: dict[int, int] = {}
    for slot in moved:
        before = table.origin[slot]
        left[before] = left.get(before, 0) + 1
    came: dict[int, int] = {}
    for row, partition in moved:
        now = table.rows[row][partition]
        came[now] = came.get(now, 0) + 1
    return sum(
        max(0, count - came.get(number, 0))
        for number, count in left.items()
        if number != table.hole
    )
