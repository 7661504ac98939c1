"""One hash dir, looked at as an auditor does: everything about it that can be wrong.

Three depths. METADATA opens what counts, reads its metadata and compares the size. BLOCKS reads
the body too and holds it against its block checksums, DIGEST against its MD5. Nothing is
changed here but a list of block checksums that is damaged beside a body whose MD5 is right; what
is to be done about a finding is the caller's to decide. The file it blames is named with its
inode, because by then another may have taken its place.

An MD5 takes as long as a fast disk, so a helper computes it while the next piece is read.
"""

from __future__ import annotations

import errno
import hashlib
from collections.abc import Callable, Generator, Mapping
from contextlib import closing
from dataclasses import dataclass
from enum import Enum

from swiftlite.formats.block_checksums import BlockSummer, BlocksUnreadable
from swiftlite.formats.metadata import MetadataUnreadable
from swiftlite.formats.ondisk_names import ObjectFile, is_rsync_temporary
from swiftlite.host.disk import Disk
from swiftlite.host.tasks import Begun, Helper
from swiftlite.objectstore.api import Metadata
from swiftlite.objectstore.attributes import read_blocks, read_metadata, write_blocks
from swiftlite.objectstore.fileset import Fileset, choose
from swiftlite.objectstore.hash_dir import HashDir
from swiftlite.objectstore.merge import merged, take_content_type
from swiftlite.objectstore.quarantine import Blamed
from swiftlite.objectstore.quiet_read import QuietFile, aligned_buffer
from swiftlite.vocab.hashing import HashPath
from swiftlite.vocab.timestamp import Timestamp

_NO_LISTING = frozenset((errno.ENOTDIR, errno.ENODATA, errno.EUCLEAN))
_UNREADABLE = frozenset((errno.EIO, errno.ENODATA, errno.EUCLEAN))
_WORTH_THE_HELPER = 1 << 20  # bytes: 1.3 ms of MD5; telling a thread of them takes 0.02
ALL_READ = 0
"""Given by examine() when what is left to do is to wait for the helper."""


class Depth(Enum):
    METADATA = "metadata"
    BLOCKS = "blocks"
    DIGEST = "digest"


class Verdict(Enum):
    SOUND = "sound"
    ABSENT = "absent"  # deleted, expired, empty, or changed while it was looked at
    DAMAGED = "damaged"
    FAILED = "failed"  # an error that says nothing about the object


@dataclass(frozen=True, slots=True)
class Finding:
    """What is known of one hash dir.

    blamed: what is damaged; None: the directory itself.
    unreadable: the disk gave an error, and not something wrong.
    metadata: of a sound object, a POST's merged in; data is its file, size that file's.
    mended: its list of block checksums was damaged, and has been written anew.
    tombstone: of a deleted object. temporaries: what rsync has left, perhaps a moment ago.
    """

    place: HashDir
    verdict: Verdict
    reason: str = ""
    blamed: Blamed | None = None
    unreadable: bool = False
    metadata: Metadata | None = None
    data: str = ""
    size: int = 0
    mended: bool = False
    tombstone: Timestamp | None = None
    temporaries: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Look:
    """A hash dir with an object in it, its data file open."""

    place: HashDir
    fileset: Fileset
    data: ObjectFile
    file: QuietFile
    size: int
    inode: int

    def blame(self, reason: str, *, unreadable: bool = False) -> _Blame:
        return _Blame(Blamed(self.data.name, self.inode), reason, unreadable=unreadable)


class _Sums:
    """What is computed of a body as it passes."""

    def __init__(self, digest: hashlib._Hash | None, summer: BlockSummer | None) -> None:
        self.digest = digest
        self.summer = summer

    def take(self, piece: memoryview) -> None:
        if self.digest is not None:
            self.digest.update(piece)
        if self.summer is not None:
            self.summer.update(piece)


class _Room:
    """A buffer, and the call that may still be looking at it."""

    def __init__(self) -> None:
        self.view = aligned_buffer()
        self.reader: Begun[None] | None = None

    def free(self) -> memoryview:
        if self.reader is not None:
            self.reader.wait()
            self.reader = None
        return self.view


class _Blame(Exception):
    def __init__(self, blamed: Blamed | None, reason: str, *, unreadable: bool = False) -> None:
        super().__init__(blamed, reason)
        self.blamed = blamed
        self.reason = reason
        self.unreadable = unreadable


class Examiner:
    """For a disk thread, one hash dir at a time, or two as examine() says. wall: the time of day,
    which tells the expired."""

    def __init__(
        self, disk: Disk, hash_path: HashPath, wall: Callable[[], float], helper: Helper
    ) -> None:
        self.disk = disk
        self.hash_path = hash_path
        self.wall = wall
        self._helper = helper
        self._rooms: list[_Room] = []  # in the order of their use

    def examine(self, place: HashDir, depth: Depth) -> Generator[int, None, Finding]:
        """Yields how much of the body was read, each time some was; gives the finding at its end.

        After ALL_READ another may be begun before this one goes on. Close it when you stop before
        its end.
        """
        try:
            fileset = choose(self._listed(place))
            data = fileset.data
            if data is None:
                return _without_data(place, fileset)
            with closing(self._opened(place, data, depth)) as file:
                status = self.disk.fstat(file.fd)
                look = _Look(place, fileset, data, file, status.st_size, status.st_ino)
                return (yield from self._with_data(look, depth))
        except _Blame as blame:
            return Finding(
                place, Verdict.DAMAGED, blame.reason, blame.blamed, unreadable=blame.unreadable
            )
        except FileNotFoundError:
            return Finding(place, Verdict.ABSENT)  # replaced or deleted since it was listed
        except OSError as error:
            return Finding(place, Verdict.FAILED, str(error), unreadable=error.errno in _UNREADABLE)

    def _opened(self, place: HashDir, data: ObjectFile, depth: Depth) -> QuietFile:
        path = f"{place.path}/{data.name}"
        try:
            return QuietFile(self.disk, path, with_body=depth is not Depth.METADATA)
        except OSError as error:
            if error.errno not in _UNREADABLE:
                raise
            reason = f"it cannot be opened: {error.strerror}"
            raise _Blame(Blamed(data.name), reason, unreadable=True) from None

    def _listed(self, place: HashDir) -> list[str]:
        try:
            return self.disk.listdir(place.path)
        except OSError as error:
            if error.errno not in _NO_LISTING:
                raise
            reason = f"not a directory that can be listed: {error.strerror}"
            raise _Blame(None, reason) from None

    def _with_data(self, look: _Look, depth: Depth) -> Generator[int, None, Finding]:
        place, temporaries = look.place, _temporaries(look.fileset)
        stored = self._metadata(look, look.data)
        metadata = merged(stored, self._posted(look), look.data.timestamp)
        if self._is_expired(look, metadata):
            return Finding(place, Verdict.ABSENT, temporaries=temporaries)
        length = stored.get("Content-Length", "")
        if not _is_number(length) or int(length) != look.size:
            raise look.blame(f"has {look.size} bytes, its metadata says {length[:40]!r}")
        mended = False
        if depth is not Depth.METADATA:
            mended = yield from self._read(look, stored.get("ETag", "").strip('"'), depth)
        return Finding(
            place,
            Verdict.SOUND,
            metadata=metadata,
            data=look.data.name,
            size=look.size,
            mended=mended,
            temporaries=temporaries,
        )

    def _posted(self, look: _Look) -> Metadata | None:
        """What a POST has left. A second `.meta` is there for its content type alone."""
        first, second = look.fileset.meta, look.fileset.content_type
        if first is None:
            return None
        posted = self._metadata(look, first)
        if second is not None and second is not first:
            take_content_type(posted, self._metadata(look, second))
        return posted

    def _metadata(self, look: _Look, file: ObjectFile) -> Metadata:
        is_data = file is look.data
        blamed = Blamed(file.name, look.inode if is_data else None)
        try:
            target = look.file.fd if is_data else f"{look.place.path}/{file.name}"
            metadata = read_metadata(self.disk, target)
        except MetadataUnreadable as error:
            raise _Blame(blamed, str(error)) from None
        except OSError as error:
            if error.errno not in _UNREADABLE:
                raise
            reason = f"its metadata cannot be read: {error.strerror}"
            raise _Blame(blamed, reason, unreadable=True) from None
        if self._hash_of(metadata) != look.place.hash:
            raise _Blame(blamed, f"is not where its name belongs: {metadata.get('name')!r}")
        return metadata

    def _hash_of(self, metadata: Mapping[str, str]) -> str | None:
        name = metadata.get("name", "")
        return self.hash_path.hex_of_path(name) if name.count("/") >= 3 else None

    def _is_expired(self, look: _Look, metadata: Mapping[str, str]) -> bool:
        text = metadata.get("X-Delete-At")
        if text is None:
            return False
        if not _is_number(text):
            raise look.blame(f"its X-Delete-At is {text[:40]!r}")
        return int(text) <= self.wall()

    def _read(self, look: _Look, etag: str, depth: Depth) -> Generator[int, None, bool]:
        """Judge the body; whether its list of block checksums was wrong, and had to be mended.

        Where the blocks are not as listed the MD5 decides which of the two is wrong. Where the MD5
        is right there is no need to ask the blocks.
        """
        listed, mends = None, False
        try:
            listed = read_blocks(self.disk, look.file.fd, look.size)
        except BlocksUnreadable:
            mends = True
        if listed is not None and depth is Depth.BLOCKS:
            summer = BlockSummer(look.size, block_bytes=listed.block_bytes)
            yield from self._summed(look, _Sums(None, summer))
            if summer.finish() == listed:
                return False
            mends = True
        digest = hashlib.md5(usedforsecurity=False)
        fresh = BlockSummer(look.size) if mends else None
        yield from self._summed(look, _Sums(digest, fresh))
        if digest.hexdigest() != etag:
            raise look.blame(f"its ETag is {etag!r}, its MD5 {digest.hexdigest()}")
        if fresh is not None:
            write_blocks(self.disk, look.file.fd, fresh.finish())
        return mends

    def _summed(self, look: _Look, sums: _Sums) -> Generator[int, None, None]:
        """Take in the whole body."""
        helped = sums.digest is not None and look.size >= _WORTH_THE_HELPER
        begun: list[Begun[None]] = []
        at = 0
        while at < look.size:
            room = self._room_among(2 if helped else 1)
            piece = self._piece(look, at, room)
            if helped:
                room.reader = self._helper.begin(sums.take, piece)
                begun.append(room.reader)
            else:
                sums.take(piece)
            yield len(piece)
            at += len(piece)
        if helped:
            yield ALL_READ
            for reader in begun:
                reader.wait()

    def _room_among(self, count: int) -> _Room:
        """The one whose use is longest ago."""
        room = _Room() if len(self._rooms) < count else self._rooms.pop(0)
        self._rooms.append(room)
        return room

    def _piece(self, look: _Look, at: int, room: _Room) -> memoryview:
        """The body from at on; it is gone when the room is used again."""
        try:
            count = look.file.read_into(room.free(), at)
        except OSError as error:
            if error.errno not in _UNREADABLE:
                raise
            reason = f"the body cannot be read at {at}: {error.strerror}"
            raise look.blame(reason, unreadable=True) from None
        if not count or at + count > look.size:
            raise look.blame(f"had {look.size} bytes, and then another number")
        return room.view[:count]


def _without_data(place: HashDir, fileset: Fileset) -> Finding:
    tombstone = fileset.tombstone.timestamp if fileset.tombstone else None
    return Finding(place, Verdict.ABSENT, tombstone=tombstone, temporaries=_temporaries(fileset))


def _temporaries(fileset: Fileset) -> tuple[str, ...]:
    return tuple(name for name in fileset.strangers if is_rsync_temporary(name))


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()
