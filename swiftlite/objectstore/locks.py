"""The lock of a partition: who changes its files or its hashes holds it.

Swift's lock, in Swift's place: a flock on `.lock` in the partition's directory, made if missing
and never deleted. Works between threads of a process as well as between processes.
"""

from __future__ import annotations

from contextlib import AbstractContextManager

from swiftlite.formats.ondisk_names import PARTITION_LOCK
from swiftlite.host.disk import Disk


def partition_lock(disk: Disk, partition_path: str, timeout: float) -> AbstractContextManager[int]:
    """Hold the partition. Raises TimeoutError, and FileNotFoundError if there is no partition."""
    return disk.flock(f"{partition_path}/{PARTITION_LOCK}", timeout)
