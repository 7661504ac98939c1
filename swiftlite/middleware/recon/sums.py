"""MD5 of the files that must be equal on all nodes; one that has not changed is not read again."""

from __future__ import annotations

import hashlib

from swiftlite.host.disk import Disk

_PIECE = 1 << 20


class FileSums:
    """Remembers what it has read, by the file's inode, time and size."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self._known: dict[str, tuple[tuple[int, int, int], str]] = {}

    def md5(self, path: str) -> str | None:
        """Hex; None for a file that is not there or cannot be read."""
        try:
            fd = self._disk.open(path)
        except OSError:
            return None
        try:
            return self._of(path, fd)
        except OSError:
            return None
        finally:
            self._disk.close(fd)

    def _of(self, path: str, fd: int) -> str:
        status = self._disk.fstat(fd)
        version = (status.st_ino, status.st_mtime_ns, status.st_size)
        known = self._known.get(path)
        if known is not None and known[0] == version:
            return known[1]
        digest = hashlib.md5(usedforsecurity=False)
        while piece := self._disk.read(fd, _PIECE):
            digest.update(piece)
        self._known[path] = (version, digest.hexdigest())
        return digest.hexdigest()
