"""The pass of a database replicator: all databases of this node, brought to their replicas.

Databases are looked at in groups, from memory where they are at rest, and swiftlite nodes are asked
about a group in one call. Only what such a comparison does not find in sync is opened and visited.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Generic

from swiftlite.dbstore.broker import Broker
from swiftlite.dbstore.engine import Engine
from swiftlite.dbstore.errors import DatabaseError
from swiftlite.dbstore.merge import Row
from swiftlite.dbstore.places import Place
from swiftlite.dbstore.temporary import remove_old
from swiftlite.dbsync.carrier import RsyncCarrier
from swiftlite.dbsync.memory import Glimpse, Look, Memory
from swiftlite.dbsync.options import ReplicatorOptions
from swiftlite.dbsync.peers import Peers
from swiftlite.dbsync.plan import Way
from swiftlite.dbsync.push import Push
from swiftlite.dbsync.rounds import Round
from swiftlite.dbsync.stats import Counting
from swiftlite.dbsync.visit import Chores, Rules, Spot, Visits
from swiftlite.host.net import Address
from swiftlite.protocols.db_sync import Ask
from swiftlite.ring import Device, Ring, RingWatcher
from swiftlite.service.pace import Pace
from swiftlite.service.passes import Busy, DaemonContext, Idle
from swiftlite.service.pauses import Pauses
from swiftlite.vocab.hashing import partition_of


@dataclass(slots=True)
class _Cycle(Generic[Row]):
    """One pass over everything."""

    begun: float
    counting: Counting
    visits: Visits[Row]
    ring: Ring
    devices: Mapping[str, Device]
    round: Round


@dataclass(slots=True)
class _Job:
    """A database that needs a visit; nodes: those to bring it to, None: not asked yet, all."""

    look: Look
    spot: Spot
    nodes: Sequence[Device]


class DatabaseReplicator(Generic[Row]):
    def __init__(
        self,
        context: DaemonContext,
        options: ReplicatorOptions,
        engine: Engine[Row],
        broker_of: Callable[[Engine[Row], Place], Broker[Row]],
        ring: RingWatcher,
        chores: Chores[Row],
    ) -> None:
        self._context = context
        self._options = options
        self._engine = engine
        self._broker_of = broker_of
        self._ring = ring
        self._chores = chores
        host = context.host
        kind = engine.kind.name
        self._memory = Memory(engine, host.clock, reclaim_age=options.reclaim_age)
        self._pace = Pace(host.clock, options.databases_per_second)
        self._peers = Peers(
            host,
            timeout=options.node_timeout,
            conn_timeout=options.conn_timeout,
            agent=f"{kind}-replicator {host.process.pid}",
        )
        self._carrier = RsyncCarrier(
            host.tasks,
            options.rsync_module or f"{{replication_ip}}::{kind}",
            timeout=options.node_timeout,
            conn_timeout=options.conn_timeout,
            compress=options.rsync_compress,
        )
        self._pauses = Pauses(options.busy_interval, options.interval, options.quiet_interval)
        self._cycle: _Cycle[Row] | None = None

    def close(self) -> None:
        self._peers.close()
        self._engine.close()

    def step(self) -> Busy | Idle:
        """A group of databases of one device."""
        cycle = self._cycle
        if cycle is None:
            cycle = self._cycle = self._begin()
        found = cycle.round.look(self._options.per_comparison, self._memory.look)
        if found is not None:
            self._replicate(cycle, cycle.devices[found[0]], found[1])
            return Busy()
        self._cycle = None
        self._engine.close()  # a device at rest can be unmounted
        return self._end(cycle)

    # A cycle's begin and end

    def _begin(self) -> _Cycle[Row]:
        context, options = self._context, self._options
        clock = context.host.clock
        ring = self._ring.current()
        counting = Counting(context.statsd, clock.wall())
        push: Push[Row] = Push(
            self._peers,
            self._carrier,
            clock,
            counting,
            per_diff=options.per_diff,
            max_diffs=options.max_diffs,
        )
        rules = Rules(options.reclaim_age, options.handoff_delete or 0)
        visits = Visits(ring, push, self._chores, counting, rules, clock=clock, log=context.log)
        self._peers.forget()
        devices = {device.device: device for device in context.local(ring)}
        found = self._round(ring, devices, counting)
        return _Cycle(clock.monotonic(), counting, visits, ring, devices, found)

    def _round(self, ring: Ring, devices: Mapping[str, Device], counting: Counting) -> Round:
        context, engine = self._context, self._engine

        def fault(device: str, error: Exception) -> None:
            context.log.warning(f"passing over {device}: {error}")
            for other in ring.devices:
                if other is not None:
                    counting.failed(other)

        found = Round(context, engine, fault)
        old = context.host.clock.wall() - self._options.reclaim_age
        for name, device in devices.items():
            sweep = partial(remove_old, engine.disk, engine.devices.path(name), old)
            found.add(name, self._wanted(ring, device), sweep)
        if not devices:
            context.log.error(
                f"no device of the ring is at {context.bind_ip}, port {context.bind_port}: "
                "nothing to replicate"
            )
        return found

    def _wanted(self, ring: Ring, device: Device) -> Callable[[int], bool]:
        handoffs_only = self._options.handoffs_only

        def wanted(partition: int) -> bool:
            if not handoffs_only or partition >= ring.partition_count:
                return True
            return all(node.id != device.id for node in ring.primaries(partition))

        return wanted

    def _end(self, cycle: _Cycle[Row]) -> Idle:
        context = self._context
        clock = context.host.clock
        took = clock.monotonic() - cycle.begun
        stats = cycle.counting.stats
        kind = self._engine.kind.name
        context.log.info(
            f"{stats.attempted} databases in {took:.2f} s: {stats.summary()}; "
            f"{stats.success} successes, {stats.failure} failures"
        )
        context.recon.dump(
            f"{kind}.recon",
            {
                "replication_stats": stats.to_recon(),
                "replication_time": took,
                "replication_last": clock.wall(),
            },
        )
        pause = self._pauses.after(mended=stats.mended, written=False)
        return Idle(max(0.0, pause - took))

    # A group

    def _replicate(self, cycle: _Cycle[Row], device: Device, looks: Sequence[Look]) -> None:
        jobs: list[_Job] = []
        for look in self._opened(cycle, device, looks):
            spot = _spot(cycle.ring, device, look.place)
            jobs.append(_Job(look, spot, spot.others))
        self._compare(cycle, [job for job in jobs if self._may_be_compared(job)])
        self._visit_all(cycle, [job for job in jobs if job.nodes or self._has_chores(job)])

    def _opened(self, cycle: _Cycle[Row], device: Device, looks: Sequence[Look]) -> Iterator[Look]:
        """Databases that are there, each with a glimpse; those in use are opened for it."""
        for look in looks:
            if look.found is None:
                continue
            cycle.counting.attempted()
            if look.glimpse is None:
                try:
                    look = self._memory.open(look)
                except DatabaseError as error:
                    self._tell_fault(cycle, device, look.place, error)
                    continue
            self._memory.keep((look,))
            yield look

    def _tell_fault(
        self, cycle: _Cycle[Row], device: Device, place: Place, error: DatabaseError
    ) -> None:
        self._context.log.error(f"cannot read a database: {error}")
        for node in _spot(cycle.ring, device, place).primaries:
            cycle.counting.failed(node)

    def _may_be_compared(self, job: _Job) -> bool:
        return job.spot.belongs_here and not self._has_chores(job)

    def _has_chores(self, job: _Job) -> bool:
        """Whether there is something to do here, whatever the others have."""
        glimpse = job.look.glimpse
        assert glimpse is not None
        old = self._context.host.clock.wall() - self._options.reclaim_age
        gone = glimpse.deleted_at is not None and glimpse.deleted_at.seconds < old
        return gone or glimpse.reclaim_due or glimpse.has_misplaced or not job.spot.belongs_here

    def _compare(self, cycle: _Cycle[Row], jobs: Sequence[_Job]) -> None:
        """Leave in each job's nodes those that are not known to be in sync."""
        by_address: dict[Address, list[tuple[_Job, Device]]] = {}
        for job in jobs:
            for node in job.spot.others:
                by_address.setdefault(node.replication_address, []).append((job, node))
        tasks = self._context.host.tasks
        calls = [
            (pairs, tasks.spawn(self._peers.compare, address, [_ask(*pair) for pair in pairs]))
            for address, pairs in by_address.items()
        ]
        for pairs, call in calls:
            for (job, node), in_sync in zip(pairs, call.wait(), strict=True):
                if in_sync:
                    job.nodes = [other for other in job.nodes if other is not node]
                    cycle.counting.went(Way.NO_CHANGE)
                    cycle.counting.succeeded()

    def _visit_all(self, cycle: _Cycle[Row], jobs: Sequence[_Job]) -> None:
        """Several at a time, at the pace that the options allow."""
        waiting = iter(jobs)
        count = min(self._options.concurrency, len(jobs))
        tasks = self._context.host.tasks
        for worker in [tasks.spawn(self._visit_some, cycle, waiting) for _ in range(count)]:
            worker.wait()

    def _visit_some(self, cycle: _Cycle[Row], jobs: Iterable[_Job]) -> None:
        for job in jobs:
            if self._context.stopping():
                return
            self._context.sleep(self._pace.due())
            self._pace.spend()
            place = job.look.place
            glimpse: Glimpse | None = job.look.glimpse
            assert glimpse is not None
            try:
                cycle.visits.visit(
                    self._broker_of(self._engine, place),
                    job.spot,
                    job.nodes,
                    reclaim=glimpse.reclaim_due,
                )
            except DatabaseError as error:
                self._context.log.error(f"replicating {place.directory}: {error}")
                for node in job.nodes:
                    cycle.counting.failed(node)


def _spot(ring: Ring, device: Device, place: Place) -> Spot:
    partition = partition_of(bytes.fromhex(place.digest), ring.part_shift)
    misplaced = place.partition != str(partition)
    return Spot(device, partition, ring.primaries(partition), misplaced)


def _ask(job: _Job, node: Device) -> Ask:
    glimpse = job.look.glimpse
    assert glimpse is not None
    return Ask(
        node.device,
        str(job.spot.partition),
        job.look.place.digest,
        glimpse.id,
        glimpse.max_row,
        glimpse.token,
    )
