"""Setting damaged objects aside, so that replication brings a good copy and nobody reads the bad.

A whole hash dir moves at once, because its files only mean something together. Where it goes and
how it is called is Swift's: `quarantined/objects[-N]/<hash>`, with a random tail if that is taken.
"""

from __future__ import annotations

import errno
from dataclasses import dataclass
from stat import S_ISDIR

from swiftlite.host.disk import Disk
from swiftlite.host.entropy import Entropy
from swiftlite.objectstore.api import StoreError
from swiftlite.objectstore.context import Context
from swiftlite.objectstore.fileset import choose
from swiftlite.objectstore.hash_dir import HashDir
from swiftlite.objectstore.locks import partition_lock
from swiftlite.objectstore.publish import ensure_directory, remove
from swiftlite.objectstore.suffix_hashes import invalidate

_UNREADABLE = frozenset((errno.EIO, errno.ENODATA, errno.EUCLEAN))
_TAKEN = frozenset((errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR))


@dataclass(frozen=True, slots=True)
class Blamed:
    """The file found damaged; inode, where it is known, tells it from a good one of its name."""

    name: str
    inode: int | None = None


def set_aside(context: Context, place: HashDir, blamed: Blamed | None, reason: str) -> bool:
    """Quarantine a damaged object, and say so in the log; False when a newer one stays.

    Called by tasks, not on a disk thread. Raises StoreError when it cannot be moved, for then the
    device is broken and must not be asked again.
    """
    disk, entropy = context.host.disk, context.host.entropy
    timeout = context.settings.lock_timeout
    try:
        aside = context.offload(place.device, quarantine, disk, entropy, place, timeout, blamed)
    except StoreError as error:
        context.log.error(f"Cannot quarantine {place.path} ({reason}): {error}")
        raise
    if aside is not None:
        context.log.error(f"Quarantined {place.path} to {aside}: {reason}")
        context.count("quarantines")
    return aside is not None


def quarantine(
    disk: Disk, entropy: Entropy, place: HashDir, lock_timeout: float, blamed: Blamed | None
) -> str | None:
    """Move the hash dir aside; the path it has now, or None when there was nothing to move.

    If a newer write has taken the blamed file's place meanwhile, or replication brought a good one
    of that name, then what is there now is not the damaged object, and stays. None blames the
    directory itself.
    """
    try:
        with partition_lock(disk, place.partition_path, lock_timeout):
            if blamed is not None and not _counts(disk, place, blamed):
                return None
            try:
                return _move_aside(disk, entropy, place, place.path, place.hash)
            except OSError as error:
                if error.errno != errno.EUCLEAN:
                    raise
                # The suffix directory itself is so broken that nothing in it can be moved.
                return _move_aside(disk, entropy, place, place.suffix_path, place.suffix)
    except FileNotFoundError:
        return None


def quarantine_stranger(
    disk: Disk, entropy: Entropy, beside: HashDir, lock_timeout: float, name: str
) -> str | None:
    """Move a file aside that stands where a hash dir should; None when there is none.

    beside: any hash dir of that suffix. Directories of strange names are in nobody's way.
    """
    path = f"{beside.suffix_path}/{name}"
    try:
        with partition_lock(disk, beside.partition_path, lock_timeout):
            if S_ISDIR(disk.lstat(path).st_mode):
                return None
            return _move_aside(disk, entropy, beside, path, name)
    except FileNotFoundError:
        return None


def discard(disk: Disk, place: HashDir, lock_timeout: float, name: str) -> bool:
    """Remove an object for good, with all its files; False when the named one is gone already."""
    try:
        with partition_lock(disk, place.partition_path, lock_timeout):
            if not _counts(disk, place, Blamed(name)):
                return False
            invalidate(disk, place.partition_path, place.suffix)
            for entry in disk.listdir(place.path):
                remove(disk, f"{place.path}/{entry}")
            disk.rmdir(place.path)
    except FileNotFoundError:
        return False
    return True


def _counts(disk: Disk, place: HashDir, blamed: Blamed) -> bool:
    """Whether the blamed file is still what the object is read from.

    A newer write links its file under the lock that is held here, and removes what it has made
    obsolete later without it; so that the old file is there does not mean that it is in use.
    """
    path = f"{place.path}/{blamed.name}"
    try:
        if all(file.name != blamed.name for file in choose(disk.listdir(place.path)).in_use()):
            return False
        return blamed.inode is None or blamed.inode == disk.stat(path).st_ino
    except FileNotFoundError:
        return False
    except OSError as error:
        if error.errno not in _UNREADABLE:
            raise
        return True  # by its name; what there is of it cannot be read


def _move_aside(disk: Disk, entropy: Entropy, place: HashDir, path: str, name: str) -> str:
    # Marked before the move: a cut between the two costs one hash of a suffix, whereas a move
    # that the suffix hash does not know of would keep replication from bringing a good copy.
    invalidate(disk, place.partition_path, place.suffix)
    ensure_directory(disk, place.quarantine_path, place.device_path)
    aside = f"{place.quarantine_path}/{name}"
    try:
        disk.rename(path, aside)
    except OSError as error:
        if error.errno not in _TAKEN:
            raise
        aside = f"{aside}-{entropy.uuid_hex()}"
        disk.rename(path, aside)
    return aside
