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
from swiftlite.objectstore.api import Unsettled
from swiftlite.objectstore.attributes import read_metadata
from swiftlite.objectstore.context import Context
from swiftlite.objectstore.diskfile import DiskFile
from swiftlite.objectstore.fileset import choose
from swiftlite.objectstore.hash_dir import HashDir
from swiftlite.objectstore.locks import device_place, partition_lock, replication_lock
from swiftlite.objectstore.publish import ensure_directory, remove
from swiftlite.objectstore.quarantine import Blamed, set_aside
from swiftlite.objectstore.suffix_hashes import invalidate
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
_LOCK_PAUSE_S = 0.05


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
        return self._offload(list, held_in(self._disk, self.path, suffixes))

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

    def diskfile(self, name_hash: str) -> DiskFile | None:
        """The object of a hash; None where there is nothing that has a name.

        What lies in the wrong place, or tells no name, is quarantined.
        """
        place = HashDir(*self._where, name_hash)
        try:
            name = self.context.quickly(self.device, self._name_in, place)
        except _Nameless as error:
            set_aside(self.context, place, Blamed(error.file), error.reason)
            return None
        except OSError as error:
            if error.errno in _GONE:
                return None
            raise
        return None if name is None else DiskFile(self.context, place, name)

    @contextmanager
    def replicating(self, timeout: float, *, places: int = 0) -> Iterator[None]:
        """Be the only one who moves it, and take one of so many places on the device (0: none).

        The partition is made if it is missing. Raises Unsettled after timeout seconds.
        """
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
        while True:
            try:
                held.enter_context(lock())
                return
            except TimeoutError:
                if host.clock.monotonic() >= end:
                    raise Unsettled(f"{self.path} is being replicated already") from None
            host.tasks.sleep(_LOCK_PAUSE_S)

    def _name_in(self, place: HashDir) -> str | None:
        fileset = choose(self._disk.listdir(place.path))
        file = fileset.data or fileset.tombstone
        if file is None:
            return None
        try:
            name = read_metadata(self._disk, f"{place.path}/{file.name}").get("name", "")
        except MetadataUnreadable as error:
            raise _Nameless(file.name, str(error)) from None
        try:
            account, container, obj = split_path(name, 3, 3, True)
        except ValueError:
            raise _Nameless(file.name, f"its name is {name[:80]!r}") from None
        assert account is not None
        if self._hash_path.hex(account, container, obj) != place.hash:
            raise _Nameless(file.name, f"it is {name[:80]!r}, which belongs elsewhere")
        return name

    @property
    def _disk(self) -> Disk:
        return self.context.host.disk

    def _offload(self, fn: Callable[..., T], *args: object) -> T:
        return self.context.offload(self.device, fn, *args)


class _Nameless(Exception):
    def __init__(self, file: str, reason: str) -> None:
        super().__init__(file, reason)
        self.file = file
        self.reason = reason


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
