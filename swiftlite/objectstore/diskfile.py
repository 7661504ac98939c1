"""One object on one device: look at it, read it, write it, change its metadata, delete it.

A look lists the hash dir, lets `fileset` choose, reads and merges the metadata of the chosen
files, and checks what can be checked without reading the body. Whatever is wrong with the files
themselves quarantines the hash dir, and the object is then absent here.
"""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass

from swiftlite.formats.block_checksums import BlocksUnreadable
from swiftlite.formats.metadata import MetadataUnreadable
from swiftlite.formats.ondisk_names import ObjectFile, meta_name, tombstone_name
from swiftlite.host.disk import Disk
from swiftlite.objectstore.api import (
    SMALL_BYTES,
    Absent,
    Collision,
    Metadata,
    Presence,
    Unsettled,
    translated,
)
from swiftlite.objectstore.attributes import read_blocks, read_metadata
from swiftlite.objectstore.checks import BlockCheck, Check, EtagCheck, NoCheck
from swiftlite.objectstore.context import Context
from swiftlite.objectstore.fileset import Fileset, choose
from swiftlite.objectstore.hash_dir import HashDir
from swiftlite.objectstore.marker import write_marker
from swiftlite.objectstore.merge import content_type_time, merged, take_content_type
from swiftlite.objectstore.quarantine import Blamed, set_aside
from swiftlite.objectstore.reader import Body, BytesBody
from swiftlite.objectstore.writer import Writer
from swiftlite.vocab.timestamp import Timestamp

_LOOKS = 5
_NO_LISTING = frozenset((errno.ENOTDIR, errno.ENODATA, errno.EUCLEAN))


@dataclass(slots=True)
class OpenObject:
    """A live object. Either close() it or take its body(), which then owns the descriptor.

    metadata is merged; data_metadata that of the PUT, meta_metadata that of the last POST.
    content: the whole body, checked, if it was asked for and is small.
    """

    diskfile: DiskFile
    fileset: Fileset
    data: ObjectFile
    metadata: Metadata
    data_metadata: Metadata
    meta_metadata: Metadata | None
    size: int
    fd: int
    content: bytes | None = None

    @property
    def timestamp(self) -> Timestamp:
        """Of the last PUT or POST: X-Timestamp."""
        return self.fileset.timestamp

    @property
    def data_timestamp(self) -> Timestamp:
        return self.data.timestamp

    @property
    def content_type_timestamp(self) -> Timestamp:
        return content_type_time(self.metadata) or self.data.timestamp

    def body(self, *, whole: bool, keep_cache: bool = True) -> Body | BytesBody:
        """whole: it will be read once from start to end. Raises Damaged; closes itself then."""
        if self.content is not None:
            self.close()
            return BytesBody(self.content)
        diskfile = self.diskfile
        try:
            check = diskfile.check_of(self, whole=whole)
        except BaseException:
            self.close()
            raise
        fd, self.fd = self.fd, -1
        return Body(
            diskfile.context, diskfile.place, self.data.name, fd, self.size, check,
            keep_cache=keep_cache,
        )  # fmt: skip

    def close(self) -> None:
        fd, self.fd = self.fd, -1
        if fd >= 0:
            self.diskfile.disk.close(fd)


class Blame(Exception):
    """Something is wrong with a file, or (None) with the directory."""

    def __init__(self, name: str | None, reason: str) -> None:
        super().__init__(name, reason)
        self.name = name
        self.reason = reason


class DiskFile:
    """name is the path `/a/c/o`. Made per request; holds nothing open."""

    __slots__ = ("context", "disk", "name", "place")

    def __init__(self, context: Context, place: HashDir, name: str) -> None:
        self.context = context
        self.disk: Disk = context.host.disk
        self.place = place
        self.name = name

    def open(
        self, now: Timestamp, *, open_expired: bool = False, with_content: bool = False
    ) -> OpenObject | Absent:
        """Look at the object as it is at this moment.

        with_content reads a small body along, checked. Raises Collision, DeviceUnavailable,
        XattrsUnsupported, Unsettled.
        """
        device = self.place.device
        for _ in range(_LOOKS):
            try:
                return self.context.quickly(device, self._look, now, open_expired, with_content)
            except Blame as blame:
                blamed = Blamed(blame.name) if blame.name is not None else None
                if set_aside(self.context, self.place, blamed, blame.reason):
                    return Absent(Presence.QUARANTINED)
            except FileNotFoundError:
                pass  # replaced between the listing and the opening
            except OSError as error:
                raise translated(error, device) from error
        raise Unsettled(f"{self.place.path} changed under {_LOOKS} looks")

    def writer(self, size: int | None, *, hashes: bool = True) -> Writer:
        return Writer(self.context, self.place, size, hashes=hashes)

    def write_metadata(self, metadata: Metadata, timestamp: Timestamp) -> None:
        """What a POST leaves. Its Content-Type counts if it has a Content-Type-Timestamp."""
        name = meta_name(timestamp, content_type_time(metadata))
        stored = {"name": self.name, **metadata}
        write_marker(self.context, self.place, name, stored)

    def delete(self, timestamp: Timestamp) -> None:
        """Leave a tombstone; durable on return. Raises Superseded and the other StoreErrors."""
        metadata = {"name": self.name, "X-Timestamp": timestamp.internal}
        write_marker(self.context, self.place, tombstone_name(timestamp), metadata)

    def check_of(self, found: OpenObject, *, whole: bool) -> Check:
        """How the body of an open object is to be checked."""
        try:
            blocks = read_blocks(self.disk, found.fd, found.size)
        except BlocksUnreadable as error:
            # The list is damaged, the body may be sound: its MD5 decides, where all is read.
            self.context.log.error(f"{self.place.path}/{found.data.name}: {error}")
            return EtagCheck(found.metadata.get("ETag", ""), found.size) if whole else NoCheck()
        except OSError as error:
            raise translated(error, self.place.device) from error
        if blocks is not None:
            return BlockCheck(blocks)
        fraction = self.context.settings.etag_validate_fraction
        if whole and fraction > 0 and self.context.host.entropy.random() < fraction:
            return EtagCheck(found.metadata.get("ETag", ""), found.size)
        return NoCheck()

    # What follows may run on a disk thread.

    def _look(self, now: Timestamp, open_expired: bool, with_content: bool) -> OpenObject | Absent:
        names = self._listed()
        if not names:
            return Absent(Presence.MISSING)
        fileset = choose(names)
        data = fileset.data
        if data is None:
            if fileset.tombstone is not None:
                return Absent(Presence.DELETED, fileset.tombstone.timestamp)
            return Absent(Presence.MISSING)
        fd = self.disk.open(f"{self.place.path}/{data.name}", os.O_RDONLY)
        try:
            found = self._opened(fileset, data, fd)
            if not open_expired and self._is_expired(found, now):
                self.disk.close(fd)
                return Absent(Presence.EXPIRED, fileset.timestamp, found.metadata)
            if with_content and found.size <= SMALL_BYTES:
                found.content = self._content(found)
        except BaseException:
            self.disk.close(fd)
            raise
        return found

    def _listed(self) -> list[str]:
        try:
            return self.disk.listdir(self.place.path)
        except FileNotFoundError:
            return []
        except OSError as error:
            if error.errno in _NO_LISTING:
                raise Blame(None, f"not a directory that can be listed: {error.strerror}") from None
            raise

    def _opened(self, fileset: Fileset, data: ObjectFile, fd: int) -> OpenObject:
        data_metadata = self._metadata(data.name, fd)
        meta_metadata = None
        if fileset.meta is not None:
            meta_metadata = self._metadata(fileset.meta.name)
            second = fileset.content_type
            if second is not None and second is not fileset.meta:
                take_content_type(meta_metadata, self._metadata(second.name))
        metadata = merged(data_metadata, meta_metadata, data.timestamp)
        size = self.disk.size(fd)
        length = data_metadata.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()) or int(length) != size:
            raise Blame(data.name, f"has {size} bytes, its metadata says {length[:40]!r}")
        return OpenObject(self, fileset, data, metadata, data_metadata, meta_metadata, size, fd)

    def _metadata(self, file_name: str, fd: int | None = None) -> Metadata:
        target = f"{self.place.path}/{file_name}" if fd is None else fd
        try:
            metadata = read_metadata(self.disk, target)
        except MetadataUnreadable as error:
            raise Blame(file_name, str(error)) from None
        except OSError as error:
            if error.errno == errno.EIO:
                raise Blame(file_name, "its metadata cannot be read: input/output error") from None
            raise
        stored = metadata.get("name")
        if stored is None:
            raise Blame(file_name, "its metadata has no name")
        self._check_name(stored, file_name)
        return metadata

    def _check_name(self, stored: str, file_name: str) -> None:
        if stored != self.name:
            raise Collision(stored, self.name)

    def _is_expired(self, found: OpenObject, now: Timestamp) -> bool:
        text = found.metadata.get("X-Delete-At")
        if text is None:
            return False
        if not (text.isascii() and text.isdigit()):
            raise Blame(found.data.name, f"its X-Delete-At is {text[:40]!r}")
        return int(text) <= now.seconds

    def _content(self, found: OpenObject) -> bytes:
        """A small body whole, so that what is wrong with it is known before anything is sent."""
        check = self.check_of(found, whole=True)
        try:
            content = self.disk.pread(found.fd, found.size, 0)
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            raise Blame(found.data.name, f"the body cannot be read: {error.strerror}") from None
        if len(content) != found.size or not check.fits(content):
            raise Blame(found.data.name, "the body is not the one that was written")
        return content
