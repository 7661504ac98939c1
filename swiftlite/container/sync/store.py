"""The index of containers that sync: a symlink for each under the device's `sync_containers`.

The sync daemon walks these instead of every database. The databases decide; a link that is missing
or too many is put right when the container is next changed or replicated.
"""

from __future__ import annotations

import errno
import os
import posixpath
from contextlib import suppress

from swiftlite.dbstore.facts import ContainerFacts
from swiftlite.formats.db_files import sync_link
from swiftlite.host.directories import make_below
from swiftlite.host.disk import Disk

SYNC_TO, SYNC_KEY = "X-Container-Sync-To", "X-Container-Sync-Key"


def concerns_sync(facts: ContainerFacts) -> bool:
    """Whether the container has, or lately had, anything to do with syncing."""
    return SYNC_TO in facts.metadata or SYNC_KEY in facts.metadata


def update_link(disk: Disk, db_path: str, facts: ContainerFacts) -> None:
    """Make or remove the link of one database, as its metadata says."""
    link = sync_link(db_path)
    if link is None or not concerns_sync(facts):
        return
    wanted = all(facts.metadata.get(name, ("", ""))[0] for name in (SYNC_TO, SYNC_KEY))
    if wanted and not facts.is_deleted:
        make_below(disk, posixpath.commonpath((db_path, link)), posixpath.dirname(link))
        with suppress(FileExistsError):
            os.symlink(db_path, link)  # beside a real database file, whatever the disk is
        return
    try:
        disk.unlink(link)
    except FileNotFoundError:
        return
    _remove_empty(disk, posixpath.dirname(link))


def _remove_empty(disk: Disk, directory: str) -> None:
    """Up to three levels: hash, suffix, partition."""
    for _ in range(3):
        try:
            disk.rmdir(directory)
        except OSError as error:
            if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT):
                return
            raise
        directory = posixpath.dirname(directory)
