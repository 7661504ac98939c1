"""A partition that belongs here: bring the other primaries up to what is here.

Only what we have and they lack is ours to push; what they have and we lack, they push. A primary
whose device is not mounted is replaced by the next handoff, so that there are enough copies.

A job tells what is to be pushed and waits until it has been, so that what several jobs have for the
same device can go together.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from itertools import chain

from swiftlite.obj.replicator.context import Replication
from swiftlite.obj.replicator.jobs import Job, differing
from swiftlite.obj.replicator.peers import (
    Compared,
    Hashes,
    NodeRefuses,
    Same,
    Unmounted,
    name_of,
)
from swiftlite.obj.replicator.push import Parcel, PushFailed
from swiftlite.obj.replicator.stats import Stats
from swiftlite.ring import Device, Ring

Steps = Generator[Parcel, None, None]
"""A job that has come to a push. Go on when it is done; throw PushFailed in if it has failed."""


class Update:
    """One job."""

    def __init__(self, work: Replication, ring: Ring, job: Job, compared: Compared) -> None:
        self._work = work
        self._ring = ring
        self._job = job
        self._compared = compared
        self._stats: Stats = work.stats_of(job.device.device)
        self._local: Hashes | None = None  # not kept over a push: many jobs wait at a time
        self._suffix_count: int | None = None
        self._sure: set[str] = set()  # suffixes computed by this job
        self._tried: list[Device] = []
        self._failed: list[Device] = []
        self._left = len(job.targets)
        self._regions_done: set[int] = set()

    def steps(self) -> Steps:
        """Raises StoreError and OSError for what is wrong with the partition here."""
        work, job = self._work, self._job
        start = work.host.clock.monotonic()
        self._stats.attempted += 1
        work.count(f"partition.update.count.{job.device.device}")
        try:
            yield from self._go_round()
        except BaseException:
            self._failed.extend(self._tried or job.targets)
            raise
        finally:
            self._stats.suffix_count += self._count_of_suffixes()
            self._stats.finish_job(self._tried, self._failed)
            work.took("partition.update.timing", start)

    def _go_round(self) -> Steps:
        for target in self._targets():
            if self._left <= 0 or self._work.stopping():
                return
            self._tried.append(target)
            self._left -= 1
            if target.region in self._regions_done:
                continue
            try:
                yield from self._bring_up(target)
            except Unmounted as error:
                self._work.log.error(str(error))
                self._failed.append(target)
                self._look_further()
            except NodeRefuses as error:
                self._work.log.error(str(error))
                self._failed.append(target)
        if self._left > 0:
            where = f"partition {self._job.partition} of policy {self._job.policy_index}"
            self._work.log.error(f"Ran out of handoffs while replicating {where}")

    def _targets(self) -> Iterator[Device]:
        """Primaries in any order, then handoffs, in the ring's."""
        first = list(self._job.targets)
        self._work.host.entropy.shuffle(first)
        handoffs = (handoff.device for handoff in self._ring.handoffs(self._job.partition))
        return chain(first, handoffs)

    def _look_further(self) -> None:
        """One more node may be tried, unless what is wanted can still be reached without, or
        cannot be reached at all."""
        wanted = self._work.options.handoff_delete
        good = 1 + len(self._tried) - len(self._failed)  # with our own
        if not wanted or good + self._left < wanted:
            self._left += 1

    def _bring_up(self, target: Device) -> Steps:
        """Raises NodeRefuses; the store's errors are about us, and pass through."""
        job = self._job
        suffixes = self._lacking(target)
        if not suffixes:
            self._stats.hashmatch += 1
            return
        self._stats.rsync += 1
        self._stats.suffix_sync += len(suffixes)
        self._work.count("suffix.syncs", len(suffixes))
        partition = self._work.manager.partition(job.device.device, job.policy_index, job.partition)
        held = {item.hash: item.names for item in partition.held(suffixes)}
        self._local = None
        try:
            yield Parcel(job, target, partition, suffixes, held)
        except PushFailed as error:
            where = f"partition {job.partition} of {job.device.device}"
            self._work.log.error(f"{name_of(target)}: {where} was not pushed: {error}")
            self._failed.append(target)
            return
        if target.region != job.device.region:
            self._regions_done.add(target.region)

    def _lacking(self, target: Device) -> list[str]:
        """Suffixes that are to be pushed there."""
        job = self._job
        remote = self._compared.found.get((target.id, job.partition))
        if remote is None:
            remote = self._work.peers.hashes(target, job.partition, job.policy_index)
        return [] if isinstance(remote, Same) else self._differing(remote)

    def _differing(self, remote: Hashes) -> list[str]:
        """Computed anew before anything is pushed: a mark may be under way, or have been lost."""

        def unsure(local: Hashes) -> list[str]:
            return [suffix for suffix in differing(local, remote) if suffix not in self._sure]

        if self._local is None or unsure(self._local):
            job = self._job
            found = self._work.manager.suffix_hashes(
                job.device.device, job.partition, job.policy_index, recheck=unsure
            )
            self._local = found.hashes
            self._suffix_count = len(found.hashes)
            self._stats.suffix_hash += found.computed
            self._work.count("suffix.hashes", found.computed)
        suffixes = differing(self._local, remote)
        self._sure.update(suffixes)
        return suffixes

    def _count_of_suffixes(self) -> int:
        if self._suffix_count is not None:
            return self._suffix_count
        digest = self._compared.digests.get(self._job.partition)
        return int(digest.partition(":")[0]) if digest else 0
