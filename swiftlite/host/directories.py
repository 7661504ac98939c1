"""Making directories on a device that may go at any moment."""

from __future__ import annotations

import posixpath
from contextlib import suppress

from swiftlite.host.disk import Disk


def make_below(disk: Disk, top: str, directory: str, mode: int = 0o755) -> None:
    """Make a directory and those above it, but never top, which is a device's mount point.

    Whoever makes a mount point anew fills the root disk in the name of an absent device, and all
    others after it, because the device looks as if it were there. FileNotFoundError when top is
    not there, or a directory is removed again meanwhile.
    """
    assert directory.startswith(f"{top}/"), f"{directory} is not below {top}"
    missing = []
    place = directory
    while place != top and not disk.exists(place):
        missing.append(place)
        place = posixpath.dirname(place)
    for place in reversed(missing):
        with suppress(FileExistsError):
            disk.mkdir(place, mode)
