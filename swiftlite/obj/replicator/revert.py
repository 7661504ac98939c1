"""A partition that belongs elsewhere: push it to its primaries, then let go of it.

Let go of is only what enough primaries were shown to have: object by object, and only if it is
still as it was before the pushing began. What came in meanwhile stays for the next pass.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

from swiftlite.obj.replicator.context import Replication
from swiftlite.obj.replicator.jobs import Job, needed
from swiftlite.obj.replicator.peers import name_of
from swiftlite.obj.replicator.push import HeldNames, PushFailed
from swiftlite.obj.replicator.stats import Stats
from swiftlite.objectstore.api import Unsettled
from swiftlite.objectstore.partition import Partition
from swiftlite.ring import Device

_LOCK_TIMEOUT_S = 0.2


class Revert:
    """One job."""

    def __init__(self, work: Replication, job: Job) -> None:
        self._work = work
        self._job = job
        self._stats: Stats = work.stats_of(job.device.device)
        self._failed: list[Device] = []
        self._gone = False

    def run(self) -> None:
        """Raises StoreError and OSError for what is wrong with the partition here."""
        work, job = self._work, self._job
        start = work.host.clock.monotonic()
        self._stats.attempted += 1
        work.count(f"partition.delete.count.{job.device.device}")
        partition = work.manager.partition(job.device.device, job.policy_index, job.partition)
        try:
            # Two nodes that are both handoffs would push the partition to each other, see that
            # it is there, and both let go of it.
            with partition.replicating(_LOCK_TIMEOUT_S):
                self._move(partition)
        except Unsettled as error:
            work.log.info(f"Not moved now: {error}")
            work.count("partition.lock-failure.count")
        except BaseException:
            self._failed.extend(job.targets)
            raise
        finally:
            if not self._gone:
                work.handoffs_left += 1
            self._stats.finish_job(job.targets, self._failed)
            work.took("partition.delete.timing", start)

    def _move(self, partition: Partition) -> None:
        suffixes = partition.suffixes()
        held = {item.hash: item.names for item in partition.held(suffixes)}
        if held:
            enough = self._pushed(partition, suffixes, held)
            if not enough:
                return
            self._stats.remove += 1
            went = partition.forget({name_hash: held[name_hash] for name_hash in enough})
            self._work.log.info(f"Removed {went} objects of {partition.path}, which others have")
        if len(partition.suffixes()) == 0 or not partition.held(partition.suffixes()):
            self._gone = partition.remove_if_empty()
        if self._gone:
            self._work.log.info(f"Removed partition {partition.path}")

    def _pushed(
        self, partition: Partition, suffixes: Collection[str], held: HeldNames
    ) -> list[str]:
        """What may be let go of."""
        job = self._job
        copies: Counter[str] = Counter()
        there: dict[int, frozenset[str]] = {}  # region -> what one node of it has got
        for target in job.targets:
            if self._work.stopping():
                break
            self._stats.rsync += 1
            try:
                known = self._work.push(
                    job, target, partition, sorted(suffixes), held,
                    only_check=there.get(target.region),
                )  # fmt: skip
            except PushFailed as error:
                self._work.log.error(
                    f"{name_of(target)}: partition {job.partition} of {job.device.device} "
                    f"was not pushed: {error}"
                )
                self._failed.append(target)
                continue
            copies.update(known)
            if target.region != job.device.region:
                # Once over the long way is enough: its neighbours there bring it to the others.
                there[target.region] = known
        wanted = needed(len(job.targets), self._work.options.handoff_delete)
        return [name_hash for name_hash, count in copies.items() if count >= wanted]
