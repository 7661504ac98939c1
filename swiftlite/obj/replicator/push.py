"""Pushing suffixes of a partition to another node, by either method, and knowing what arrived."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple, Protocol

from swiftlite.formats.ondisk_names import OBJECTS, policy_dir
from swiftlite.obj.replicator.jobs import Job
from swiftlite.obj.replicator.peers import NodeRefuses, Peers
from swiftlite.objectstore.partition import Partition
from swiftlite.peers.rsync import Pushed, Rsync
from swiftlite.ring import Device
from swiftlite.vocab.errors import SwiftliteError

HeldNames = Mapping[str, Collection[str]]
"""Hashes of objects, and the names in the directory of each when it was looked at."""


class PushFailed(SwiftliteError):
    """Not everything arrived, and what did is not known; the message says why."""


class Parcel(NamedTuple):
    """What an update wants to have pushed: held, which lies in these suffixes."""

    job: Job
    target: Device
    partition: Partition
    suffixes: Sequence[str]
    held: HeldNames


class Push(Protocol):
    """Either method."""

    def __call__(
        self,
        job: Job,
        target: Device,
        partition: Partition,
        suffixes: Sequence[str],
        held: HeldNames,
        *,
        only_check: Collection[str] | None = None,
    ) -> frozenset[str]:
        """Push what is held in suffixes; the hashes of what is known to be there now, durably.

        only_check: send nothing, and find out about these hashes alone. Raises PushFailed.
        """
        ...


FEW_OBJECTS = 64


class RsyncPush:
    """By the rsync command; afterwards the other side is told where to look.

    few: how to push a few objects to a node of our kind, instead. An rsync of one small object
    costs ten times what a conversation about it does; None where rsync's limits must count.
    """

    def __init__(self, rsync: Rsync, peers: Peers, few: Push | None) -> None:
        self._rsync = rsync
        self._peers = peers
        self._few = few

    def __call__(
        self,
        job: Job,
        target: Device,
        partition: Partition,
        suffixes: Sequence[str],
        held: HeldNames,
        *,
        only_check: Collection[str] | None = None,
    ) -> frozenset[str]:
        """rsync tells nothing about single objects, so only_check makes no difference to it."""
        few = self._few_for(target, held)
        if few is not None:
            with suppress(PushFailed):
                return few(job, target, partition, suffixes, held)
        if not set(suffixes).intersection(partition.suffixes()):
            raise PushFailed("nothing of it is left here")
        (failure,) = self.together([Parcel(job, target, partition, suffixes, held)])
        if failure is not None:
            raise failure
        return frozenset(held)

    def may_wait(self, parcel: Parcel) -> bool:
        """Whether it had better go together with others."""
        return len(parcel.held) <= FEW_OBJECTS and not self._few_for(parcel.target, parcel.held)

    def together(self, parcels: Sequence[Parcel]) -> list[PushFailed | None]:
        """Push what goes from one device to one other; of each, why it failed.

        What fails together is tried apart, so that it counts against those whose fault it is. What
        has got there is not sent again.
        """
        pushed = self._sent(parcels)
        if pushed is not Pushed.PART or len(parcels) == 1:
            return self._told(parcels, pushed)
        failures: list[PushFailed | None] = []
        for parcel in parcels:
            if pushed is not Pushed.NOTHING:  # nor would the others get there
                pushed = self._sent([parcel])
            failures += self._told([parcel], pushed)
        return failures

    def _few_for(self, target: Device, held: HeldNames) -> Push | None:
        return self._few if len(held) <= FEW_OBJECTS and self._peers.is_ours(target) else None

    def _sent(self, parcels: Sequence[Parcel]) -> Pushed:
        job, target, partition, _, _ = parcels[0]
        objects = policy_dir(OBJECTS, job.policy_index)
        names = [
            f"{parcel.job.partition}/{suffix}" for parcel in parcels for suffix in parcel.suffixes
        ]
        far = target.region != job.device.region
        root = f"{partition.device_path}/{objects}"
        return self._rsync.push(root, names, target, objects, far=far)

    def _told(self, parcels: Sequence[Parcel], pushed: Pushed) -> list[PushFailed | None]:
        """Have the other side look where something may have come."""
        failures: list[PushFailed | None] = []
        refused: NodeRefuses | None = None
        for job, target, _, suffixes, _ in parcels:
            failed = None if pushed is Pushed.ALL else PushFailed("rsync failed")
            is_worth_telling = pushed is Pushed.ALL or (
                pushed is Pushed.PART and not job.is_handoff
            )
            if is_worth_telling and refused is None:
                try:
                    self._peers.mark(
                        target, job.partition, job.policy_index, suffixes, settle=job.is_handoff
                    )
                except NodeRefuses as error:
                    refused = error
            failures.append(PushFailed(str(refused)) if refused else failed)
        return failures
