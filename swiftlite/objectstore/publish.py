"""The commit: a written file gets its name, in an order that survives a power cut at any point.

    1  the file: data, attributes, fsync            by the writer, before it comes here
       -- cut: the file has no name; nothing happened
    2  under the partition's lock:
       a  make the hash dir, and list it            older than what is there? refuse, write nothing
       b  mark the suffix in hashes.invalid, durably where cached hashes exist
       -- cut: a suffix is hashed again for nothing
       c  link
       -- cut: the name may or may not be there; nobody was told that it is
    3  fsync the hash dir, and the parents of every directory made
       -- cut from here on: the object is there, and its suffix is known to have changed
    4  unlink what the new file made obsolete
       -- cut: obsolete files come back; the fileset still reads as the new object

2b before 2c, because a suffix hash that misses a change would hide it from replication for ever.
2b and 2c under one lock, because a hash pass that reads hashes.invalid between the two would
compute the old hash and keep it. 3 before 4, because a file system may make the unlink durable
and lose the link, and then neither object would be there.
"""

from __future__ import annotations

from contextlib import suppress

from swiftlite.host.disk import Disk
from swiftlite.objectstore.api import Superseded, Unsettled
from swiftlite.objectstore.fileset import Fileset, choose
from swiftlite.objectstore.hash_dir import HashDir
from swiftlite.objectstore.locks import partition_lock
from swiftlite.objectstore.suffix_hashes import invalidate
from swiftlite.objectstore.temporary import Temporary

_LINK_TRIES = 5


def publish(disk: Disk, place: HashDir, file: Temporary, name: str, lock_timeout: float) -> Fileset:
    """Steps 2 to 4; returns the fileset as it is now. file is whole and synced.

    Raises Superseded, having written nothing, when the file would not count; and OSError.
    """
    try:
        return _publish(disk, place, file, name, lock_timeout)
    except FileNotFoundError:
        # The partition was empty, and somebody has removed it since the file was created.
        ensure_directory(disk, place.partition_path, place.device_path)
        return _publish(disk, place, file, name, lock_timeout)


def _publish(
    disk: Disk, place: HashDir, file: Temporary, name: str, lock_timeout: float
) -> Fileset:
    made: list[str] = []
    linked = False
    try:
        with partition_lock(disk, place.partition_path, lock_timeout):
            new = make_directory(disk, place.path, place.partition_path, made)
            names = [] if new else disk.listdir(place.path)
            fileset = choose([*names, name])
            if name in names or name in fileset.obsolete:
                raise Superseded(max(fileset.timestamp, choose(names).timestamp))
            invalidate(disk, place.partition_path, place.suffix)
            _link(disk, place, file, name, made)
            linked = True
        disk.fsync_dir(place.path)
        for directory in reversed(made):
            disk.fsync_dir(directory.rpartition("/")[0])
    except OSError:
        _undo(disk, f"{place.path}/{name}" if linked else None, made)
        raise
    for obsolete in fileset.obsolete:
        remove(disk, f"{place.path}/{obsolete}")
    return fileset


def _link(disk: Disk, place: HashDir, file: Temporary, name: str, made: list[str]) -> None:
    """Link, making the hash dir again when a hash pass has removed it, empty, meanwhile."""
    for _ in range(_LINK_TRIES):
        try:
            file.link(f"{place.path}/{name}")
            return
        except FileExistsError:  # by rsync, which knows no lock
            raise Superseded(choose([name]).timestamp) from None
        except FileNotFoundError:
            make_directory(disk, place.path, place.partition_path, made)
    raise Unsettled(f"{place.path} vanishes as often as it is made")


def _undo(disk: Disk, path: str | None, made: list[str]) -> None:
    """After a failure: nobody was told of the file, and what was made may not be durable.

    A directory that is there counts as durable for whoever comes next, so it must not stay. (One
    that somebody else is making in this very moment is no problem: ext4 and XFS commit in order,
    and our sync of the hash dir takes the making of its parents along.)
    """
    if path is not None:
        with suppress(OSError):
            disk.unlink(path)
    for directory in reversed(made):
        with suppress(OSError):
            disk.rmdir(directory)


def make_directory(disk: Disk, path: str, root: str, made: list[str]) -> bool:
    """Make path with its parents below root; whether it was not there yet.

    Directories made are added to made, highest first; whoever made them syncs their parents.
    root itself is never made: where it is missing, FileNotFoundError says so.
    """
    try:
        disk.mkdir(path)
    except FileExistsError:
        return False
    except FileNotFoundError:
        above = path.rpartition("/")[0]
        if above == root or len(above) <= len(root):
            raise
        make_directory(disk, above, root, made)
        return make_directory(disk, path, root, made)
    made.append(path)
    return True


def ensure_directory(disk: Disk, path: str, root: str) -> None:
    """The same, made durable at once: for directories of which there are few."""
    made: list[str] = []
    try:
        make_directory(disk, path, root, made)
        for directory in made:
            disk.fsync_dir(directory.rpartition("/")[0])
    except OSError:
        for directory in reversed(made):
            with suppress(OSError):
                disk.rmdir(directory)
        raise


def remove(disk: Disk, path: str) -> None:
    """Unlink; gone already is as good."""
    with suppress(FileNotFoundError):
        disk.unlink(path)
