"""Writing a large body so that it costs little: past the page cache where that can be.

What would be dropped from the cache at once does not enter it: whole blocks are written as they
are (O_DIRECT), which saves a copy, most of what a large PUT costs beside its MD5. Where the file
system or an odd block does not allow that, and for the tail, writes go through the cache.
"""

from __future__ import annotations

import errno

from swiftlite.host.disk import PAST_CACHE_BYTES, Disk


class BodyFile:
    """Writes blocks one after the other. Does not own the descriptor; runs on a disk thread."""

    def __init__(self, disk: Disk, fd: int, *, past_cache: bool) -> None:
        self._disk = disk
        self._fd = fd
        self._past_cache = past_cache and disk.bypass_cache(fd, True)
        self.length = 0

    def write(self, block: memoryview) -> None:
        """Raises OSError."""
        done = self._write_past_cache(block) if self._past_cache else 0
        if done < len(block):
            self._disk.pwrite(self._fd, block[done:], self.length + done)
        self.length += len(block)

    def _write_past_cache(self, block: memoryview) -> int:
        """Bytes of the block that were written so; once some were not, no more are."""
        whole = len(block) - len(block) % PAST_CACHE_BYTES
        try:
            if whole:
                self._disk.pwrite(self._fd, block[:whole], self.length)
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            whole = 0  # a block at an odd address, or a file system with rules of its own
        if whole < len(block):
            self._past_cache = self._disk.bypass_cache(self._fd, False)
        return whole
