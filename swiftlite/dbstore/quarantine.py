"""Setting a database's directory aside, so that the replicas give back a sound one."""

from __future__ import annotations

import errno
import posixpath

from swiftlite.dbstore.device import device_error
from swiftlite.formats.db_files import quarantine_dir
from swiftlite.host.directories import make_below
from swiftlite.host.disk import Disk

_TAKEN = frozenset((errno.EEXIST, errno.ENOTEMPTY))


def quarantine(disk: Disk, directory: str, kind: str, device_path: str, token: str) -> str:
    """Move a hash directory to quarantine; where it went. token makes a taken name unique.

    Raises DeviceUnusable where the directory cannot be moved; nothing is lost then either.
    """
    wanted = posixpath.join(device_path, quarantine_dir(kind, posixpath.basename(directory)))
    try:
        make_below(disk, device_path, posixpath.dirname(wanted))
        try:
            disk.rename(directory, wanted)
        except OSError as error:
            if error.errno not in _TAKEN:
                raise
            wanted = f"{wanted}-{token}"
            disk.rename(directory, wanted)
    except OSError as error:
        raise device_error(directory, error) from error
    return wanted
