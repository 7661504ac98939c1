"""Whether a device may be used at all, and whether it may be written to.

Asked before each piece of work, in the thread that does it, because a stuck disk answers late.
"""

from __future__ import annotations

import errno
from dataclasses import dataclass

from swiftlite.config.units import Reserve
from swiftlite.dbstore.errors import DeviceFull, DeviceUnusable
from swiftlite.host.disk import Disk

FULL_ERRNOS = frozenset((errno.ENOSPC, errno.EDQUOT))


@dataclass(frozen=True, slots=True)
class Devices:
    """The devices under one root, and the rules for using them."""

    disk: Disk
    root: str
    mount_check: bool
    reserve: Reserve

    def path(self, device: str) -> str:
        return f"{self.root}/{device}"

    def check(self, device: str, *, room: bool) -> None:
        """Raises DeviceUnusable, and DeviceFull when room is asked for and there is none."""
        path = self.path(device)
        try:
            if self.mount_check:
                if not self.disk.is_mount(path):
                    raise DeviceUnusable(path, "not mounted")
            elif not self.disk.exists(path):
                raise DeviceUnusable(path, "not there")
            if room:
                self._check_room(path)
        except OSError as error:
            raise DeviceUnusable(path, str(error)) from error

    def _check_room(self, path: str) -> None:
        facts = self.disk.statvfs(path)
        free = facts.f_frsize * facts.f_bavail
        if free < self.reserve.of(facts.f_frsize * facts.f_blocks):
            raise DeviceFull(path, f"{free} bytes free are within its reserve")


def device_error(path: str, error: OSError) -> DeviceFull | DeviceUnusable:
    """The room's error for one of the file system's."""
    kind = DeviceFull if error.errno in FULL_ERRNOS else DeviceUnusable
    return kind(path, str(error))
