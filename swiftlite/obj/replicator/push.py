"""Pushing suffixes of a partition to another node, by either method, and knowing what arrived."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from typing import Protocol

from swiftlite.formats.ondisk_names import OBJECTS, policy_dir
from swiftlite.obj.replicator.jobs import Job
from swiftlite.obj.replicator.peers import NodeRefuses, Peers
from swiftlite.objectstore.partition import Partition
from swiftlite.peers.rsync import Rsync
from swiftlite.ring import Device
from swiftlite.vocab.errors import SwiftliteError

HeldNames = Mapping[str, Collection[str]]
"""Hashes of objects, and the names in the directory of each when it was looked at."""


class PushFailed(SwiftliteError):
    """Not everything arrived, and what did is not known; the message says why."""


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
        if self._few is not None and len(held) <= FEW_OBJECTS and self._peers.is_ours(target):
            with suppress(PushFailed):
                return self._few(job, target, partition, suffixes, held)
        present = set(partition.suffixes())
        sources = [f"{partition.path}/{suffix}" for suffix in suffixes if suffix in present]
        if not sources:
            raise PushFailed("nothing of it is left here")
        directory = f"{policy_dir(OBJECTS, job.policy_index)}/{job.partition}"
        far = target.region != job.device.region
        pushed = self._rsync.push(sources, target, directory, far=far)
        if pushed or not job.is_handoff:  # of an update, some may have got there
            try:
                self._peers.mark(
                    target, job.partition, job.policy_index, suffixes, settle=job.is_handoff
                )
            except NodeRefuses as error:
                raise PushFailed(str(error)) from error
        if not pushed:
            raise PushFailed("rsync failed")
        return frozenset(held)
