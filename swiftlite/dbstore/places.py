"""Where one database is: the value that names it to everything else in the room."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from functools import cached_property

from swiftlite.formats.db_files import db_name, hash_dir, pending_name


@dataclass(frozen=True)
class Place:
    """A database by device, partition and hash. device_path is the device's mount point."""

    device: str
    device_path: str
    kind: str  # "accounts" or "containers"
    partition: str
    digest: str

    @cached_property
    def directory(self) -> str:
        return posixpath.join(self.device_path, hash_dir(self.kind, self.partition, self.digest))

    @cached_property
    def path(self) -> str:
        """The database's file while it has no epoch; also what locks and pools call it."""
        return posixpath.join(self.directory, db_name(self.digest))

    @cached_property
    def pending_path(self) -> str:
        return posixpath.join(self.directory, pending_name(self.digest))
