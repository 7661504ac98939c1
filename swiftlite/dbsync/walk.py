"""The databases of one device, a few at a time, partitions in random order.

Runs in the device's thread. Directories that hold nothing any more go, once they are old enough
that nobody can be about to put a database there.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from itertools import islice

from swiftlite.dbstore.engine import Engine
from swiftlite.dbstore.merge import Row
from swiftlite.dbstore.places import Place
from swiftlite.formats.db_files import parse_db_name
from swiftlite.host.entropy import Entropy
from swiftlite.vocab.hashing import suffix_of

_EMPTY_FOR_S = 3600.0
_ABSENT = frozenset((errno.ENOENT, errno.ENOTDIR))


class Walk:
    """wanted: whether a partition is to be looked at. now: unix seconds."""

    def __init__(
        self,
        engine: Engine[Row],
        device: str,
        entropy: Entropy,
        now: float,
        wanted: Callable[[int], bool] = lambda _: True,
    ) -> None:
        self._disk = engine.disk
        self._engine = engine
        self._device = device
        self._entropy = entropy
        self._old = now - _EMPTY_FOR_S
        self._wanted = wanted
        self._places = self._walk()

    def take(self, count: int) -> list[Place]:
        """The next ones; fewer than count at the end. Raises OSError."""
        return list(islice(self._places, count))

    def _walk(self) -> Iterator[Place]:
        root = f"{self._engine.devices.path(self._device)}/{self._engine.kind.folder}"
        partitions = [name for name in self._listed(root) if name.isascii() and name.isdigit()]
        partitions = [name for name in partitions if self._wanted(int(name))]
        self._entropy.shuffle(partitions)
        for partition in partitions:
            yield from self._of_partition(f"{root}/{partition}", partition)

    def _of_partition(self, path: str, partition: str) -> Iterator[Place]:
        suffixes = self._listed(path)
        for suffix in suffixes:
            below = f"{path}/{suffix}"
            digests = self._listed(below)
            for digest in digests:
                if len(digest) != 32 or suffix_of(digest) != suffix:
                    continue
                if any(map(parse_db_name, self._listed(f"{below}/{digest}"))):
                    yield self._engine.place(self._device, partition, digest)
                else:
                    self._drop(f"{below}/{digest}")
            if not digests:
                self._drop(below)
        if not suffixes:
            self._drop(path)

    def _listed(self, path: str) -> list[str]:
        try:
            return self._disk.listdir(path)
        except OSError as error:
            if error.errno in _ABSENT:
                return []
            raise

    def _drop(self, path: str) -> None:
        """Remove an empty directory; nothing when it is not, or not for long."""
        try:
            if self._disk.stat(path).st_mtime < self._old:
                self._disk.rmdir(path)
        except OSError as error:
            if error.errno not in _ABSENT | {errno.ENOTEMPTY, errno.EEXIST}:
                raise
