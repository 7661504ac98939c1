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


class LastingLock:
    """A lock on the file that is at a path while it is held. For a with statement, or take() and
    release(): a generator and a stack of contexts would cost 6 µs more.

    An empty partition is removed with its locks, by whoever holds them. One who opened the file
    before that then locks what nobody else will ever look at, and has to ask again.
    """

    __slots__ = ("_disk", "_held", "_path", "_timeout")

    def __init__(self, disk: Disk, path: str, timeout: float) -> None:
        self._disk = disk
        self._path = path
        self._timeout = timeout
        self._held: AbstractContextManager[int] | None = None

    def take(self) -> int:
        """Raises TimeoutError, and FileNotFoundError where there is no directory for the file."""
        for _ in range(_TRIES):
            held = self._disk.flock(self._path, self._timeout)
            fd = held.__enter__()
            self._held = held
            try:
                lasts = self._disk.fstat(fd).st_nlink
            except BaseException:
                self.release()
                raise
            if lasts:
                return fd
            self.release()
        raise TimeoutError(
            errno.ETIMEDOUT, "the lock is removed as often as it is taken", self._path
        )

    def release(self) -> None:
        held, self._held = self._held, None
        assert held is not None
        held.__exit__(None, None, None)

    def __enter__(self) -> int:
        return self.take()

    def __exit__(self, *_: object) -> None:
        self.release()


def partition_lock(disk: Disk, partition_path: str, timeout: float) -> LastingLock:
    """Hold the partition. Raises TimeoutError, and FileNotFoundError if there is no partition."""
    return LastingLock(disk, f"{partition_path}/{PARTITION_LOCK}", timeout)


def replication_lock(disk: Disk, partition_path: str, timeout: float) -> LastingLock:
    """Be the only one who moves this partition between nodes. Raises as partition_lock."""
    return LastingLock(disk, f"{partition_path}/{REPLICATION_LOCK}", timeout)


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
