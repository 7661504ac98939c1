"""How long a ring change takes: replication played through in small, at given limits.

A replicator goes through its devices in turn, a batch of partitions at a time: those that it has
to give up, then those that it keeps and others lack. All holders of a partition try; who comes
first sends it, and the others find that there is nothing left to send, or do not even ask. A
device takes so many conversations at once, the others wait for it; links and disks are shared
evenly by what goes over them. Where there are too many moves to be looked at one by one, several
that go the same way are taken for one.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from swiftlite.plan.moves import Move, Moves, Sizes, Weight
from swiftlite.plan.shortage import Progress, silent
from swiftlite.ring import Device

BATCH = 128
"""Partitions of a device that a replicator compares together."""
_JOBS_MAX = 10_000
_PLAYS_MAX = 10
_TINY = 1e-9


@dataclass(frozen=True, slots=True)
class Limits:
    """Rates are bytes a second. senders: partitions that a replicator moves at once; workers:
    replicators of a node, which share its devices. takers: how many conversations a device
    (per_node: a node) takes at once; 0: any number. link: of a node, each way. stream: of one
    conversation; 0: as fast as the rest allows. disk: of a device, for all that is written to it.
    talk: seconds that a conversation takes beside its bytes; queue: more of them where it had to
    wait for its turn; per_file: for each object. notice: until nodes see the ring, and begin."""

    senders: int = 1
    workers: int = 1
    takers: int = 1
    takers_are_per_node: bool = False
    link: float = 125e6
    stream: float = 0.0
    disk: float = 100e6
    talk: float = 0.02
    queue: float = 0.025
    per_file: float = 0.005
    notice: float = 45.0


@dataclass(frozen=True, slots=True)
class Timetable:
    """seconds: until every device has what it is given. settled: until the last that gives
    something up has let go of it."""

    seconds: float
    settled: float


@dataclass(slots=True)
class _Job:
    """A partition on one device, or several that go the same way: to whom it is to be pushed.
    gives_up: it is pushed to everybody; otherwise to those that lacked it when last asked."""

    parcel: int
    source: int
    targets: tuple[int, ...]
    gives_up: bool


@dataclass(slots=True)
class _Push:
    """A conversation under way, or waiting for the receiver. rest: of the job, after this."""

    worker: _Worker
    target: int
    parcel: int
    rest: deque[int]
    gives_up: bool
    left: float = 0.0  # bytes
    wait: float = 0.0  # seconds beside the bytes
    counts: bool = False


@dataclass(slots=True)
class _Worker:
    """One replicator: its batches to come, and what is left of the one at hand."""

    node: str
    batches: deque[list[_Job]]
    jobs: deque[_Job] = field(default_factory=deque)
    running: int = 0


def timetable(
    moves: Moves,
    sizes: Sizes,
    limits: Limits,
    peers: Mapping[int, Sequence[int]],
    *,
    progress: Progress = silent,
    seed: int = 0,
) -> Timetable:
    """peers: by partition, all devices that the new ring gives it to."""
    if not moves.moves:
        return Timetable(0.0, 0.0)
    # The fewer moves there are, the more it matters in which order they come.
    found = [
        _Play(moves, sizes, limits, peers, random.Random(seed + number)).run(progress)
        for number in range(max(1, min(_PLAYS_MAX, _JOBS_MAX // 10 // len(moves.moves))))
    ]
    return Timetable(
        sum(one.seconds for one in found) / len(found),
        sum(one.settled for one in found) / len(found),
    )


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
        self.together = max(1, len(moves.moves) // _JOBS_MAX)
        self.chance = chance
        self.now = self.delivered_at = self.settled_at = 0.0
        self.active: list[_Push] = []
        self.waiting: dict[object, deque[_Push]] = {}
        self.taken: dict[object, int] = {}
        self.weights: list[Weight] = []
        self.missing: set[tuple[int, int]] = set()
        self.workers = list(self._workers(list(self._jobs(moves, sizes, peers))))

    # --- what there is to do

    def _jobs(
        self, moves: Moves, sizes: Sizes, peers: Mapping[int, Sequence[int]]
    ) -> Iterator[_Job]:
        for (targets, sources, leaving), partitions in _routes(moves).items():
            for at in range(0, len(partitions), self.together):
                some = partitions[at : at + self.together]
                parcel = len(self.weights)
                found = [sizes.of(partition) for partition in some]
                self.weights.append(
                    Weight(sum(one.bytes for one in found), sum(one.files for one in found))
                )
                self.missing.update((parcel, target) for target in targets)
                everybody = tuple(dict.fromkeys(peers[some[0]]))
                for source in sources:
                    gives_up = source in leaving
                    to = everybody if gives_up else targets
                    yield _Job(parcel, source, to, gives_up)

    def _workers(self, jobs: list[_Job]) -> Iterator[_Worker]:
        """Jobs of each replicator as batches: of its devices in turn, what is given up first."""
        of_device: dict[tuple[int, bool], list[_Job]] = {}
        for job in jobs:
            of_device.setdefault((job.source, not job.gives_up), []).append(job)
        size = max(1, BATCH // self.together)
        shares: dict[tuple[str, int], list[tuple[bool, deque[list[_Job]]]]] = {}
        for (source, stays), some in sorted(of_device.items()):
            self.chance.shuffle(some)
            cut = deque(some[at : at + size] for at in range(0, len(some), size))
            key = self.devices[source].replication_ip, source % max(1, self.limits.workers)
            shares.setdefault(key, []).append((stays, cut))
        for (node, _), found in shares.items():
            found.sort(key=lambda share: share[0])
            batches = deque(_in_turn([cut for _, cut in found]))
            yield _Worker(node, batches)

    # --- time goes on

    def run(self, progress: Progress) -> Timetable:
        total = sum(len(worker.batches) for worker in self.workers)
        while True:
            for worker in self.workers:
                self._go_on(worker)
            if not self.active:
                break
            self._advance()
            progress("playing it through", total - sum(len(w.batches) for w in self.workers), total)
        notice = self.limits.notice
        settled = max(self.delivered_at, self.settled_at)
        return Timetable(self.delivered_at + notice, settled + notice)

    def _go_on(self, worker: _Worker) -> None:
        """Begin what there is room for. A batch begins when the one before has ended."""
        while worker.running < self.limits.senders:
            if worker.jobs:
                job = worker.jobs.popleft()
                worker.running += 1
                self._next_push(worker, job.parcel, deque(job.targets), job.gives_up)
            elif worker.batches and not worker.running:
                worker.jobs = deque(self._still_wanted(worker.batches.popleft()))
            else:
                return

    def _still_wanted(self, batch: list[_Job]) -> Iterator[_Job]:
        for job in batch:
            targets = list(job.targets)
            if not job.gives_up:
                targets = [one for one in targets if (job.parcel, one) in self.missing]
            self.chance.shuffle(targets)
            if targets:
                yield _Job(job.parcel, job.source, tuple(targets), job.gives_up)

    def _next_push(self, worker: _Worker, parcel: int, targets: deque[int], gives_up: bool) -> None:
        if not targets:
            worker.running -= 1
            if gives_up:
                self.settled_at = self.now
            return
        push = _Push(worker, targets.popleft(), parcel, targets, gives_up)
        gate = self._gate(push.target)
        if self.limits.takers and self.taken.get(gate, 0) >= self.limits.takers:
            self.waiting.setdefault(gate, deque()).append(push)
        else:
            self._begin(push, 0.0)

    def _gate(self, target: int) -> object:
        return self.devices[target].replication_ip if self.limits.takers_are_per_node else target

    def _begin(self, push: _Push, waited: float) -> None:
        gate = self._gate(push.target)
        self.taken[gate] = self.taken.get(gate, 0) + 1
        push.wait = self.limits.talk * self.together + waited
        key = push.parcel, push.target
        if key in self.missing:
            self.missing.discard(key)
            weight = self.weights[push.parcel]
            push.left = weight.bytes
            push.wait += self.limits.per_file * weight.files
            push.counts = True
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
        limits, devices = self.limits, self.devices
        sending: dict[str, int] = {}
        taking: dict[str, int] = {}
        writing: dict[int, int] = {}
        flowing = [push for push in self.active if push.left > _TINY]
        for push in flowing:
            to = devices[push.target].replication_ip
            writing[push.target] = writing.get(push.target, 0) + 1
            if to != push.worker.node:
                sending[push.worker.node] = sending.get(push.worker.node, 0) + 1
                taking[to] = taking.get(to, 0) + 1
        found = []
        for push in self.active:
            rate = limits.stream or limits.disk
            if push.left > _TINY:
                to = devices[push.target].replication_ip
                rate = min(rate, limits.disk / writing[push.target])
                if to != push.worker.node:
                    rate = min(rate, limits.link / sending[push.worker.node])
                    rate = min(rate, limits.link / taking[to])
            found.append(rate)
        return found

    def _end(self, push: _Push) -> None:
        self.active.remove(push)
        if push.counts:
            self.delivered_at = self.now
        gate = self._gate(push.target)
        self.taken[gate] -= 1
        line = self.waiting.get(gate)
        if line:
            self._begin(line.popleft(), self.limits.queue)
        self._next_push(push.worker, push.parcel, push.rest, push.gives_up)


Route = tuple[tuple[int, ...], tuple[int, ...], frozenset[int]]


def _routes(moves: Moves) -> dict[Route, list[int]]:
    """Partitions by who is given them, who has them, and who of these gives them up."""
    of_partition: dict[int, list[Move]] = {}
    for move in moves.moves:
        of_partition.setdefault(move.partition, []).append(move)
    found: dict[Route, list[int]] = {}
    for partition, some in of_partition.items():
        targets = tuple(move.target for move in some)
        sources = some[0].sources
        leaving = frozenset(n for n in sources if partition in moves.giving.get(n, ()))
        found.setdefault((targets, sources, leaving), []).append(partition)
    return found


def _in_turn(sources: list[deque[list[_Job]]]) -> Iterator[list[_Job]]:
    while sources:
        for source in list(sources):
            if source:
                yield source.popleft()
            else:
                sources.remove(source)
