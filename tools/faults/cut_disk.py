"""A file system on a loop device, and its power cut.

Three ways, each harsher than the one before. `xfs` and `ext4` are shut down by ioctl: pages and
journal entries that were not written yet are gone, while every block that had been sent to the
device is there. With `volatile` the device loses its cache as well: its image is a file on a second
file system, which is shut down instead, so that of what was sent to the device only that is sure
which a flush had followed. (Pages that the kernel happened to write out may be there or not.)

All of it is mounted in a mount namespace of this process and of those that it starts. Elsewhere a
process that gets a namespace of its own meanwhile would take the mount along and keep it; to mount
the image again would then give the file system that was shut down, and EIO for everything.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import struct
import subprocess
import time
from pathlib import Path

_SHUTDOWN = 0x8004587D
"""XFS_IOC_GOINGDOWN, EXT4_IOC_SHUTDOWN: one number."""
_FLUSH_LOG, _LOSE_LOG = 1, 2
_MAKE = {
    "xfs": ("mkfs.xfs", "-q", "-i", "size=1024"),
    "ext4": ("mkfs.ext4", "-q", "-I", "1024", "-E", "lazy_itable_init=0"),
}
KINDS = tuple(_MAKE)
_CLONE_NEWNS = 0x00020000


class Disk:
    """A sparse image mounted on a folder of our own; folder must be on a real disk.

    To be made before other threads are: those would stay behind in the old namespace.
    """

    def __init__(self, folder: Path, size_gib: int, kind: str, *, volatile: bool) -> None:
        _keep_mounts_to_ourselves()
        self.mount_point = folder / "disk"
        self.mount_point.mkdir()
        self._outer = folder / "cache" if volatile else None
        self._outer_image = folder / "cache.img"
        if self._outer is not None:
            self._outer.mkdir()
            _make("xfs", self._outer_image, size_gib + 1)
            _mount(self._outer_image, self._outer)
        self._image = (self._outer or folder) / "disk.img"
        _make(kind, self._image, size_gib)
        if self._outer is not None:
            os.sync()  # mkfs is not what is tried here
        _mount(self._image, self.mount_point)

    def mount(self) -> None:
        if self._outer is not None:
            _mount(self._outer_image, self._outer)
        _mount(self._image, self.mount_point)

    def cut_power(self, *, flush_log: bool) -> None:
        """flush_log: the journal of the file system gets out at the last moment."""
        descriptor = os.open(self._outer or self.mount_point, os.O_RDONLY | os.O_DIRECTORY)
        try:
            flag = struct.pack("I", _FLUSH_LOG if flush_log else _LOSE_LOG)
            fcntl.ioctl(descriptor, _SHUTDOWN, flag)
        finally:
            os.close(descriptor)

    def unmount(self) -> None:
        _unmount(self.mount_point)
        if self._outer is not None:
            _unmount(self._outer)


def _keep_mounts_to_ourselves() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNS):
        raise OSError(ctypes.get_errno(), "no mount namespace of our own")
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)


def _make(kind: str, image: Path, size_gib: int) -> None:
    with image.open("wb") as handle:
        handle.truncate(size_gib << 30)
    subprocess.run([*_MAKE[kind], str(image)], check=True)


def _mount(image: Path, place: Path) -> None:
    subprocess.run(["mount", "-o", "loop,noatime", str(image), str(place)], check=True)


def _unmount(place: Path) -> None:
    done = subprocess.run(["umount", str(place)], capture_output=True)
    for _ in range(100):
        if done.returncode == 0:
            return
        time.sleep(0.1)
        done = subprocess.run(["umount", str(place)], capture_output=True)
    raise OSError(f"cannot unmount {place}: {done.stderr.decode().strip()}")
