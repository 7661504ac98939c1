"""Files that are on their way: `<device>/tmp`, where peers' rsync puts what it brings.

What is found there long after is somebody's who died; the replicators remove it.
"""

from __future__ import annotations

import errno
import posixpath
import stat
from contextlib import suppress

from swiftlite.dbstore.device import device_error
from swiftlite.host.directories import make_below
from swiftlite.host.disk import Disk

TMP = "tmp"
_OWN = ".database-"


def temporary_path(disk: Disk, device_path: str, token: str) -> str:
    """A path that nobody else uses; its directory is there. Raises DeviceUnusable, DeviceFull."""
    return f"{temporary_directory(disk, device_path)}/{_OWN}{token}"


def temporary_directory(disk: Disk, device_path: str) -> str:
    directory = posixpath.join(device_path, TMP)
    try:
        make_below(disk, device_path, directory)
    except OSError as error:
        raise device_error(directory, error) from error
    return directory


def remove_old(disk: Disk, device_path: str, before: float) -> int:
    """Remove files, and directories of ours, not changed since (unix seconds); how many."""
    directory = posixpath.join(device_path, TMP)
    try:
        names = disk.listdir(directory)
    except FileNotFoundError:
        return 0
    removed = 0
    for name in names:
        path = f"{directory}/{name}"
        with suppress(FileNotFoundError):
            facts = disk.lstat(path)
            if facts.st_ctime >= before:
                continue
            if not stat.S_ISDIR(facts.st_mode):
                disk.unlink(path)
            elif name.startswith(_OWN):
                remove_tree(disk, path)
            else:
                continue
            removed += 1
    return removed


def remove_tree(disk: Disk, path: str) -> None:
    """Remove a directory with all that is in it; nothing if it is not there. Raises OSError."""
    try:
        names = disk.listdir(path)
    except FileNotFoundError:
        return
    for name in names:
        below = f"{path}/{name}"
        with suppress(FileNotFoundError):
            if stat.S_ISDIR(disk.lstat(below).st_mode):
                remove_tree(disk, below)
            else:
                disk.unlink(below)
    disk.rmdir(path)


def remove_empty(disk: Disk, directory: str, *, levels: int) -> None:
    """Remove a directory and those above it, as far as they are empty. Raises OSError."""
    for _ in range(levels):
        try:
            disk.rmdir(directory)
        except OSError as error:
            if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
                return
            if error.errno != errno.ENOENT:
                raise
        directory = posixpath.dirname(directory)
