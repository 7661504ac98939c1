"""Tidying of hash dirs by a hash pass: what is obsolete or past reclaim age goes, empties too."""

from __future__ import annotations

import errno
from typing import Protocol

from swiftlite.formats.ondisk_names import is_hash
from swiftlite.formats.suffix_hashes import HashedFiles
from swiftlite.host.disk import Disk
from swiftlite.objectstore.fileset import choose
from swiftlite.objectstore.publish import remove
from swiftlite.vocab.timestamp import Timestamp

_NOT_A_HASH_DIR = frozenset((errno.ENOTDIR, errno.ENODATA, errno.EUCLEAN))


class Reporter(Protocol):
    """Where a pass turns with what it cannot tidy."""

    def quarantine(self, name_hash: str, error: OSError) -> None:
        """There is something by the name of a hash dir that cannot be listed."""
        ...

    def failed(self, path: str, error: OSError) -> None: ...


class HashDirCleaner:
    """suffix_hashes.HashDirs over one policy's directories.

    reclaim_before: tombstones and stray `.meta` files older than this are dropped.
    """

    def __init__(self, disk: Disk, report: Reporter, reclaim_before: Timestamp) -> None:
        self.disk = disk
        self.report = report
        self.reclaim_before = reclaim_before

    def settled(
        self, suffix_path: str, name_hash: str, *, locked: bool = False
    ) -> HashedFiles | None:
        if not is_hash(name_hash):
            return None
        path = f"{suffix_path}/{name_hash}"
        try:
            names = self.disk.listdir(path)
        except FileNotFoundError:
            return None
        except OSError as error:
            if locked or error.errno not in _NOT_A_HASH_DIR:
                raise
            self.report.quarantine(name_hash, error)
            return None
        fileset = choose(names)
        going = list(fileset.obsolete)
        going += [file.name for file in fileset.stray if file.timestamp < self.reclaim_before]
        if going:
            # The file that made the others obsolete may have been linked a moment ago and not be
            # durable yet; a cut after the unlinks would then leave nothing.
            self.disk.fsync_dir(path)
        tombstone = fileset.tombstone
        if tombstone is not None and tombstone.timestamp < self.reclaim_before:
            going.append(tombstone.name)
        for name in going:
            remove(self.disk, f"{path}/{name}")
        if len(going) == len(names) and self._removed(path):
            return None
        return choose(name for name in names if name not in going).hashed()

    def failed(self, suffix_path: str, error: OSError) -> None:
        self.report.failed(suffix_path, error)

    def _removed(self, path: str) -> bool:
        try:
            self.disk.rmdir(path)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT):
                raise
            return error.errno == errno.ENOENT
        return True
