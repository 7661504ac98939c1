"""Reading a body so that a wrong byte never leaves: check, then send, run by run.

A run is what is checked at a time: whole blocks, about 1 MiB of them. It is read and checked on a
disk thread, which also brings it into memory, and then sent from there by sendfile. A body that
Swift wrote has no block checksums: read in full it is held against its MD5, and the last run only
goes once that matches; a range of it is sent as it is, as Swift would.

What is found damaged is quarantined at once, so that the next reader is sent elsewhere.
"""

from __future__ import annotations

import errno
import hashlib
from collections.abc import Iterator
from typing import Protocol

from swiftlite.formats.block_checksums import BlockChecksums
from swiftlite.formats.crc import crc32
from swiftlite.formats.lent_file import LentFile
from swiftlite.host.disk import Disk
from swiftlite.host.net import Stream
from swiftlite.objectstore.api import BLOCK_BYTES, Damaged, translated
from swiftlite.objectstore.context import Context
from swiftlite.objectstore.hash_dir import HashDir
from swiftlite.objectstore.quarantine import Blamed, set_aside


class Check(Protocol):
    """How the bytes of one body are judged. sound() runs on a disk thread."""

    def runs(self, start: int, stop: int) -> Iterator[tuple[int, int]]:
        """Spans to be checked one after the other, together covering start to stop."""
        ...

    def sound(self, disk: Disk, fd: int, start: int, stop: int, view: memoryview) -> bool:
        """Whether a run is as it was written. view is scratch room. Raises OSError."""
        ...

    def fits(self, content: bytes) -> bool:
        """Whether this is the whole body as it was written."""
        ...


class BlockCheck:
    """By the checksums of its blocks; any run, in any order, any number of times."""

    def __init__(self, blocks: BlockChecksums) -> None:
        self.blocks = blocks

    def runs(self, start: int, stop: int) -> Iterator[tuple[int, int]]:
        run_bytes = max(self.blocks.block_bytes, BLOCK_BYTES)
        at = start - start % self.blocks.block_bytes
        while at < stop:
            # A range ends its last run with its last block, not with a whole run.
            needed = stop + -stop % self.blocks.block_bytes
            end = min(at + run_bytes, needed, self.blocks.length)
            yield at, end
            at = end

    def sound(self, disk: Disk, fd: int, start: int, stop: int, view: memoryview) -> bool:
        blocks = self.blocks
        index = start // blocks.block_bytes
        crc = 0
        for at in range(start, stop, len(view)):
            piece = view[: min(len(view), stop - at)]
            if not filled(disk, fd, piece, at):
                return False
            if blocks.block_bytes > len(view):  # the run is this one block
                crc = crc32(piece, crc)
                continue
            for offset in range(0, len(piece), blocks.block_bytes):
                if not blocks.verify(index, piece[offset : offset + blocks.block_bytes]):
                    return False
                index += 1
        return blocks.block_bytes <= len(view) or blocks.matches(index, crc)

    def fits(self, content: bytes) -> bool:
        blocks = self.blocks
        if len(blocks.sums) == 1:  # as small bodies have it
            return blocks.verify(0, content)
        return all(
            blocks.verify(index, content[start:stop])
            for index, start, stop in blocks.covering(0, blocks.length)
        )


class EtagCheck:
    """By the MD5 of the whole; runs from the first to the last, each once."""

    def __init__(self, etag: str, length: int) -> None:
        self.etag = etag
        self.length = length
        self._digest = hashlib.md5(usedforsecurity=False)
        self._at = 0

    def runs(self, start: int, stop: int) -> Iterator[tuple[int, int]]:
        return plain_runs(start, stop)

    def sound(self, disk: Disk, fd: int, start: int, stop: int, view: memoryview) -> bool:
        assert start == self._at
        piece = view[: stop - start]
        if not filled(disk, fd, piece, start):
            return False
        self._digest.update(piece)
        self._at = stop
        return stop < self.length or self._digest.hexdigest() == self.etag

    def fits(self, content: bytes) -> bool:
        return hashlib.md5(content, usedforsecurity=False).hexdigest() == self.etag


class NoCheck:
    """For what nothing is known of: a range of an object that Swift wrote."""

    def runs(self, start: int, stop: int) -> Iterator[tuple[int, int]]:
        return plain_runs(start, stop)

    def sound(self, disk: Disk, fd: int, start: int, stop: int, view: memoryview) -> bool:
        return True

    def fits(self, content: bytes) -> bool:
        return True


def plain_runs(start: int, stop: int) -> Iterator[tuple[int, int]]:
    for at in range(start, stop, BLOCK_BYTES):
        yield at, min(at + BLOCK_BYTES, stop)


def filled(disk: Disk, fd: int, view: memoryview, offset: int) -> bool:
    """Read exactly as much as fits into view; False when the file ends before. Raises OSError."""
    got = 0
    while got < len(view):
        count = disk.preadv_into(fd, view[got:], offset + got)
        if not count:
            return False
        got += count
    return True


class Body:
    """One open body; any part of it at a time. Fits web.ranges.BodySource. Owns the descriptor."""

    def __init__(
        self,
        context: Context,
        place: HashDir,
        file_name: str,
        fd: int,
        length: int,
        check: Check,
        *,
        keep_cache: bool,
    ) -> None:
        self.context = context
        self.place = place
        self.file_name = file_name
        self.fd = fd
        self.length = length
        self.check = check
        self.drops_cache = not keep_cache or length > context.settings.keep_cache_size
        self._prepared = (0, 0)

    def prepare(self, start: int, stop: int) -> None:
        """Check the first run of what will be asked for, before anybody promises it. Damaged."""
        for run in self.check.runs(start, stop):
            self.ensure_sound(*run)
            self._prepared = run
            return

    def part(self, start: int, stop: int) -> Part:
        return Part(self, start, stop)

    def to_lend(self) -> LentFile | None:
        """How a process of this host opens the same file, if it can check what it reads there."""
        if not isinstance(self.check, BlockCheck):
            return None
        facts = self.context.host.disk.fstat(self.fd)
        path = f"{self.place.path}/{self.file_name}"
        return LentFile(facts.st_dev, facts.st_ino, self.length, self.drops_cache, path)

    def close(self) -> None:
        fd, self.fd = self.fd, -1
        if fd >= 0:
            self.context.host.disk.close(fd)

    def ensure_sound(self, start: int, stop: int) -> None:
        """Raises Damaged, with the object quarantined; and the other StoreErrors."""
        prepared, self._prepared = self._prepared, (0, 0)
        if prepared == (start, stop) or isinstance(self.check, NoCheck):
            return
        reason = f"bytes {start} to {stop} are not those that were written"
        try:
            sound = self.context.host.tasks.offload(self.place.device, self._is_sound, start, stop)
        except OSError as error:
            if error.errno != errno.EIO:
                raise translated(error, self.place.device) from error
            sound, reason = False, f"bytes {start} to {stop} cannot be read: {error.strerror}"
        if not sound:
            inode = self.context.host.disk.fstat(self.fd).st_ino
            set_aside(self.context, self.place, Blamed(self.file_name, inode), reason)
            raise Damaged(f"{self.place.path}/{self.file_name}: {reason}")

    def _is_sound(self, start: int, stop: int) -> bool:
        buffer = self.context.take_buffer()
        try:
            return self.check.sound(
                self.context.host.disk, self.fd, start, stop, memoryview(buffer)
            )
        finally:
            self.context.give_buffer(buffer)


class Part:
    """Bytes start to stop of a body, as an iterable and as a body that sends itself."""

    def __init__(self, body: Body, start: int, stop: int) -> None:
        self.body = body
        self.start = start
        self.stop = stop

    def __iter__(self) -> Iterator[bytes]:
        disk, body = self.body.context.host.disk, self.body
        for start, stop in self._checked():
            for at, end in plain_runs(start, stop):
                block = disk.pread(body.fd, end - at, at)
                if len(block) != end - at:
                    raise Damaged(f"{body.place.path}/{body.file_name} became shorter")
                yield block

    def send_to(self, stream: Stream) -> int:
        sent = 0
        for start, stop in self._checked():
            count = stream.send_file(self.body.fd, start, stop - start)
            sent += count
            if count != stop - start:
                raise Damaged(f"{self.body.place.path}/{self.body.file_name} became shorter")
        return sent

    def close(self) -> None:
        """The descriptor is the body's."""

    def _checked(self) -> Iterator[tuple[int, int]]:
        """Spans that may be sent now, in order; each ends when the next is asked for."""
        body = self.body
        period = body.context.settings.cooperative_period
        for count, (start, stop) in enumerate(body.check.runs(self.start, self.stop), start=1):
            body.ensure_sound(start, stop)
            yield max(start, self.start), min(stop, self.stop)
            if body.drops_cache:
                body.context.host.disk.drop_cache(body.fd, start, stop - start)
            if period and count % period == 0:
                body.context.host.tasks.sleep(0)


class BytesBody:
    """A small body, read and checked already."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.length = len(content)

    def prepare(self, start: int, stop: int) -> None:
        pass

    def part(self, start: int, stop: int) -> tuple[bytes]:
        return (self.content[start:stop],)

    def close(self) -> None:
        pass
