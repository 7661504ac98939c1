"""How long a ring change takes: a small simulation of who pushes what to whom, at given limits.

All holders of a moved partition try to push it, in an order of their own; a receiver takes so many
at once; links are shared evenly by what goes over them. Who comes second finds that there is
nothing left to send, and pays for the conversation alone. Several moves are taken together where
there are too many to be looked at one by one.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from swiftlite.plan.moves import Move, Moves, Sizes, Weight
from swiftlite.plan.shortage import Progress, silent
from swiftlite.ring import Device

_JOBS_MAX = 30_000
_TINY = 1e-9


@dataclass(frozen=True, slots=True)
class Limits:
    """Rates are bytes a second. senders: partitions that a node moves at once. takers: how many a
    device (per_node: a node) takes at once; 0: any number. link: of a node, each way. stream: one
    conversation's. disk: of a device, in all. talk: seconds that a conversation takes beside its
    bytes; per_file: and for each object. notice: until nodes see the ring, and begin."""

    senders: int = 1
    takers: int = 1
    takers_are_per_node: bool = False
    link: float = 125e6
    stream: float = 0.0
    disk: float = 100e6
    talk: float = 0.02
    per_file: float = 0.005
    notice: float = 15.0


@dataclass(frozen=True, slots=True)
class Timetable:
    """seconds: until every device has what it is given; with the notice, and until the last that
    gives up something has let go of it (settled). busiest: what the time is spent on."""

    seconds: float
    settled: float
    bottleneck: str = ""


@dataclass(slots=True)
class _Push:
    """A conversation under way, or waiting for the receiver."""

    node: str
    target: int
    parcel: int
    left: float = 0.0  # bytes
    wait: float = 0.0  # seconds beside the bytes
    is_last: bool = False


@dataclass(slots=True)
class _Node:
    """Jobs are (parcel, target); a job of a device that lets go is one for each of its peers."""

    queue: deque[tuple[int, int]] = field(default_factory=deque)
    free: int = 0


def timetable(
    moves: Moves,
    sizes: Sizes,
    limits: Limits,
    peers: Mapping[int, Sequence[int]] | None = None,
    *,
    progress: Progress = silent,
    seed: int = 0,
) -> Timetable:
    """peers: by partition, all devices of the new ring that have it; who lets go of a partition
    talks with each of them."""
    if not moves.moves:
        return Timetable(0.0, 0.0)
    return _Play(moves, sizes, limits, peers or {}, random.Random(seed)).run(progress)


class _Play:
    def __init__(
        self,
        moves: Moves,
        sizes: Sizes,
        limits: Limits,
        peers: Mapping[int, Sequence[int]],
        chance: random.Random,
    ) -> None:
        self.limits = limits
        self.devices: Mapping[int, Device] = {n: flow.device for n, flow in moves.flows.items()}
        self.together = max(1, len(moves.moves) * 3 // _JOBS_MAX)
        self.chance = chance
        self.now = 0.0
        self.delivered_at = 0.0
        self.nodes: dict[str, _Node] = {}
        self.active: list[_Push] = []
        self.waiting: dict[object, deque[_Push]] = {}
        self.taken: dict[object, int] = {}
        self.weights: list[Weight] = []
        self.missing: set[tuple[int, int]] = set()
        self._fill(moves, sizes, peers)
        self.total = sum(len(node.queue) for node in self.nodes.values())

    # --- what there is to do

    def _fill(self, moves: Moves, sizes: Sizes, peers: Mapping[int, Sequence[int]]) -> None:
        jobs: dict[str, list[tuple[int, int]]] = {}
        for route, partitions in _routes(moves.moves).items():
            target, sources = route
            for at in range(0, len(partitions), self.together):
                some = partitions[at : at + self.together]
                parcel = len(self.weights)
                self.weights.append(
                    Weight(
                        sum(sizes.of(partition).bytes for partition in some),
                        sum(sizes.of(partition).files for partition in some),
                    )
                )
                self.missing.add((parcel, target))
                gone = self._letting_go(moves, some[0], sources)
                for source in sources:
                    node = self.devices[source].replication_ip
                    jobs.setdefault(node, []).append((parcel, target))
                    if source in gone:
                        others = [n for n in peers.get(some[0], ()) if n != target]
                        jobs[node] += [(parcel, other) for other in others]
        for node, queue in jobs.items():
            self.chance.shuffle(queue)
            self.nodes[node] = _Node(deque(queue), self.limits.senders)

    @staticmethod
    def _letting_go(moves: Moves, partition: int, sources: Iterable[int]) -> set[int]:
        return {number for number in sources if partition in moves.giving.get(number, ())}

    # --- time goes on

    def run(self, progress: Progress) -> Timetable:
        while True:
            for name, node in self.nodes.items():
                while node.free and node.queue:
                    self._start(name, node)
            if not self.active:
                break
            self._advance()
            left = sum(len(node.queue) for node in self.nodes.values())
            progress("playing it through", self.total - left, self.total)
        notice = self.limits.notice
        return Timetable(self.delivered_at + notice, self.now + notice)

    def _start(self, name: str, node: _Node) -> None:
        node.free -= 1
        parcel, target = node.queue.popleft()
        push = _Push(name, target, parcel)
        gate = self._gate(target)
        if self.limits.takers and self.taken.get(gate, 0) >= self.limits.takers:
            self.waiting.setdefault(gate, deque()).append(push)
        else:
            self._begin(push)

    def _gate(self, target: int) -> object:
        return self.devices[target].replication_ip if self.limits.takers_are_per_node else target

    def _begin(self, push: _Push) -> None:
        gate = self._gate(push.target)
        self.taken[gate] = self.taken.get(gate, 0) + 1
        push.wait = self.limits.talk * self.together
        if (push.parcel, push.target) in self.missing:
            self.missing.discard((push.parcel, push.target))
            weight = self.weights[push.parcel]
            push.left = weight.bytes
            push.wait += self.limits.per_file * weight.files
            push.is_last = True
        self.active.append(push)

    def _advance(self) -> None:
        """To the moment at which the next conversation ends."""
        rates = self._rates()
        step = min(
            push.wait + (push.left / rate if push.left > _TINY else 0.0)
            for push, rate in zip(self.active, rates, strict=True)
        )
        self.now += step
        ended = []
        for push, rate in zip(self.active, rates, strict=True):
            waited = min(push.wait, step)
            push.wait -= waited
            push.left = max(0.0, push.left - rate * (step - waited))
            if push.wait <= _TINY and push.left <= _TINY * max(1.0, rate):
                ended.append(push)
        for push in ended:
            self._end(push)

    def _rates(self) -> list[float]:
        sending: dict[str, int] = {}
        taking: dict[str, int] = {}
        writing: dict[int, int] = {}
        for push in self.active:
            if push.left > _TINY:
                to = self.devices[push.target].replication_ip
                sending[push.node] = sending.get(push.node, 0) + 1
                taking[to] = taking.get(to, 0) + 1
                writing[push.target] = writing.get(push.target, 0) + 1
        found = []
        for push in self.active:
            if push.left <= _TINY:
                found.append(1.0)
                continue
            to = self.devices[push.target].replication_ip
            rate = min(
                self.limits.link / sending[push.node],
                self.limits.link / taking[to],
                self.limits.disk / writing[push.target],
            )
            found.append(min(rate, self.limits.stream) if self.limits.stream else rate)
        return found

    def _end(self, push: _Push) -> None:
        self.active.remove(push)
        self.nodes[push.node].free += 1
        if push.is_last:
            self.delivered_at = self.now
        gate = self._gate(push.target)
        self.taken[gate] -= 1
        line = self.waiting.get(gate)
        if line:
            self._begin(line.popleft())


def _routes(moves: Sequence[Move]) -> dict[tuple[int, tuple[int, ...]], list[int]]:
    found: dict[tuple[int, tuple[int, ...]], list[int]] = {}
    for move in moves:
        found.setdefault((move.target, move.sources), []).append(move.partition)
    return found
