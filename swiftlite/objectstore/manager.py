"""The door to the objects on this node's devices, for all replicated policies."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import NamedTuple

from swiftlite.formats.async_pending import AsyncPending
from swiftlite.formats.ondisk_names import OBJECTS, policy_dir
from swiftlite.formats.suffix_hashes import SuffixHash
from swiftlite.host.bundle import Host
from swiftlite.objectstore.api import (
    DeviceUnavailable,
    StoreSettings,
    Unsettled,
    translated,
)
from swiftlite.objectstore.async_store import drop_pending, save_pending
from swiftlite.objectstore.cleanup import HashDirCleaner
from swiftlite.objectstore.context import Context, StoreLog
from swiftlite.objectstore.diskfile import DiskFile
from swiftlite.objectstore.hash_dir import HashDir
from swiftlite.objectstore.partition import Partition
from swiftlite.objectstore.publish import ensure_directory
from swiftlite.objectstore.quarantine import quarantine
from swiftlite.objectstore.suffix_hashes import Hashed, PartitionHashes
from swiftlite.vocab.hashing import HashPath
from swiftlite.vocab.timestamp import RAW_PER_SECOND, Timestamp

Recheck = Callable[[Mapping[str, SuffixHash]], Collection[str]]
"""Names suffixes that had better be computed again, though nothing has marked them."""


class Digests(NamedTuple):
    """partition_digest() of the partitions there was time for, None where it cannot be told; and
    how many suffixes had to be computed for it."""

    known: dict[int, str | None]
    computed: int


class Manager:
    """Checks the device, knows where things are, and hands out diskfiles."""

    def __init__(
        self,
        host: Host,
        settings: StoreSettings,
        hash_path: HashPath,
        log: StoreLog,
        count: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.context = Context(host, settings, log, count)
        self.settings = settings
        self.hash_path = hash_path

    def check_device(self, device: str) -> None:
        """Raises DeviceUnavailable unless the device is there, and mounted if that is asked."""
        disk, path = self.context.host.disk, f"{self.settings.devices}/{device}"
        try:
            there = disk.is_mount(path) if self.settings.mount_check else disk.exists(path)
        except OSError as error:
            raise DeviceUnavailable(device, error.strerror or "broken") from error
        if not there:
            raise DeviceUnavailable(device)

    def diskfile(
        self,
        device: str,
        partition: int,
        account: str,
        container: str,
        obj: str,
        policy_index: int = 0,
    ) -> DiskFile:
        """Raises DeviceUnavailable. The object need not exist."""
        self.check_device(device)
        name_hash = self.hash_path.hex(account, container, obj)
        place = HashDir(self.settings.devices, device, policy_index, partition, name_hash)
        return DiskFile(self.context, place, f"/{account}/{container}/{obj}")

    def partition(self, device: str, policy_index: int, number: int) -> Partition:
        """A partition as a whole, which need not exist. Raises DeviceUnavailable."""
        self.check_device(device)
        return Partition(self.context, self.hash_path, device, policy_index, number)

    def suffix_hashes(
        self,
        device: str,
        partition: int,
        policy_index: int,
        *,
        recalculate: Collection[str] = (),
        relist: bool = False,
        recheck: Recheck | None = None,
    ) -> Hashed:
        """Hashes of all suffixes of a partition, those marked as changed computed anew.

        recheck names, from the hashes, suffixes to be computed even so. One disk job, possibly
        long. Raises StoreError.
        """
        self.check_device(device)
        return self.context.offload(
            device, self._hash_partition, device, partition, policy_index, recalculate, relist,
            recheck,
        )  # fmt: skip

    def compare(
        self, device: str, policy_index: int, digests: Mapping[int, str], patience: float
    ) -> dict[int, dict[str, SuffixHash] | None]:
        """For each partition that there is time for: None where the digest is that of our hashes,
        else these. As digests()."""
        self.check_device(device)
        return self.context.offload(device, self._compare, device, policy_index, digests, patience)

    def digests(
        self,
        device: str,
        policy_index: int,
        partitions: Iterable[int],
        patience: float,
        *,
        relist: Collection[int] = (),
    ) -> Digests:
        """partition_digest() of each partition that there is time for, in their order.

        Marked suffixes are computed; after patience seconds no further partition is begun.
        relist: partitions to be looked through for suffixes that nobody marked. One disk job.
        Raises StoreError.
        """
        self.check_device(device)
        return self.context.offload(
            device, self._digests, device, policy_index, list(partitions), patience, relist
        )

    def mark_suffixes(
        self, device: str, partition: int, policy_index: int, suffixes: Collection[str]
    ) -> None:
        """A peer has pushed files into these suffixes. Raises StoreError."""
        self.check_device(device)
        self.context.offload(device, self._mark_suffixes, device, partition, policy_index, suffixes)

    def save_pending(
        self, device: str, policy_index: int, timestamp: Timestamp, pending: AsyncPending
    ) -> None:
        """Keep a container update for later; durable on return. Raises StoreError."""
        name_hash = self.hash_path.hex(pending.account, pending.container, pending.obj)
        save_pending(self.context, device, policy_index, name_hash, timestamp, pending)
        self.context.count("async_pendings")

    def drop_pending(
        self, device: str, policy_index: int, timestamp: Timestamp, pending: AsyncPending
    ) -> None:
        """Forget an update that was delivered. Raises StoreError."""
        name_hash = self.hash_path.hex(pending.account, pending.container, pending.obj)
        drop_pending(self.context, device, policy_index, name_hash, timestamp)

    def devices_here(self) -> list[str]:
        """Names in the directory of devices, mounted or not; none when it cannot be read."""
        context = self.context
        try:
            return sorted(context.host.disk.listdir(context.settings.devices))
        except OSError:
            return []

    # What follows runs on a disk thread.

    def _partition_path(self, device: str, partition: int, policy_index: int) -> str:
        """Made if missing, because a peer that asks for hashes is about to push files."""
        device_path = f"{self.settings.devices}/{device}"
        path = f"{device_path}/{policy_dir(OBJECTS, policy_index)}/{partition}"
        disk = self.context.host.disk
        if not disk.exists(path):
            ensure_directory(disk, path, device_path)
        return path

    def _partition_hashes(self, device: str, partition: int, policy_index: int) -> PartitionHashes:
        disk = self.context.host.disk
        path = self._partition_path(device, partition, policy_index)
        now = Timestamp.from_seconds(self.context.host.clock.wall())
        reclaim = round(self.settings.reclaim_age * RAW_PER_SECOND)
        reclaim_before = Timestamp(max(0, now.raw - reclaim))
        report = _Report(self.context, self.settings.devices, device, partition, policy_index)
        cleaner = HashDirCleaner(disk, report, reclaim_before)
        in_order = self.context.keeps_order(device)
        return PartitionHashes(disk, path, cleaner, self.settings.lock_timeout, in_order=in_order)

    def _hash_partition(
        self,
        device: str,
        partition: int,
        policy_index: int,
        recalculate: Collection[str],
        relist: bool,
        recheck: Recheck | None,
    ) -> Hashed:
        hashes = self._partition_hashes(device, partition, policy_index)
        now = self.context.host.clock.wall()
        found = hashes.current(now, recalculate=recalculate, relist=relist)
        again = recheck(found.hashes) if recheck is not None else ()
        if not again:
            return found
        anew = hashes.current(now, recalculate=again)
        return Hashed(anew.hashes, found.computed + anew.computed)

    def _compare(
        self, device: str, policy_index: int, digests: Mapping[int, str], patience: float
    ) -> dict[int, dict[str, SuffixHash] | None]:
        clock = self.context.host.clock
        end = clock.monotonic() + patience
        found: dict[int, dict[str, SuffixHash] | None] = {}
        for partition, digest in digests.items():
            try:
                hashes = self._partition_hashes(device, partition, policy_index)
                other = hashes.unless(digest, clock.wall())
            except (OSError, Unsettled) as error:
                self.context.log.warning(f"{device}, partition {partition}: no hashes: {error}")
            else:
                found[partition] = None if other is None else other.hashes
            if clock.monotonic() > end:
                break
        return found

    def _digests(
        self,
        device: str,
        policy_index: int,
        partitions: list[int],
        patience: float,
        relist: Collection[int],
    ) -> Digests:
        clock = self.context.host.clock
        end = clock.monotonic() + patience
        known: dict[int, str | None] = {}
        computed = 0
        for partition in partitions:
            try:
                hashes = self._partition_hashes(device, partition, policy_index)
                found = hashes.digest(clock.wall(), relist=partition in relist)
            except (OSError, Unsettled) as error:
                self.context.log.warning(f"{device}, partition {partition}: no hashes: {error}")
                known[partition] = None
            else:
                known[partition] = found.digest
                computed += found.computed
            if clock.monotonic() > end:
                break
        return Digests(known, computed)

    def _mark_suffixes(
        self, device: str, partition: int, policy_index: int, suffixes: Collection[str]
    ) -> None:
        self._partition_hashes(device, partition, policy_index).mark(suffixes)


class _Report:
    """Where a hash pass over one partition turns with what it cannot tidy."""

    def __init__(
        self, context: Context, devices: str, device: str, partition: int, policy_index: int
    ) -> None:
        self.context = context
        self.where = (devices, device, policy_index, partition)

    def quarantine(self, name_hash: str, error: OSError) -> None:
        place = HashDir(*self.where, name_hash)
        disk, entropy = self.context.host.disk, self.context.host.entropy
        try:
            aside = quarantine(disk, entropy, place, self.context.settings.lock_timeout, None)
        except OSError as failure:
            raise translated(failure, place.device) from failure
        self.context.log.error(f"Quarantined {place.path} to {aside}: {error.strerror}")

    def failed(self, path: str, error: OSError) -> None:
        self.context.log.error(f"Cannot hash {path}: {error}")
