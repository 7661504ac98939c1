"""The usual hash dirs of a partition at a glance: one data file in each, as it should be.

A pass over metadata has little to do for an object, so what it costs are system calls, and Python
between them: a dozen from an object's suffix to its size. Only what is unusual takes the proper
look of objectstore.examine, at several times the cost.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from swiftlite.formats.metadata import ATTRIBUTE, MetadataUnreadable, decode_metadata, is_whole
from swiftlite.formats.ondisk_names import DATA
from swiftlite.host.disk import Disk
from swiftlite.objectstore.attributes import read_metadata
from swiftlite.vocab.hashing import HashPath

AT_ONCE = 32
"""So many objects, or one suffix, are looked at while their partition is open."""


class Glimpse(NamedTuple):
    """sound: how many hash dirs are. doubtful: suffixes, and names in them, that take a proper
    look; None for a suffix that could not be listed."""

    sound: int
    doubtful: list[tuple[str, str | None]]


class Glancer:
    """For a disk thread. Access times stay as they are, where the files are this process's own."""

    def __init__(self, disk: Disk, hash_path: HashPath, at_once: int = AT_ONCE) -> None:
        self.disk = disk
        self.hash_path = hash_path
        self._at_once = at_once
        self._quietly = os.O_NOATIME

    def glance(self, path: str, suffixes: Sequence[str]) -> Iterator[Glimpse]:
        """Everything in these suffixes of a partition; between two glimpses nothing of it is open,
        so that the device can be unmounted. Raises OSError when the partition cannot be opened."""
        left = list(reversed(suffixes))
        while left:
            yield self._glimpse(path, left)

    def _glimpse(self, path: str, left: list[str]) -> Glimpse:
        directory = self._opened(path)
        seen = 0
        doubtful: list[tuple[str, str | None]] = []
        try:
            while left and seen < self._at_once:
                seen += self._look_into(directory, path, left.pop(), doubtful)
        finally:
            self.disk.close(directory)
        return Glimpse(seen - len(doubtful), doubtful)

    def _opened(self, path: str) -> int:
        try:
            return self.disk.open(path, os.O_DIRECTORY | self._quietly)
        except PermissionError:
            if not self._quietly:
                raise
            self._quietly = 0  # somebody else's, and so will be what comes
            return self.disk.open(path, os.O_DIRECTORY)

    def _look_into(
        self, above: int, path: str, suffix: str, doubtful: list[tuple[str, str | None]]
    ) -> int:
        """How many names there are, the doubtful ones among them."""
        try:
            directory, names = self.disk.enter(above, suffix, self._quietly)
        except OSError:
            doubtful.append((suffix, None))
            return 1
        try:
            doubtful += [
                (suffix, name)
                for name in names
                if not (name.endswith(suffix) and self._is_sound(directory, path, suffix, name))
            ]
        finally:
            self.disk.close(directory)
        return len(names)

    def _is_sound(self, above: int, path: str, suffix: str, name_hash: str) -> bool:
        """False means nothing but that it takes a proper look."""
        try:
            found = self.disk.sole_file(above, name_hash, ATTRIBUTE, self._quietly)
            if found is None:
                return False
            file, blob, size = found
            if is_whole(blob):
                metadata = decode_metadata(blob)
            else:
                metadata = read_metadata(self.disk, f"{path}/{suffix}/{name_hash}/{file}")
        except (OSError, MetadataUnreadable):
            return False
        name = metadata.get("name", "")
        return (
            file.endswith(DATA)
            and metadata.get("Content-Length") == str(size)
            and self.hash_path.hex_of_path(name) == name_hash
            and name.count("/") >= 3
            and "X-Delete-At" not in metadata
        )
