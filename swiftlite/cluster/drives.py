"""Checks of the devices: mounted, how full, how much is in their quarantines."""

from __future__ import annotations

import os
from collections.abc import Iterator
from stat import S_ISDIR

from swiftlite.formats.ondisk_names import QUARANTINED, parse_policy_dir
from swiftlite.host.disk import Disk

KINDS = ("objects", "containers", "accounts")


def devices(disk: Disk, root: str) -> dict[str, list[str] | None]:
    try:
        return {root: disk.listdir(root)}
    except OSError:
        return {root: None}


def unmounted(disk: Disk, root: str) -> list[dict[str, object]]:
    """mounted: False, or the error that a broken device gives."""
    states = ((name, _mounted(disk, f"{root}/{name}")) for name in _directories(disk, root))
    return [{"device": name, "mounted": state} for name, state in states if state is not True]


def disk_usage(disk: Disk, root: str, *, mount_check: bool = True) -> list[dict[str, object]]:
    """mount_check: False where devices need not be file systems of their own."""
    return [_usage(disk, root, name, mount_check) for name in _directories(disk, root)]


def read_only(disk: Disk, path: str) -> bool:
    """Whether a file system takes no writes: as it was mounted, or since it met an error."""
    try:
        return bool(disk.statvfs(path).f_flag & os.ST_RDONLY)
    except OSError:
        return True


def quarantined(disk: Disk, root: str) -> dict[str, object]:
    """By kind, and objects by policy too. A directory's links tell how many it holds."""
    counts = dict.fromkeys(KINDS, 0)
    policies: dict[str, dict[str, int]] = {}
    for device in _names(disk, root):
        below = f"{root}/{device}/{QUARANTINED}"
        for kind in _names(disk, below):
            count = _directories_in(disk, f"{below}/{kind}")
            policy = parse_policy_dir(kind)
            if count and policy is not None and policy[0] == "objects":
                counts["objects"] += count
                of_policy = policies.setdefault(str(policy[1]), {"objects": 0})
                of_policy["objects"] += count
            elif count and kind in counts:
                counts[kind] += count
    return {**counts, "policies": policies}


def _directories_in(disk: Disk, path: str) -> int:
    try:
        return max(0, disk.lstat(path).st_nlink - 2)
    except OSError:
        return 0


def _directories(disk: Disk, root: str) -> Iterator[str]:
    """Entries that are directories, or that a failing disk does not let us see the kind of."""
    for name in _names(disk, root):
        try:
            if S_ISDIR(disk.stat(f"{root}/{name}").st_mode):
                yield name
        except FileNotFoundError:
            pass
        except OSError:
            yield name


def _names(disk: Disk, path: str) -> list[str]:
    try:
        return disk.listdir(path)
    except OSError:
        return []


def _mounted(disk: Disk, path: str) -> bool | str:
    try:
        return disk.is_mount(path)
    except OSError as error:
        return str(error)


def _usage(disk: Disk, root: str, name: str, mount_check: bool) -> dict[str, object]:
    state = not mount_check or _mounted(disk, f"{root}/{name}")
    usage: dict[str, object] = {"device": name, "mounted": state}
    if state is True:
        try:
            found = disk.statvfs(f"{root}/{name}")
        except OSError as error:
            usage["mounted"] = str(error)
        else:
            size, free = found.f_blocks * found.f_bsize, found.f_bavail * found.f_bsize
            return {**usage, "size": size, "used": size - free, "avail": free}
    return {**usage, "size": "", "used": "", "avail": ""}
