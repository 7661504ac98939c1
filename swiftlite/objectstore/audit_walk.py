"""Walking over all hash dirs of one policy on one device, a partition at a time, resumably.

What is left to do is kept in a file of Swift's beside the partitions: `auditor_status_ALL.json`
for the full pass, `auditor_status_ZBF.json` for the other, with the key `partitions`. Either
auditor goes on where the other has stopped.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple

from swiftlite.formats.ondisk_names import OBJECTS, is_hash, is_partition, is_suffix, policy_dir
from swiftlite.host.disk import Disk
from swiftlite.objectstore.hash_dir import HashDir

_SAVE_EVERY_S = 60.0
_STATUS_BYTES_MAX = 1 << 26  # of 2^23 partitions


@dataclass(frozen=True, slots=True)
class Unlistable:
    """A directory on the way that could not be listed; what is below it was not seen."""

    path: str
    error: OSError


class PartitionDir(NamedTuple):
    """A partition and the suffixes in it."""

    partition: int
    path: str
    suffixes: list[str]


@dataclass(frozen=True, slots=True)
class Stranger:
    """Something in a suffix directory whose name is no hash of that suffix.

    beside: a hash dir there, which need not exist: for its other paths.
    """

    beside: HashDir
    name: str


class AuditWalk:
    """Runs on a disk thread. kind: ALL or ZBF. only: the partitions wanted; empty means all."""

    def __init__(
        self,
        disk: Disk,
        devices: str,
        device: str,
        policy_index: int,
        kind: str,
        monotonic: Callable[[], float],
        only: Collection[int] = (),
    ) -> None:
        self.disk = disk
        self.device = device
        self._above = (devices, device, policy_index)
        self.objects_path = f"{devices}/{device}/{policy_dir(OBJECTS, policy_index)}"
        self.status_path = f"{self.objects_path}/auditor_status_{kind}.json"
        self.left: list[str] = []
        """Partitions still to do, the one in hand among them, last first."""
        self.total = 0
        self._only = only
        self._monotonic = monotonic
        self._saved_at = -_SAVE_EVERY_S

    def partitions(self) -> Iterator[PartitionDir | Unlistable]:
        try:
            names = self._resumed()
            if names is None:
                names = self.disk.listdir(self.objects_path)
        except FileNotFoundError:
            return
        except OSError as error:
            yield Unlistable(self.objects_path, error)
            return
        self.left = [name for name in reversed(names) if is_partition(name)]
        self.total = len(self.left)
        while self.left:
            partition = int(self.left[-1])
            if not self._only or partition in self._only:
                path = f"{self.objects_path}/{partition}"
                below = self.listed(path)
                if isinstance(below, Unlistable):
                    yield below
                else:
                    yield PartitionDir(partition, path, [name for name in below if is_suffix(name)])
            self.left.pop()

    @property
    def save_is_due(self) -> bool:
        return self._monotonic() - self._saved_at >= _SAVE_EVERY_S

    def save(self) -> None:
        """Write down what is left; best effort, for at worst some of it is done again.

        For whoever has dealt with all that partitions() gave: this tells the next one not to look.
        """
        self._saved_at = self._monotonic()
        content = json.dumps({"partitions": self.left[::-1]}).encode("ascii")
        with suppress(OSError):
            fd = self.disk.open(self.status_path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            try:
                self.disk.write(fd, content)
            finally:
                self.disk.close(fd)

    def forget(self) -> None:
        """At the end of a pass over all devices: the next one begins anew."""
        with suppress(OSError):
            self.disk.unlink(self.status_path)

    def _resumed(self) -> list[str] | None:
        """What an earlier pass has left to do; None where there was none, or nobody can tell."""
        try:
            fd = self.disk.open(self.status_path)
            try:
                found = json.loads(self.disk.read(fd, _STATUS_BYTES_MAX))
            finally:
                self.disk.close(fd)
            return [str(name) for name in found["partitions"]]
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def listed(self, path: str) -> list[str] | Unlistable:
        """The names in a directory on the way, or in one of a suffix."""
        try:
            return self.disk.listdir(path)
        except (FileNotFoundError, NotADirectoryError):
            return []  # removed, being empty; or a stray file, which the hash pass does not mind
        except OSError as error:
            return Unlistable(path, error)

    def place(self, partition: int, suffix: str, name: str) -> HashDir | Stranger | None:
        """What a name in a suffix is; None for hidden files, which are somebody's at work."""
        if is_hash(name) and name.endswith(suffix):
            return HashDir(*self._above, partition, name)
        if name.startswith("."):
            return None
        return Stranger(HashDir(*self._above, partition, f"{suffix:0>32}"), name)
