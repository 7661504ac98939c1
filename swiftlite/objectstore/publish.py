"""The commit: a written file gets its name, in an order that survives a power cut at any point.

    1  the file: data, attributes, fsync            by the writer, before it comes here
       (on a device that keeps order: written out, which puts it ahead of the link)
       -- cut: the file has no name; nothing happened
    2  under the partition's lock:
       a  make the hash dir, and list it            older than what is there? refuse, write nothing
       b  mark the suffix in hashes.invalid, durably where cached hashes exist
       -- cut: a suffix is hashed again for nothing
       c  link
       -- cut: the name may or may not be there; nobody was told that it is
    3  fsync the hash dir, and the parents of every directory made
       (on a device that keeps order: the hash dir alone, which takes the rest along)
       -- cut from here on: the object is there, and its suffix is known to have changed
    4  unlink what the new file made obsolete
       -- cut: obsolete files come back; the fileset still reads as the new object

2b before 2c, because a suffix hash that misses a change would hide it from replication for ever.
2b and 2c under one lock, because a hash pass that reads hashes.invalid between the two would
compute the old hash and keep it. 3 before 4, because a file system may make the unlink durable
and lose the link, and then neither object would be there.

A device keeps order when its file system has one journal that becomes stable in the order of the
changes (`host.disk.keeps_order`: XFS; ext4 with a journal). There the link cannot be stable
without the directories above it and the marks before it, nor without the file's attributes, its
size, and the bytes that were on the medium when it was made. So one sync serves them all. What a
cut leaves at each of the points above is the same.
"""

from __future__ import annotations

from contextlib import suppress

from swiftlite.host.disk import Disk
from swiftlite.objectstore.api import Superseded, Unsettled
from swiftlite.objectstore.commits import Steps
from swiftlite.objectstore.fileset import Fileset, choose
from swiftlite.objectstore.hash_dir import HashDir
from swiftlite.objectstore.locks import partition_lock
from swiftlite.objectstore.suffix_hashes import invalidate
from swiftlite.objectstore.temporary import Temporary

_LINK_TRIES = 5


def settled(disk: Disk, file: Temporary, *, empty: bool, in_order: bool) -> Steps[None]:
    """Step 1, after data and attributes: the file will be whole wherever it has a name."""
    if not in_order:
        disk.fsync(file.fd)
        return
    if not empty:
        disk.write_out(file.fd, wait=False)
        yield ""
    disk.write_out(file.fd)


def published(
    disk: Disk, place: HashDir, file: Temporary, name: str, lock_timeout: float, *, in_order: bool
) -> Steps[Fileset]:
    """Steps 2 to 4; gives the fileset as it is now. file is settled.

    in_order: disk.keeps_order() holds for the device. Raises Superseded, having written nothing,
    when the file would not count; and OSError.
    """
    made: list[str] = []
    linked = False
    try:
        try:
            fileset = _linked(disk, place, file, name, 0.0, made, in_order=in_order)
        except TimeoutError:
            yield None
            fileset = _linked(disk, place, file, name, lock_timeout, made, in_order=in_order)
        linked = True
        yield place.path
        if not in_order:
            for directory in reversed(made):
                yield directory.rpartition("/")[0]
    except OSError:
        _undo(disk, f"{place.path}/{name}" if linked else None, made)
        raise
    for obsolete in fileset.obsolete:
        remove(disk, f"{place.path}/{obsolete}")
    return fileset


def _linked(
    disk: Disk,
    place: HashDir,
    file: Temporary,
    name: str,
    lock_timeout: float,
    made: list[str],
    *,
    in_order: bool,
) -> Fileset:
    """Step 2. Directories made are added to made."""
    try:
        return _linked_here(disk, place, file, name, lock_timeout, made, in_order=in_order)
    except FileNotFoundError:
        # The partition was empty, and somebody has removed it since the file was created.
        ensure_directory(disk, place.partition_path, place.device_path, in_order=in_order)
        return _linked_here(disk, place, file, name, lock_timeout, made, in_order=in_order)


def _linked_here(
    disk: Disk,
    place: HashDir,
    file: Temporary,
    name: str,
    lock_timeout: float,
    made: list[str],
    *,
    in_order: bool,
) -> Fileset:
    with partition_lock(disk, place.partition_path, lock_timeout):
        new = make_directory(disk, place.path, place.partition_path, made)
        names = [] if new else disk.listdir(place.path)
        fileset = choose([*names, name])
        if name in names or name in fileset.obsolete:
            raise Superseded(max(fileset.timestamp, choose(names).timestamp))
        invalidate(disk, place.partition_path, place.suffix, in_order=in_order)
        _link(disk, place, file, name, made)
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


def ensure_directory(disk: Disk, path: str, root: str, *, in_order: bool = False) -> None:
    """The same, made durable at once: for directories of which there are few.

    in_order: whatever is made in it will be synced, and that takes the directory along.
    """
    made: list[str] = []
    try:
        make_directory(disk, path, root, made)
        for directory in () if in_order else made:
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
