"""The commit: a written file gets its name, in an order that survives a power cut at any point.

    1  the file: data and attributes written        by the writer, before it comes here
       fsync (on a device that keeps order: the bytes set out, and are waited for in 2c)
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
size, and the bytes that were on the medium when it was made. So one sync serves them all, and the
file's bytes travel beside those of the mark, and of the files in whose company it is committed.
What a cut leaves at each of the points above is the same.
"""

from __future__ import annotations

from contextlib import suppress

from swiftlite.host.disk import Disk
from swiftlite.objectstore.api import Superseded, Unsettled
from swiftlite.objectstore.commits import Steps
from swiftlite.objectstore.fileset import choose
from swiftlite.objectstore.hash_dir import HashDir
from swiftlite.objectstore.locks import LastingLock, partition_lock
from swiftlite.objectstore.suffix_hashes import Mark
from swiftlite.objectstore.temporary import Temporary

_TRIES = 5
_ROUNDS = 8  # in which objects of one partition get their turn without leaving the company


def settled(disk: Disk, file: Temporary, *, in_order: bool) -> Steps[None]:
    """Step 1 for a file that needs no mark: it will be whole wherever it has a name."""
    if not in_order:
        disk.fsync(file.fd)
        return
    disk.write_out(file.fd, wait=False)
    yield ""
    disk.write_out(file.fd)


def published(
    disk: Disk,
    place: HashDir,
    file: Temporary,
    name: str,
    lock_timeout: float,
    *,
    empty: bool,
    in_order: bool,
) -> Steps[None]:
    """All steps for a file in a hash dir, once its data and attributes are written.

    in_order: disk.keeps_order() holds for the device. Raises Superseded, having written nothing,
    when the file would not count; and OSError.
    """
    if not in_order:
        disk.fsync(file.fd)
    elif not empty:
        disk.write_out(file.fd, wait=False)
    made: list[str] = []
    linked = False
    try:
        lock = yield from _locked(disk, place, lock_timeout, in_order=in_order)
        try:
            new = make_directory(disk, place.path, place.partition_path, made)
            obsolete = () if new else _obsoleted(disk, place, name)
            with Mark(disk, place.partition_path, place.suffix) as mark:
                if in_order:
                    mark.start()
                    if mark.needs_sync or not empty:
                        yield ""
                    disk.write_out(file.fd)
                mark.settle(in_order=in_order)
            _link(disk, place, file, name, made)
        finally:
            lock.release()
        linked = True
        yield place.path
        if not in_order:
            for directory in reversed(made):
                yield directory.rpartition("/")[0]
    except OSError as error:
        _undo(disk, f"{place.path}/{name}" if linked else None, made)
        if linked and isinstance(error, FileNotFoundError):
            # What the file belongs to was found damaged, and the hash dir went into quarantine.
            raise Unsettled(f"{place.path} was set aside while it was written to") from error
        raise
    for old in obsolete:
        remove(disk, f"{place.path}/{old}")


def _locked(
    disk: Disk, place: HashDir, lock_timeout: float, *, in_order: bool
) -> Steps[LastingLock]:
    """The partition, held; made again if it was empty and somebody has removed it meanwhile."""
    timeout = 0.0
    for attempt in range(_TRIES + _ROUNDS):
        lock = partition_lock(disk, place.partition_path, timeout)
        try:
            lock.take()
        except FileNotFoundError:
            ensure_directory(disk, place.partition_path, place.device_path, in_order=in_order)
        except TimeoutError:
            if timeout:
                raise
            if attempt < _ROUNDS:
                yield ""  # one of our company may hold it, and lets go of it at its next step
            else:
                yield None
                timeout = lock_timeout
        else:
            return lock
    raise Unsettled(f"{place.partition_path} vanishes as often as it is made")


def _obsoleted(disk: Disk, place: HashDir, name: str) -> tuple[str, ...]:
    """What goes when this name comes. Raises Superseded when it would not count."""
    names = disk.listdir(place.path)
    fileset = choose([*names, name])
    if name in names or name in fileset.obsolete:
        raise Superseded(max(fileset.timestamp, choose(names).timestamp))
    return fileset.obsolete


def _link(disk: Disk, place: HashDir, file: Temporary, name: str, made: list[str]) -> None:
    """Link, making the hash dir again when a hash pass has removed it, empty, meanwhile."""
    for _ in range(_TRIES):
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
