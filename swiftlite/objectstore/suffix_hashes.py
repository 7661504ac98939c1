"""Suffix hashes of a partition on disk: marked by writers, computed by a pass, kept in a cache.

Two files beside the suffix directories, both Swift's: `hashes.pkl`, the cache, and
`hashes.invalid`, one line for each suffix that has changed since. What holds at every instant,
a power cut included: **while there is a cache, each suffix that differs from it is named on
stable storage in hashes.invalid, or is None in the cache.** So

- a writer marks its suffix before the change can be seen, and syncs the mark if there is a cache;
- a pass puts the marks into the cache, durably, before it empties hashes.invalid;
- a pass that makes a cache where there was none syncs the marks that nobody synced.

All of it under the partition's lock. The listing and hashing in between is not, so that writers
need not wait for it; but a few marked suffixes are hashed right there, which saves a second lock
and a second writing of the cache. On a device that keeps order (host.disk.keeps_order) "before"
needs no sync: the cache is written out and gets its name, then hashes.invalid loses its own.

An attribute of ours on the cache file holds its hashes in short. It belongs to that very file, so
it is never outdated, and while hashes.invalid is empty it says all that a replica has to be asked:
two calls instead of a lock and the reading of two files.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Collection, Iterable
from contextlib import suppress
from typing import NamedTuple, Protocol

from swiftlite.formats.ondisk_names import HASHES_FILE, INVALIDATIONS_FILE, is_suffix
from swiftlite.formats.suffix_hashes import (
    HashedFiles,
    HashesUnreadable,
    SuffixHash,
    SuffixHashes,
    decode_hashes,
    decode_invalidations,
    encode_hashes,
    encode_invalidation,
    partition_digest,
    replicated_suffix_hash,
)
from swiftlite.host.disk import Disk, PathOrFd
from swiftlite.objectstore.api import Unsettled
from swiftlite.objectstore.locks import partition_lock

_FEW_SUFFIXES = 8
_INVALIDATIONS_MAX = 1 << 17  # 4096 suffixes take 16 KiB; Swift's writers repeat themselves
_PASS_TRIES = 10
_NO_CACHE = SuffixHashes(valid=False)
DIGEST_ATTRIBUTE = "user.swiftlite.digest"


class Hashed(NamedTuple):
    """The hashes of a partition, and how many of them had to be computed."""

    hashes: dict[str, SuffixHash]
    computed: int


def changed_at(disk: Disk, partition_path: str) -> float | None:
    """When the cache of hashes was written, in seconds of this node's wall clock; None: never."""
    try:
        return disk.stat(f"{partition_path}/{HASHES_FILE}").st_mtime
    except OSError:
        return None


class Digest(NamedTuple):
    """The hashes in short, None if they cannot be told; how many of them had to be computed."""

    digest: str | None
    computed: int


def known_digest(disk: Disk, partition_path: str) -> str | None:
    """partition_digest() of the hashes, if they are known without computing any. Never raises.

    Without the lock: hashes.invalid is looked at first, so that if it is empty, the cache read
    afterwards takes in every change made before that look.
    """
    try:
        if disk.stat(f"{partition_path}/{INVALIDATIONS_FILE}").st_size:
            return None
    except FileNotFoundError:
        pass
    except OSError:
        return None
    try:
        label = disk.getxattr(f"{partition_path}/{HASHES_FILE}", DIGEST_ATTRIBUTE)
    except OSError:
        return None
    return label.decode("ascii", "replace")


def invalidate(disk: Disk, partition_path: str, suffix: str) -> None:
    """Mark a suffix as changed. The caller holds the partition's lock. Raises OSError."""
    with Mark(disk, partition_path, suffix) as mark:
        mark.settle(in_order=False)


class Mark:
    """A suffix marked as changed, for a change that follows when the mark is settled.

    Used with the partition's lock held, so that nobody else sees a mark that is not settled. It is
    taken back when it is left before that. Raises OSError.
    """

    __slots__ = ("_disk", "_fd", "_length_before", "_partition_path", "needs_sync")

    def __init__(self, disk: Disk, partition_path: str, suffix: str) -> None:
        self._disk = disk
        self._partition_path = partition_path
        self.needs_sync = False
        path = f"{partition_path}/{INVALIDATIONS_FILE}"
        self._fd = disk.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND)
        try:
            self._append(encode_invalidation(suffix))
        except BaseException:
            disk.close(self._fd)
            raise

    def _append(self, line: bytes) -> None:
        disk = self._disk
        known = disk.read(self._fd, _INVALIDATIONS_MAX)
        self._length_before = len(known)
        if known.startswith(line) or b"\n" + line in known:
            return  # and durable, by the rule above
        if known and not known.endswith(b"\n"):
            line = b"\n" + line  # behind a line that a power cut tore
        # Asked before writing: a line left behind by a failure would be taken for durable.
        self.needs_sync = disk.exists(f"{self._partition_path}/{HASHES_FILE}")
        disk.write(self._fd, line)

    def start(self) -> None:
        """Have the bytes travel; for a file system that keeps order."""
        if self.needs_sync:
            self._disk.write_out(self._fd, wait=False)

    def settle(self, *, in_order: bool) -> None:
        """Stable; in_order: at least ahead of all later changes of names."""
        if not self.needs_sync:
            return
        if in_order:
            self._disk.write_out(self._fd)
        else:
            self._disk.fsync(self._fd)
            if not self._length_before:
                self._disk.fsync_dir(self._partition_path)  # the file may be new
        self.needs_sync = False

    def __enter__(self) -> Mark:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            if self.needs_sync:
                # After a failed sync the kernel counts the page as clean, so the next writer
                # would find the line, and take it for durable.
                self._disk.truncate(self._fd, self._length_before)
        finally:
            self._disk.close(self._fd)


class HashDirs(Protocol):
    """What a pass asks of whoever knows hash dirs: see `cleanup.HashDirCleaner`."""

    def settled(
        self, suffix_path: str, name_hash: str, *, locked: bool = False
    ) -> HashedFiles | None:
        """Tidy a hash dir and tell what counts of it; None when it is gone. Raises OSError.

        locked: the partition's lock is held, so what takes it itself must wait: raise instead.
        """
        ...

    def failed(self, suffix_path: str, error: OSError) -> None:
        """This suffix could not be hashed; its hash stays unknown."""
        ...


class PartitionHashes:
    """The hashes of one partition. Runs on a disk thread; a pass may take long."""

    def __init__(
        self,
        disk: Disk,
        partition_path: str,
        hash_dirs: HashDirs,
        lock_timeout: float,
        *,
        in_order: bool = False,
    ) -> None:
        self.disk = disk
        self.path = partition_path
        self.hash_dirs = hash_dirs
        self.lock_timeout = lock_timeout
        self.in_order = in_order

    def current(
        self, now: float, *, recalculate: Collection[str] = (), relist: bool = False
    ) -> Hashed:
        """All suffixes and their hashes, computing those marked. now: seconds, for the cache.

        relist looks for suffix directories that the cache does not know. Raises OSError,
        TimeoutError for the lock, Unsettled when the cache changes as often as it is computed.
        """
        computed = 0
        for _ in range(_PASS_TRIES):
            cached, few = self._consolidated(now, recalculate)
            computed += few
            known = dict(cached.hashes)
            if relist or not cached.valid:
                for name in self.disk.listdir(self.path):
                    if is_suffix(name):
                        known.setdefault(name, None)
            if not few:
                known.update(dict.fromkeys(recalculate))
            fresh = self._computed(known)
            computed += sum(value is None for value in known.values())
            if fresh == cached.hashes and cached.valid:
                if not relist and not recalculate and not few:
                    self._label_old_cache(cached)
                return Hashed(fresh, computed)
            if self._store(cached, SuffixHashes(fresh, now)):
                return Hashed(fresh, computed)
        raise Unsettled(f"the hashes of {self.path} change as often as they are computed")

    def digest(self, now: float, *, relist: bool = False) -> Digest:
        """partition_digest() of current(), cheaply where nothing has changed. Raises as that."""
        known = None if relist else known_digest(self.disk, self.path)
        if known is not None:
            return Digest(known, 0)
        hashes, computed = self.current(now, relist=relist)
        return Digest(partition_digest(hashes), computed)

    def unless(self, digest: str, now: float) -> Hashed | None:
        """current(), or None if that is what digest says. Raises as that."""
        if known_digest(self.disk, self.path) == digest:
            return None
        found = self.current(now)
        return None if partition_digest(found.hashes) == digest else found

    def mark(self, suffixes: Iterable[str]) -> None:
        """What a peer that pushed files asks for: compute these again at the next pass."""
        with partition_lock(self.disk, self.path, self.lock_timeout):
            for suffix in suffixes:
                invalidate(self.disk, self.path, suffix)

    def _computed(
        self, known: dict[str, SuffixHash], *, locked: bool = False
    ) -> dict[str, SuffixHash]:
        fresh: dict[str, SuffixHash] = {}
        for suffix, value in known.items():
            if value is not None:
                fresh[suffix] = value
                continue
            try:
                found = self._hash_suffix(suffix, locked=locked)
            except OSError as error:
                if locked:  # looked at again without the lock
                    fresh[suffix] = None
                    continue
                # One bad directory must not keep the rest of the partition from its replicas;
                # peers take an unknown hash for a difference.
                self.hash_dirs.failed(f"{self.path}/{suffix}", error)
                fresh[suffix] = None
            else:
                if found is not None:
                    fresh[suffix] = found
        return fresh

    def _hash_suffix(self, suffix: str, *, locked: bool) -> SuffixHash:
        """None when the suffix directory is gone, or has just been removed because it is empty."""
        suffix_path = f"{self.path}/{suffix}"
        try:
            names = sorted(self.disk.listdir(suffix_path))
        except (FileNotFoundError, NotADirectoryError):
            return None
        settled = [self.hash_dirs.settled(suffix_path, name, locked=locked) for name in names]
        hash_dirs = [files for files in settled if files is not None]
        if not hash_dirs and self._removed(suffix_path):
            return None
        return replicated_suffix_hash(hash_dirs)

    def _removed(self, suffix_path: str) -> bool:
        try:
            self.disk.rmdir(suffix_path)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT):
                raise
            return error.errno == errno.ENOENT
        return True

    def _consolidated(self, now: float, recalculate: Collection[str]) -> tuple[SuffixHashes, int]:
        """The cache with all marks put in; hashes.invalid is empty afterwards.

        If they are few, they and those to recalculate have been computed, and are counted.
        """
        path = f"{self.path}/{INVALIDATIONS_FILE}"
        with partition_lock(self.disk, self.path, self.lock_timeout):
            cached = self._read_cache()
            try:
                fd = self.disk.open(path, os.O_RDWR)
            except FileNotFoundError:
                return self._with_few(cached, (), recalculate, now)
            try:
                content = self._read_all(fd)
                if not content:
                    return self._with_few(cached, (), recalculate, now)
                few = 0
                if cached.valid:
                    marked = decode_invalidations(content)
                    cached, few = self._with_few(cached, marked, recalculate, now)
                    if marked and not few:
                        hashes = {**cached.hashes, **dict.fromkeys(marked)}
                        cached = SuffixHashes(hashes, now)
                        self._write_cache(cached)
                if self.in_order:  # names keep their order, sizes perhaps not
                    self.disk.unlink(path)
                else:
                    self.disk.truncate(fd, 0)
            finally:
                self.disk.close(fd)
        return cached, few

    def _with_few(
        self,
        cached: SuffixHashes,
        marked: Collection[str],
        recalculate: Collection[str],
        now: float,
    ) -> tuple[SuffixHashes, int]:
        """The cache with these suffixes computed and written, and how many; as it was, and 0, if
        they are many. The lock is held."""
        dirty = {*marked, *recalculate}
        if not cached.valid or not 0 < len(dirty) <= _FEW_SUFFIXES:
            return cached, 0
        fresh = self._computed({**cached.hashes, **dict.fromkeys(dirty)}, locked=True)
        if fresh == cached.hashes:
            return cached, len(dirty)
        written = SuffixHashes(fresh, now)
        self._write_cache(written)
        return written, len(dirty)

    def _store(self, before: SuffixHashes, after: SuffixHashes) -> bool:
        """Write the cache, unless somebody else has meanwhile: then what we computed is old."""
        with partition_lock(self.disk, self.path, self.lock_timeout):
            current = self._read_cache()
            if (current.hashes, current.valid) != (before.hashes, before.valid):
                return False
            if not before.valid:
                self._sync_invalidations()
            self._write_cache(after)
        return True

    def _sync_invalidations(self) -> None:
        """Marks made while there was no cache were not synced by those who made them."""
        try:
            fd = self.disk.open(f"{self.path}/{INVALIDATIONS_FILE}", os.O_RDWR)
        except FileNotFoundError:
            return
        try:
            self.disk.fsync(fd)
        finally:
            self.disk.close(fd)

    def _read_cache(self) -> SuffixHashes:
        try:
            fd = self.disk.open(f"{self.path}/{HASHES_FILE}")
        except FileNotFoundError:
            return _NO_CACHE
        try:
            return decode_hashes(self._read_all(fd))
        except HashesUnreadable:
            return _NO_CACHE
        finally:
            self.disk.close(fd)

    def _label_old_cache(self, cached: SuffixHashes) -> None:
        """A cache that Swift wrote gets its digest, once."""
        if known_digest(self.disk, self.path) is not None:
            return
        with partition_lock(self.disk, self.path, self.lock_timeout):
            current = self._read_cache()
            if (current.hashes, current.valid) == (cached.hashes, cached.valid):
                self._label(f"{self.path}/{HASHES_FILE}", cached)

    def _label(self, target: PathOrFd, cache: SuffixHashes) -> None:
        digest = partition_digest(cache.hashes) if cache.valid else None
        if digest is not None:
            with suppress(OSError):  # without attributes it is only slower
                self.disk.setxattr(target, DIGEST_ATTRIBUTE, digest.encode("ascii"))

    def _write_cache(self, cache: SuffixHashes) -> None:
        """Replaced by rename; durable on return, or ahead of whatever is done after it."""
        temporary = f"{self.path}/.{HASHES_FILE}.new"  # one writer at a time: the lock is held
        with suppress(FileNotFoundError):
            self.disk.unlink(temporary)  # of a crash; its attribute must not stay
        fd = self.disk.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        try:
            self.disk.write(fd, encode_hashes(cache))
            self._label(fd, cache)
            if self.in_order:
                self.disk.write_out(fd)
            else:
                self.disk.fsync(fd)
        finally:
            self.disk.close(fd)
        self.disk.rename(temporary, f"{self.path}/{HASHES_FILE}")
        if not self.in_order:
            self.disk.fsync_dir(self.path)

    def _read_all(self, fd: int) -> bytes:
        blocks = []
        while block := self.disk.read(fd, 1 << 16):
            blocks.append(block)
        return b"".join(blocks)
