"""A node's file that a body is written into from here, block by block."""

from __future__ import annotations

from swiftlite.host.bundle import Host
from swiftlite.host.descriptor import Descriptor
from swiftlite.objectstore.body_file import BodyFile

_SYNC_BYTES = 512 << 20  # so that the commit of a huge file need not write all of it


class LentUpload:
    """Owned by one request; close() it before the trailer is sent."""

    def __init__(self, host: Host, fd: int, key: str, *, past_cache: bool) -> None:
        self._disk = host.disk
        self._file = Descriptor(host, fd, key)
        self._body = BodyFile(host.disk, fd, past_cache=past_cache)
        self._synced = 0

    def begin(self, block: memoryview) -> None:
        """Write the next block, which must stay as it is until end(). A write that is given up
        may take what stands there later: into a file that nobody will commit."""
        self._file.begin(self._write, self._file.fd, block)

    def end(self, deadline: float) -> None:
        """Wait for it. Raises OSError, host.net.DeadlinePassed."""
        self._file.end(deadline)

    def close(self) -> None:
        self._file.close()

    def _write(self, fd: int, block: memoryview) -> None:
        self._body.write(block)
        written = self._body.length
        if written - self._synced >= _SYNC_BYTES:
            self._disk.fsync(fd)
            self._disk.drop_cache(fd, self._synced, written - self._synced)
            self._synced = written
