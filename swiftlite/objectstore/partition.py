"""A partition of one device, as replication handles it: what it holds, and letting go of it.

Nothing is let go of that is not as it was when it was shown to be elsewhere. A hash dir that has
changed since stays whole; so does what came in meanwhile. Files go under the partition's lock,
after their suffix has been marked, and a file that hides others goes last: a cut at any point
leaves what can be offered again, never something that had been deleted.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from typing import NamedTuple, TypeVar

from swiftlite.formats.metadata import MetadataUnreadable
from swiftlite.formats.ondisk_names import (
    HASHES_FILE,
    INVALIDATIONS_FILE,
    PARTITION_LOCK,
    REPLICATION_LOCK,
    is_hash,
    is_suffix,
)
from swiftlite.host.disk import Disk
from swiftlite.objectstore.api import Unsettled, translated
from swiftlite.objectstore.attributes import read_metadata
from swiftlite.objectstore.context import Context
from swiftlite.objectstore.diskfile import Blame, DiskFile
from swiftlite.objectstore.fileset import choose
from swiftlite.objectstore.hash_dir import HashDir
from swiftlite.objectstore.locks import device_place, partition_lock, replication_lock
from swiftlite.objectstore.publish import ensure_directory, remove
from swiftlite.objectstore.suffix_hashes import changed_at, invalidate
from swiftlite.vocab.hashing import HashPath
from swiftlite.vocab.names import split_path

T = TypeVar("T")
_HOUSEKEEPING = (
    f".{HASHES_FILE}.new",
    HASHES_FILE,
    INVALIDATIONS_FILE,
    REPLICATION_LOCK,
    PARTITION_LOCK,  # last: until then whoever changes the partition waits for it
)
_GONE = frozenset((errno.ENOENT, errno.ENOTDIR))
_LOCK_PAUSE_S, _LOCK_PAUSE_MAX_S = 0.002, 0.05
_FEW_SUFFIXES = 4  # looked at without a thread


class Held(NamedTuple):
    """A hash dir and the names in it at some moment."""

    hash: str
    names: tuple[str, ...]


class Partition:
    """Used by tasks; what may take long runs on the device's threads. Raises StoreError."""

    def __init__(
        self,
        context: Context,
        hash_path: HashPath,
        device: str,
        policy_index: int,
        number: int,
    ) -> None:
        self.context = context
        self.device = device
        self._hash_path = hash_path
        self._where = (context.settings.devices, device, policy_index, number)
        any_place = HashDir(*self._where, "0" * 32)
        self.device_path = any_place.device_path
        self.path = any_place.partition_path

    def suffixes(self) -> list[str]:
        """Its suffix directories, sorted; none when it is not there."""
        return self._offload(suffixes_of, self._disk, self.path)

    def held(self, suffixes: Iterable[str]) -> list[Held]:
        """All hash dirs of some suffixes, with what is in each."""
        wanted = list(suffixes)
        if len(wanted) <= _FEW_SUFFIXES:
            return self.context.quickly(self.device, list, held_in(self._disk, self.path, wanted))
        return self._offload(list, held_in(self._disk, self.path, wanted))

    def hashes_age(self) -> float | None:
        """Seconds since the hashes changed; None where there are none."""
        moment = self.context.quickly(self.device, changed_at, self._disk, self.path)
        return None if moment is None else self.context.host.clock.wall() - moment

    def forget(self, going: Mapping[str, Collection[str]]) -> int:
        """Remove hash dirs (hash to names) that still hold just that; how many went."""
        timeout = self.context.settings.lock_timeout
        return self._offload(forget, self._disk, self.path, going, timeout)

    def remove_if_empty(self) -> bool:
        """Remove the partition if no suffix is left in it."""
        timeout = self.context.settings.lock_timeout
        return self._offload(remove_if_empty, self._disk, self.path, timeout)

    def settle(self, suffixes: Iterable[str]) -> None:
        """Make durable what a program that does not sync has brought into these suffixes."""
        self._offload(settle, self._disk, self.path, list(suffixes))

    def diskfile(self, name_hash: str) -> FoundDiskFile:
        """The object of a hash, whatever its name. What lies in the wrong place, or tells no
        name, is quarantined when it is opened."""
        place = HashDir(*self._where, name_hash)
        return FoundDiskFile(self.context, place, self._hash_path)

    @contextmanager
    def replicating(self, timeout: float, *, places: int = 0) -> Iterator[None]:
        """Be the only one who moves it, and take one of so many places on the device (0: none).

        The partition is made if it is missing. Raises Unsettled after timeout seconds.
        """
        if not self._disk.exists(self.path):
            self._offload(ensure_directory, self._disk, self.path, self.device_path)
        locks: list[Callable[[], AbstractContextManager[object]]] = [
            lambda: replication_lock(self._disk, self.path, 0.0)
        ]
        if places:
            locks.append(lambda: device_place(self._disk, self.device_path, places))
        end = self.context.host.clock.monotonic() + timeout
        with ExitStack() as held:
            for lock in locks:
                self._enter(held, lock, end)
            yield

    def _enter(
        self, held: ExitStack, lock: Callable[[], AbstractContextManager[object]], end: float
    ) -> None:
        host = self.context.host
        pause = _LOCK_PAUSE_S
        while True:
            try:
                held.enter_context(lock())
                return
            except TimeoutError:
                if host.clock.monotonic() >= end:
                    raise Unsettled(f"{self.path} is being replicated already") from None
                host.tasks.sleep(pause)
                pause = min(pause * 2, _LOCK_PAUSE_MAX_S)
            except FileNotFoundError:  # whoever held it has removed it, empty
                self._offload(ensure_directory, self._disk, self.path, self.device_path)

    @property
    def _disk(self) -> Disk:
        return self.context.host.disk

    def _offload(self, fn: Callable[..., T], *args: object) -> T:
        return self.context.offload(self.device, fn, *args)


class FoundDiskFile(DiskFile):
    """A diskfile whose name is what its files say: known once it has been opened."""

    __slots__ = ("_hash_path",)

    def __init__(self, context: Context, place: HashDir, hash_path: HashPath) -> None:
        super().__init__(context, place, "")
        self._hash_path = hash_path

    def deleted_name(self) -> str | None:
        """The name that a tombstone tells, for open() does not look into it."""
        try:
            tombstone = choose(self.disk.listdir(self.place.path)).tombstone
            if tombstone is None:
                return None
            return read_metadata(self.disk, f"{self.place.path}/{tombstone.name}").get("name")
        except (FileNotFoundError, MetadataUnreadable):
            return None
        except OSError as error:
            raise translated(error, self.place.device) from error

    def _check_name(self, stored: str, file_name: str) -> None:
        if not self.name and self._belongs_here(stored):
            self.name = stored
        elif stored != self.name:
            raise Blame(file_name, f"it is {stored[:80]!r}, which belongs elsewhere")

    def _belongs_here(self, name: str) -> bool:
        try:
            account, container, obj = split_path(name, 3, 3, True)
        except ValueError:
            return False
        assert account is not None
        return self._hash_path.hex(account, container, obj) == self.place.hash


# What follows runs on a disk thread.


def suffixes_of(disk: Disk, partition_path: str) -> list[str]:
    try:
        return sorted(name for name in disk.listdir(partition_path) if is_suffix(name))
    except FileNotFoundError:
        return []


def held_in(disk: Disk, partition_path: str, suffixes: Iterable[str]) -> Iterator[Held]:
    for suffix in suffixes:
        for name in _listed(disk, f"{partition_path}/{suffix}"):
            if is_hash(name):
                names = _listed(disk, f"{partition_path}/{suffix}/{name}")
                if names:
                    yield Held(name, tuple(names))


def forget(
    disk: Disk, partition_path: str, going: Mapping[str, Collection[str]], lock_timeout: float
) -> int:
    by_suffix: dict[str, list[str]] = {}
    for name_hash in going:
        by_suffix.setdefault(name_hash[-3:], []).append(name_hash)
    gone = 0
    for suffix, hashes in by_suffix.items():
        try:
            with partition_lock(disk, partition_path, lock_timeout):
                invalidate(disk, partition_path, suffix)
                for name_hash in hashes:
                    path = f"{partition_path}/{suffix}/{name_hash}"
                    gone += _forget_hash_dir(disk, path, going[name_hash])
                _remove_directory(disk, f"{partition_path}/{suffix}")
        except FileNotFoundError:
            break  # the whole partition
    return gone


def _forget_hash_dir(disk: Disk, path: str, names: Collection[str]) -> bool:
    present = _listed(disk, path)
    if not present or not set(names).issuperset(present):
        return False
    fileset = choose(present)
    last = {file.name for file in fileset.in_use()}
    for name in sorted(present, key=lambda name: name in last):
        remove(disk, f"{path}/{name}")
    _remove_directory(disk, path)
    return True


def remove_if_empty(disk: Disk, partition_path: str, lock_timeout: float) -> bool:
    try:
        with partition_lock(disk, partition_path, lock_timeout):
            for name in disk.listdir(partition_path):
                if name not in _HOUSEKEEPING and not _removed_empty(disk, partition_path, name):
                    return False
            for name in _HOUSEKEEPING:
                remove(disk, f"{partition_path}/{name}")
            return _remove_directory(disk, partition_path)
    except FileNotFoundError:
        return True


def _removed_empty(disk: Disk, partition_path: str, name: str) -> bool:
    """Whether this was a suffix directory with nothing in it, or in its hash dirs."""
    path = f"{partition_path}/{name}"
    if not is_suffix(name):
        return False
    return all(
        is_hash(inner) and _remove_directory(disk, f"{path}/{inner}")
        for inner in _listed(disk, path)
    ) and _remove_directory(disk, path)


def settle(disk: Disk, partition_path: str, suffixes: Iterable[str]) -> None:
    for name_hash, names in held_in(disk, partition_path, suffixes):
        suffix_path = f"{partition_path}/{name_hash[-3:]}"
        for name in names:
            with suppress(FileNotFoundError):  # replaced meanwhile, by what is durable
                _sync_file(disk, f"{suffix_path}/{name_hash}/{name}")
        for directory in (f"{suffix_path}/{name_hash}", suffix_path):
            with suppress(FileNotFoundError):
                disk.fsync_dir(directory)
    disk.fsync_dir(partition_path)


def _sync_file(disk: Disk, path: str) -> None:
    fd = disk.open(path, os.O_RDONLY)
    try:
        disk.fsync(fd)
    finally:
        disk.close(fd)


def _listed(disk: Disk, path: str) -> list[str]:
    try:
        return sorted(disk.listdir(path))
    except OSError as error:
        if error.errno in _GONE:
            return []
        raise


def _remove_directory(disk: Disk, path: str) -> bool:
    try:
        disk.rmdir(path)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT):
            raise
        return error.errno == errno.ENOENT
    return True
