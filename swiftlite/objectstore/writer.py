"""Writing one object's body: block by block into an unnamed file, then the commit.

Hashes, checksums and writes each block in one disk job; a body of one block is created, written
and committed in a single job. What is not committed leaves nothing behind.
"""

from __future__ import annotations

import hashlib

from swiftlite.formats.block_checksums import BlockChecksums, BlockSummer
from swiftlite.formats.lent_file import LentFile
from swiftlite.formats.ondisk_names import data_name
from swiftlite.formats.put_trailer import PutTrailer
from swiftlite.objectstore.api import SMALL_BYTES, Describe, Garbled, Metadata, NoSpace, Written
from swiftlite.objectstore.attributes import write_blocks, write_metadata
from swiftlite.objectstore.body_file import BodyFile
from swiftlite.objectstore.commits import Steps, exhausted
from swiftlite.objectstore.context import PLENTY_BYTES, Context
from swiftlite.objectstore.hash_dir import HashDir
from swiftlite.objectstore.publish import ensure_directory, published, settled
from swiftlite.objectstore.temporary import Temporary
from swiftlite.vocab.timestamp import Timestamp

_RESERVE_CHECK_BYTES = 64 << 20  # how far a body of unknown length may go between two looks


def create_file(context: Context, place: HashDir) -> Temporary:
    """An unnamed file on the device.

    It is opened in the partition's directory, not the hash dir, so that an upload that fails
    leaves no empty hash dir behind. Raises OSError.
    """
    disk, entropy = context.host.disk, context.host.entropy
    try:
        return Temporary.create(disk, entropy, place.partition_path, place.tmp_path)
    except FileNotFoundError:
        in_order = context.keeps_order(place.device)
        ensure_directory(disk, place.partition_path, place.device_path, in_order=in_order)
        return Temporary.create(disk, entropy, place.partition_path, place.tmp_path)


class Writer:
    """Takes a body in and commits it. Used by one task; close() it in every case.

    size: the length announced, or None. Sizes do not have to hold: the caller compares.
    hashes: compute the MD5; otherwise finish() is given it.
    """

    def __init__(
        self, context: Context, place: HashDir, size: int | None, *, hashes: bool = True
    ) -> None:
        self.context = context
        self.disk = context.host.disk
        self.settings = context.settings
        self.place = place
        self.announced = size
        self._file: Temporary | None = None
        self._digest = hashlib.md5(usedforsecurity=False) if hashes else None
        self._summer = BlockSummer(size)
        self._length = 0
        self._lent = False
        self._body: BodyFile | None = None  # of a large body
        self._synced = 0  # bytes of the body that an earlier sync has covered
        self._reserve_checked = 0

    def write(self, block: memoryview) -> None:
        """Take in the next bytes; they are the caller's again on return. Raises StoreError."""
        self.context.offload(self.place.device, self._take, block)

    def lend(self) -> LentFile:
        """The file, for a process of this host to write the body into; finish() is then given
        none of it. Raises StoreError."""
        assert self.announced is not None
        self.context.offload(self.place.device, self._make_to_lend)
        assert self._file is not None
        fd, facts = self._file.fd, self.disk.fstat(self._file.fd)
        path = f"/proc/{self.context.host.process.pid}/fd/{fd}"
        self._length = self.announced
        drops_cache = self.announced > self.settings.keep_cache_size
        return LentFile(facts.st_dev, facts.st_ino, self.announced, drops_cache, path)

    def finish(
        self,
        block: memoryview,
        timestamp: Timestamp,
        describe: Describe,
        sent: PutTrailer | None = None,
    ) -> Metadata:
        """Take in the last bytes (or none), and commit; durable on return.

        describe gets size and MD5 and gives the metadata; what it raises ends the write. Gives
        that metadata back. sent: what the sender has computed. Raises Garbled, Superseded, NoSpace
        and the other StoreErrors.
        """
        steps = self._committed(block, timestamp, describe, sent)
        if self._length + len(block) <= SMALL_BYTES:
            return self.context.commit(self.place.device, steps)
        return self.context.offload(self.place.device, exhausted, self.disk, steps)

    def close(self) -> None:
        """What was not committed is gone. Any number of times."""
        file, self._file = self._file, None
        if file is None:
            return
        if self._length <= SMALL_BYTES:
            file.close()
        else:  # giving back the blocks of a large file takes a while
            self.context.offload(self.place.device, file.close)

    # What follows runs on a disk thread.

    def _make_to_lend(self) -> None:
        self._ensure_room(0)
        self._opened()
        self._lent = True

    def _take(self, block: memoryview) -> None:
        self._ensure_room(len(block))
        file = self._opened()
        if self._digest is not None:
            self._digest.update(block)
        self._summer.update(block)
        if block and self._body is not None:
            self._body.write(block)
        elif block:
            self.disk.write(file.fd, block)
        self._length += len(block)
        if self._length - self._synced >= self.settings.bytes_per_sync:
            self._sync_so_far(file)

    def _committed(
        self,
        block: memoryview,
        timestamp: Timestamp,
        describe: Describe,
        sent: PutTrailer | None,
    ) -> Steps[Metadata]:
        if block or self._file is None:
            self._take(block)
        blocks = self._lent_blocks(sent) if self._lent else self._summer.finish()
        metadata = describe(Written(self._length, self._etag(blocks, sent)))
        disk, file = self.disk, self._opened()
        write_metadata(disk, file.fd, metadata, self.settings.metadata_format)
        write_blocks(disk, file.fd, blocks)
        in_order = self.context.keeps_order(self.place.device)
        if self._length > self.settings.keep_cache_size:
            yield from settled(disk, file, in_order=in_order)
            disk.drop_cache(file.fd, 0, self._length)
        yield from published(
            disk, self.place, file, data_name(timestamp), self.settings.lock_timeout,
            empty=not self._length, in_order=in_order,
        )  # fmt: skip
        file.close()
        self._file = None
        return metadata

    def _lent_blocks(self, sent: PutTrailer | None) -> BlockChecksums:
        """What was written from elsewhere, as whoever wrote it has summed it up."""
        assert sent is not None
        if self.disk.fstat(self._opened().fd).st_size != self._length:
            raise Garbled
        return sent.blocks

    def _etag(self, blocks: BlockChecksums, sent: PutTrailer | None) -> str:
        """The MD5: computed here, or the sender's once its checksums have been found right."""
        if self._digest is not None:
            return self._digest.hexdigest()
        assert sent is not None
        if sent.blocks != blocks or blocks.length != self._length:
            raise Garbled
        return sent.etag

    def _opened(self) -> Temporary:
        if self._file is None:
            self._file = create_file(self.context, self.place)
            if self.announced is not None and self.announced > SMALL_BYTES:
                self._preallocate(self._file)
            if self.announced is not None and self.announced > self.settings.keep_cache_size:
                self._body = BodyFile(self.disk, self._file.fd, past_cache=True)
        return self._file

    def _preallocate(self, file: Temporary) -> None:
        """Find out now that there is no room, and keep the blocks of a large file together."""
        if not self.settings.disable_fallocate:
            self.disk.preallocate(file.fd, self.announced or 0)

    def _ensure_room(self, coming: int) -> None:
        """Keep the operator's reserve free. Raises NoSpace.

        An announced length is judged once, at the start; an unknown one again as it grows.
        """
        if self._file is not None and (
            self.announced is not None
            or self._length - self._reserve_checked < _RESERVE_CHECK_BYTES
        ):
            return
        self._reserve_checked = self._length
        device = self.place.device
        wanted = coming if self.announced is None else max(self.announced, coming)
        if wanted <= SMALL_BYTES and self.context.has_plenty(device):
            return
        facts = self.disk.statvfs(self.place.device_path)
        left = facts.f_frsize * facts.f_bavail - wanted
        reserve = self.settings.fallocate_reserve.of(facts.f_frsize * facts.f_blocks)
        if left < 0 or (reserve and left <= reserve):
            raise NoSpace(
                f"device {device}: {left} bytes would be left, {reserve} of them are the reserve"
            )
        if left - reserve >= PLENTY_BYTES:
            self.context.found_plenty(device)

    def _sync_so_far(self, file: Temporary) -> None:
        """So that the commit of a huge file need not write it all while a client waits."""
        self.disk.fsync(file.fd)
        self.disk.drop_cache(file.fd, self._synced, self._length - self._synced)
        self._synced = self._length
