"""Which disks are mounted for the cluster, and what the kernel calls them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Mounted:
    """kernel_name is what the kernel's log says: sda1."""

    mount_point: str
    block_device: str
    kernel_name: str


def mounted_below(folder: str, proc: str = "/proc") -> list[Mounted]:
    """File systems mounted below a folder whose block device is known to the kernel."""
    names = _kernel_names(proc)
    found = []
    for line in Path(proc, "mounts").read_text().splitlines():
        block_device, mount_point = (_unescaped(word) for word in line.split()[:2])
        if not mount_point.startswith(folder.rstrip("/") + "/"):
            continue
        try:
            device = os.stat(block_device).st_rdev
        except OSError:
            continue  # a tmpfs, or a disk that has gone altogether
        name = names.get((os.major(device), os.minor(device)))
        if name is not None:
            found.append(Mounted(mount_point, block_device, name))
    return found


def _kernel_names(proc: str) -> dict[tuple[int, int], str]:
    found = {}
    for line in Path(proc, "partitions").read_text().splitlines()[2:]:
        major, minor, _, name = line.split()
        found[int(major), int(minor)] = name
    return found


def _unescaped(word: str) -> str:
    """Blanks and the like are octal in /proc/mounts."""
    for octal, character in ((r"\040", " "), (r"\011", "\t"), (r"\134", "\\")):
        word = word.replace(octal, character)
    return word


def without_mount(fstab: str, mount_point: str) -> str:
    """The text of an fstab with the lines of one mount point as comments."""
    lines = fstab.splitlines(keepends=True)
    return "".join(f"#{line}" if _mounts(line, mount_point) else line for line in lines)


def _mounts(line: str, mount_point: str) -> bool:
    words = line.split()
    return len(words) > 2 and not line.startswith("#") and _unescaped(words[1]) == mount_point
