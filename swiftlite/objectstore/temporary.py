"""A file on its way in: written where nobody sees it, then linked under its name.

Normally it has no name at all (O_TMPFILE), so that whatever dies leaves nothing behind. File
systems that cannot do that get a named file in the device's tmp directory.
"""

from __future__ import annotations

import errno
import os
from contextlib import suppress

from swiftlite.host.disk import Disk
from swiftlite.host.entropy import Entropy

_NO_UNNAMED = frozenset((errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL))
"""EISDIR is what a kernel before 3.11, or a file system without the flag, answers."""


class Temporary:
    """Owns its descriptor until close()."""

    __slots__ = ("disk", "fd", "path")

    def __init__(self, disk: Disk, fd: int, path: str | None) -> None:
        self.disk = disk
        self.fd = fd
        self.path = path  # None: unnamed

    @classmethod
    def create(cls, disk: Disk, entropy: Entropy, directory: str, tmp: str) -> Temporary:
        """In the file system of directory; tmp is where named files go. Raises OSError."""
        try:
            return cls(disk, disk.open_unnamed(directory), None)
        except OSError as error:
            if error.errno not in _NO_UNNAMED:
                raise
        with suppress(FileExistsError):
            disk.mkdir(tmp)
        path = f"{tmp}/{entropy.uuid_hex()}"
        return cls(disk, disk.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL), path)

    def link(self, path: str) -> None:
        """Give it its name. Raises FileExistsError, or FileNotFoundError without the directory."""
        if self.path is None:
            self.disk.link_unnamed(self.fd, path)
        else:
            self.disk.link(self.path, path)

    def close(self) -> None:
        """Close it; what was not linked is gone. Any number of times."""
        fd, self.fd = self.fd, -1
        if fd >= 0:
            self.disk.close(fd)
        path, self.path = self.path, None
        if path is not None:
            with suppress(FileNotFoundError):
                self.disk.unlink(path)
