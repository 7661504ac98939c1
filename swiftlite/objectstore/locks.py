"""The locks of a partition and of a device: Swift's locks, in Swift's places.

All are flocks on files made if missing. `.lock` in a partition's directory: who changes its files
or its hashes holds it. `.lock-replication` beside it: two nodes must not hand the partition to
each other at once, and each then delete it. `.lock`, `.lock-1`, ... on the device: its places for
incoming conversations. They work between threads of a process as well as between processes.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager

from swiftlite.formats.ondisk_names import PARTITION_LOCK, REPLICATION_LOCK
from swiftlite.host.disk import Disk

_TRIES = 5


def partition_lock(disk: Disk, partition_path: str, timeout: float) -> AbstractContextManager[int]:
    """Hold the partition. Raises TimeoutError, and FileNotFoundError if there is no partition."""
    return _lasting_lock(disk, f"{partition_path}/{PARTITION_LOCK}", timeout)


def replication_lock(
    disk: Disk, partition_path: str, timeout: float
) -> AbstractContextManager[int]:
    """Be the only one who moves this partition between nodes. Raises as partition_lock."""
    return _lasting_lock(disk, f"{partition_path}/{REPLICATION_LOCK}", timeout)


@contextmanager
def device_place(disk: Disk, device_path: str, places: int) -> Iterator[None]:
    """One of so many places on a device. Raises TimeoutError when all are taken."""
    for number in range(places):
        name = PARTITION_LOCK if number == 0 else f"{PARTITION_LOCK}-{number}"
        with ExitStack() as held:
            try:
                held.enter_context(disk.flock(f"{device_path}/{name}", 0.0))
            except TimeoutError:
                if number == places - 1:
                    raise
                continue
            yield
            return


@contextmanager
def _lasting_lock(disk: Disk, path: str, timeout: float) -> Iterator[int]:
    """A lock on the file that is at path while it is held.

    An empty partition is removed with its locks, by whoever holds them. One who opened the file
    before that then locks what nobody else will ever look at, and has to ask again.
    """
    for _ in range(_TRIES):
        with disk.flock(path, timeout) as fd:
            if disk.fstat(fd).st_nlink:
                yield fd
                return
    raise TimeoutError(errno.ETIMEDOUT, "the lock is removed as often as it is taken", path)
