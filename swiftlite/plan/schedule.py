"""How long a ring change takes: replication played through in small, at given limits.

A replicator goes through its devices in turn, a batch of partitions at a time: those that it has
to give up, then those that it keeps and others lack. All holders of a partition try; who comes
first sends it, and the others find that there is nothing left to send, or do not even ask. A
device takes so many conversations at once, the others wait for it; a node that has too many of
them refuses, and is tried again a few times, then in the next pass. Links and disks are shared
evenly by what goes over them. Where there are too many moves to be looked at one by one, several
that go the same way are taken for one.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
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
    replicators of a node, which share its devices; interval: between two passes of one. takers:
    conversations that a device has at once, 0: any number; more of them wait. slots: those that
    a node (per_device: a device) lets begin, 0: any number; more are refused, and tried again
    after each of pauses. link: of a node, each way. stream: of one conversation; 0: as fast as
    the rest allows. disk: of a device, for all that is written to it. talk: seconds that a
    conversation takes beside its bytes; queue: more of them where it had to wait for its turn;
    per_file: for each object. notice: until nodes see the ring, and begin."""

    senders: int = 1
    workers: int = 1
    interval: float = 30.0
    takers: int = 1
    slots: int = 4
    slots_are_per_device: bool = False
    pauses: tuple[float, ...] = (0.1, 0.3, 1.0)
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
    """A conversation under way, or waiting for its turn. job: what it is of; rest: to whom the job
    goes after this. tries: how often it was refused."""

    worker: _Worker
    target: int
    job: _Job
    rest: deque[int]
    left: float = 0.0  # bytes
    wait: float = 0.0  # seconds beside the bytes
    counts: bool = False
    tries: int = 0


@dataclass(slots=True)
class _Worker:
    """One replicator: its jobs, as batches; those to come in this pass, and what is left of the
    batch at hand. unfinished: what has to be done again, by id of the job."""

    node: str
    pass_: list[list[_Job]]
    batches: deque[list[_Job]] = field(default_factory=deque)
    jobs: deque[_Job] = field(default_factory=deque)
    running: int = 0
    sleeps: bool = False
    unfinished: set[int] = field(default_factory=set)


@dataclass(slots=True)
class _Pause:
    """Somebody waits for a moment to pass: a worker for its next pass, a push for another try."""

    wait: float
    worker: _Worker
    push: _Push | None = None


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
        self.pauses: list[_Pause] = []
        self.waiting: dict[int, deque[_Push]] = {}
        self.taken: dict[int, int] = {}
        self.talking: dict[object, int] = {}
        self.weights: list[Weight] = []
        self.missing: set[tuple[int, int]] = set()
        self.workers = list(self._workers(list(self._jobs(moves, sizes, peers))))
        for worker in self.workers:
            worker.batches = deque(worker.pass_)
            worker.unfinished = {id(job) for batch in worker.pass_ for job in batch if job.gives_up}

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
            yield _Worker(node, list(_in_turn([cut for _, cut in found])))

    # --- time goes on

    def run(self, progress: Progress) -> Timetable:
        total = len(self.missing)
        while True:
            for worker in self.workers:
                self._go_on(worker)
            if not self.active and not self.pauses:
                break
            self._advance()
            progress("playing it through", total - len(self.missing), total)
        settled = max(self.delivered_at, self.settled_at)
        notice = self.limits.notice
        return Timetable(self.delivered_at + notice, settled + notice)

    def _go_on(self, worker: _Worker) -> None:
        """Begin what there is room for. A batch begins when the one before has ended."""
        while worker.running < self.limits.senders:
            if worker.jobs:
                job = worker.jobs.popleft()
                worker.running += 1
                targets = [
                    t for t in job.targets if job.gives_up or (job.parcel, t) in self.missing
                ]
                if not job.gives_up:
                    self.chance.shuffle(targets)
                if job.gives_up:
                    worker.unfinished.discard(id(job))
                self._next_push(worker, job, deque(targets))
            elif worker.batches and not worker.running:
                worker.jobs = deque(filter(self._is_wanted(worker), worker.batches.popleft()))
            else:
                break
        if not (worker.running or worker.batches or worker.sleeps):
            self._end_pass(worker)

    def _is_wanted(self, worker: _Worker) -> Callable[[_Job], bool]:
        """Asked when a batch begins: what others have brought by then is not pushed again."""

        def wanted(job: _Job) -> bool:
            if job.gives_up:
                return id(job) in worker.unfinished
            return any((job.parcel, target) in self.missing for target in job.targets)

        return wanted

    def _end_pass(self, worker: _Worker) -> None:
        wanted = self._is_wanted(worker)
        if any(wanted(job) for batch in worker.pass_ for job in batch):
            worker.sleeps = True
            self.pauses.append(_Pause(self.limits.interval, worker))

    def _next_push(self, worker: _Worker, job: _Job, targets: deque[int]) -> None:
        if targets:
            self._try(_Push(worker, targets.popleft(), job, targets))
            return
        worker.running -= 1
        if job.gives_up and id(job) not in worker.unfinished:
            self.settled_at = self.now

    def _try(self, push: _Push) -> None:
        limits, place = self.limits, self._place(push.target)
        if limits.slots and self.talking.get(place, 0) >= limits.slots:
            self._refuse(push)
            return
        self.talking[place] = self.talking.get(place, 0) + 1
        if limits.takers and self.taken.get(push.target, 0) >= limits.takers:
            self.waiting.setdefault(push.target, deque()).append(push)
        else:
            self._begin(push, 0.0)

    def _refuse(self, push: _Push) -> None:
        if push.tries < len(self.limits.pauses):
            pause = self.limits.pauses[push.tries] * (0.5 + self.chance.random())
            push.tries += 1
            self.pauses.append(_Pause(pause + self.limits.talk / 2, push.worker, push))
            return
        if push.job.gives_up:
            push.worker.unfinished.add(id(push.job))
        self._next_push(push.worker, push.job, push.rest)

    def _place(self, target: int) -> object:
        return target if self.limits.slots_are_per_device else self.devices[target].replication_ip

    def _begin(self, push: _Push, waited: float) -> None:
        self.taken[push.target] = self.taken.get(push.target, 0) + 1
        push.wait = self.limits.talk * self.together + waited
        key = push.job.parcel, push.target
        if key in self.missing:
            self.missing.discard(key)
            weight = self.weights[push.job.parcel]
            push.left = weight.bytes
            push.wait += self.limits.per_file * weight.files
            push.counts = True
        self.active.append(push)

    def _advance(self) -> None:
        """To the moment at which the next conversation or pause ends."""
        rates = self._rates()
        ends = [
            push.wait + (push.left / rate if push.left > _TINY else 0.0)
            for push, rate in zip(self.active, rates, strict=True)
        ]
        step = min(ends + [pause.wait for pause in self.pauses])
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
        over, self.pauses = _parted(self.pauses, step)
        for pause in over:
            if pause.push is not None:
                self._try(pause.push)
            else:
                pause.worker.sleeps = False
                pause.worker.batches = deque(pause.worker.pass_)

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
        self.taken[push.target] -= 1
        self.talking[self._place(push.target)] -= 1
        line = self.waiting.get(push.target)
        if line:
            self._begin(line.popleft(), self.limits.queue)
        self._next_push(push.worker, push.job, push.rest)


def _parted(pauses: list[_Pause], step: float) -> tuple[list[_Pause], list[_Pause]]:
    """Those that are over after so many seconds, and the others."""
    over: list[_Pause] = []
    still: list[_Pause] = []
    for pause in pauses:
        pause.wait -= step
        (over if pause.wait <= _TINY else still).append(pause)
    return over, still


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
