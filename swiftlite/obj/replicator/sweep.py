"""A pass over all partitions of this process's devices, a batch of one device at a time.

A batch is first compared as a whole: our digests against the other nodes', one call to each. What
is equal everywhere is done with; the rest goes through the jobs one by one, several at a time if
the operator wants that. A new ring ends the pass, because what it would do may be wrong by now,
and the next one begins at once.
"""

from __future__ import annotations

from collections.abc import Iterator

from swiftlite.formats.ondisk_names import OBJECTS, TMP, policy_dir
from swiftlite.obj.options import ObjectServerOptions
from swiftlite.obj.replicator.context import Replication
from swiftlite.obj.replicator.jobs import (
    Batch,
    Job,
    Share,
    batches,
    is_relisted,
    job_for,
    share_of,
)
from swiftlite.obj.replicator.options import ReplicatorOptions
from swiftlite.obj.replicator.peers import Compared, Peers
from swiftlite.obj.replicator.progress import Progress
from swiftlite.obj.replicator.push import Push, RsyncPush
from swiftlite.obj.replicator.ssync import SsyncPush
from swiftlite.obj.replicator.team import Team
from swiftlite.objectstore.api import StoreError
from swiftlite.objectstore.manager import Manager
from swiftlite.peers.direct import Caller
from swiftlite.peers.pool import Pool
from swiftlite.peers.rsync import Rsync
from swiftlite.policies import REPLICATION
from swiftlite.ring import Device, Ring
from swiftlite.service.passes import Busy, DaemonContext, Idle
from swiftlite.service.pauses import Pauses

_DIGESTS_PATIENCE_S = 10.0  # a daemon that is told to stop waits for it


class ReplicatorPass:
    """service.passes.Pass; a step is a batch."""

    def __init__(self, context: DaemonContext, options: ReplicatorOptions) -> None:
        host = context.host
        self._context = context
        self._options = options
        agent = f"object-replicator {host.process.pid}"
        self._pool = Pool(
            host, conn_timeout=options.conn_timeout, read_timeout=options.http_timeout
        )
        caller = Caller(self._pool, host.clock, timeout=options.http_timeout, agent=agent)
        peers = Peers(caller, options.http_timeout)
        manager = Manager(
            host,
            context.table(ObjectServerOptions).store_settings(),
            context.cluster.hash_path,
            context.log,
            context.statsd.increment,
        )
        push: Push = SsyncPush(
            host, self._pool, context.log, agent, context.stopping,
            node_timeout=options.node_timeout, http_timeout=options.http_timeout,
        )  # fmt: skip
        if options.sync_method == "rsync":
            rsync = Rsync(host, options.rsync, context.log, context.stopping)
            push = RsyncPush(rsync, peers, push if options.rsync_bwlimit == "0" else None)
        self._work = Replication(
            host, options, manager, peers, push, context.log, context.statsd, context.stopping,
            cycle=int(host.entropy.random() * 10),
        )  # fmt: skip
        self._team = Team(self._work, push if isinstance(push, RsyncPush) else None)
        self._rings: dict[int, Ring] = {}
        self._late: list[Batch] = []  # what others had better push first
        self._is_late = False
        self._plan: Iterator[Batch] | None = None
        self._progress = Progress(context, options, self._work)
        self._pauses = Pauses(options.busy_interval, options.interval, options.quiet_interval)
        if options.handoffs_first or options.handoff_delete:
            context.log.warning(
                "handoffs_first and handoff_delete are not for every day; take them out again "
                "before the next ordinary rebalance"
            )

    def step(self) -> Busy | Idle:
        if self._plan is None:
            self._begin()
            return Busy()
        if any(self._ring(index) is not ring for index, ring in self._rings.items()):
            self._context.log.info("Ring change detected. Aborting current replication pass.")
            self._plan = None
            return Busy()
        batch = next(self._plan, None)
        if batch is None and self._late:
            self._plan, self._late, self._is_late = iter(self._late), [], True
            return Busy()
        if batch is None or self._must_wait_for_handoffs(batch):
            self._plan = None
            whole = self._progress.end()
            return Idle(self._pauses.after(mended=whole.mended, written=whole.suffix_hash > 0))
        self._run(batch)
        self._progress.tell_now_and_then()
        return Busy()

    def close(self) -> None:
        self._pool.close()

    # --- planning

    def _begin(self) -> None:
        work, context = self._work, self._context
        work.stats.clear()
        del work.times[:]
        work.handoffs_left = 0
        work.cycle = (work.cycle + 1) % 10
        work.peers.forget_kinds()
        self._rings.clear()
        self._late, self._is_late = [], False
        shares: list[Share] = []
        for policy in context.cluster.policies:
            wanted = not context.policies or policy.index in context.policies
            if policy.kind != REPLICATION or not wanted:
                continue
            ring = self._rings[policy.index] = self._ring(policy.index)
            if ring.next_part_power is not None:
                # Every object is linked twice meanwhile, and would be copied twice.
                context.log.warning(
                    f"The part power of policy {policy.name} is being increased: it is skipped."
                )
                continue
            shares += self._shares(policy.index, ring)
        self._plan = batches(
            shares, context.host.entropy.shuffle, handoffs_first=self._options.handoffs_first
        )
        self._progress.begin(sum(len(share) for share in shares))

    def _shares(self, policy_index: int, ring: Ring) -> Iterator[Share]:
        devices = list(self._context.local(ring))
        if not devices and self._context.worker == 0 and not self._context.devices:
            self._context.log.error(
                f"No device of the ring of policy {policy_index} is on this node."
            )
        for device in devices:
            try:
                names = self._listed(device, policy_index)
            except (StoreError, OSError) as error:
                everybody = [one for one in ring.devices if one is not None]
                self._work.stats_of(device.device).finish_job((), everybody)
                self._context.log.warning(f"{device.device} is left out: {error}")
                continue
            share = share_of(ring, policy_index, device, names, self._context.partitions)
            for partition in share.beyond:
                self._context.log.warning(
                    f"{device.device} has partition {partition}, and the ring has not."
                )
            yield share

    def _listed(self, device: Device, policy_index: int) -> list[str]:
        """What is in the directory of the policy's partitions."""
        manager = self._work.manager
        manager.check_device(device.device)
        root = f"{manager.settings.devices}/{device.device}"
        before = self._context.host.clock.wall() - manager.settings.reclaim_age

        def look() -> list[str]:
            disk = self._context.host.disk
            tmp = f"{root}/{policy_dir(TMP, policy_index)}"
            if disk.exists(tmp):
                for name in disk.listdir(tmp):
                    if disk.stat(f"{tmp}/{name}").st_mtime < before:
                        disk.unlink(f"{tmp}/{name}")
            objects = f"{root}/{policy_dir(OBJECTS, policy_index)}"
            return disk.listdir(objects) if disk.exists(objects) else []

        return manager.context.offload(device.device, look)

    def _ring(self, policy_index: int) -> Ring:
        return self._context.rings.object(policy_index).current()

    def _must_wait_for_handoffs(self, batch: Batch) -> bool:
        if not self._options.handoffs_first or batch.are_handoffs:
            return False
        if self._work.handoffs_left:
            self._context.log.warning(
                f"handoffs_first: {self._work.handoffs_left} handoffs are left; primaries wait "
                "for the next pass."
            )
        return self._work.handoffs_left > 0

    # --- one batch

    def _run(self, batch: Batch) -> None:
        ring = self._rings[batch.policy_index]
        jobs = [
            job_for(ring, batch.policy_index, batch.device, partition)
            for partition in batch.partitions
        ]
        try:
            self._work.manager.check_device(batch.device.device)
            compared = Compared() if batch.are_handoffs else self._compared(batch, jobs)
            if not self._is_late:
                jobs = self._others_first(jobs, compared)
        except (StoreError, OSError) as error:
            self._context.log.warning(f"{batch.device.device}: {error}")
            for job in jobs:
                self._work.stats_of(batch.device.device).finish_job((), job.targets)
            return
        self._team.run(ring, jobs, compared)

    def _compared(self, batch: Batch, jobs: list[Job]) -> Compared:
        """What the other primaries say of our digests; nothing of those that cannot tell."""
        relisted = [p for p in batch.partitions if is_relisted(p, self._work.cycle)]
        digests = self._work.manager.digests(
            batch.device.device, batch.policy_index, batch.partitions, _DIGESTS_PATIENCE_S,
            relist=relisted,
        )  # fmt: skip
        stats = self._work.stats_of(batch.device.device)
        stats.suffix_hash += digests.computed
        self._work.count("suffix.hashes", digests.computed)
        claims = [
            (target, job.partition, digest)
            for job in jobs
            if (digest := digests.known.get(job.partition)) is not None
            for target in job.targets
        ]
        return self._work.peers.compare(batch.policy_index, digests.known, claims)

    def _others_first(self, jobs: list[Job], compared: Compared) -> list[Job]:
        """Put off to the end of the pass where another primary has changed since we have: that
        one will push, and most of what we pushed would not be wanted. The rest of the jobs."""
        now: list[Job] = []
        late: list[Job] = []
        for job in jobs:
            ages = [
                age
                for target in job.targets
                if (age := compared.age.get((target.id, job.partition))) is not None
            ]
            own = self._hashes_age(job) if ages else None
            is_late = own is not None and min(ages) < own
            (late if is_late else now).append(job)
        if late:
            first = late[0]
            partitions = tuple(job.partition for job in late)
            self._late.append(Batch(first.policy_index, first.device, partitions, False))
        return now

    def _hashes_age(self, job: Job) -> float | None:
        return self._work.manager.partition(
            job.device.device, job.policy_index, job.partition
        ).hashes_age()
