"""What each partition of a device weighs, counted file by file and left for the recon filter."""

from __future__ import annotations

from collections.abc import Iterator
from stat import S_ISDIR

from swiftlite.formats.ondisk_names import is_hash, is_partition, is_suffix, parse_policy_dir
from swiftlite.host.disk import Disk

EACH_MAX = 20_000
"""Partitions of a device that are told one by one; of more, only the sum."""
_DIRECTORIES = ("objects", "containers", "accounts")


def measured(disk: Disk, device_path: str) -> dict[str, object]:
    """By directory (objects, objects-1, containers, accounts): how many partitions, and bytes and
    files of each. Sizes are of files as they would travel."""
    found: dict[str, object] = {}
    for directory in sorted(_names(disk, device_path)):
        parsed = parse_policy_dir(directory)
        if parsed is None or parsed[0] not in _DIRECTORIES:
            continue
        each = {
            int(name): _weight(disk, f"{device_path}/{directory}/{name}")
            for name in _names(disk, f"{device_path}/{directory}")
            if is_partition(name)
        }
        found[directory] = {
            "count": len(each),
            "bytes": sum(size for size, _ in each.values()),
            "files": sum(files for _, files in each.values()),
            "each": {str(p): pair for p, pair in each.items()} if len(each) <= EACH_MAX else {},
        }
    return found


def _weight(disk: Disk, partition: str) -> tuple[int, int]:
    """Bytes and files below hash directories; what is kept beside them is made anew elsewhere."""
    size = files = 0
    for path in _hash_dirs(disk, partition):
        for name in _names(disk, path):
            try:
                size += disk.stat(f"{path}/{name}").st_size
            except OSError:
                continue  # replaced meanwhile
            files += 1
    return size, files


def _hash_dirs(disk: Disk, partition: str) -> Iterator[str]:
    for suffix in _names(disk, partition):
        if is_suffix(suffix):
            for name in _names(disk, f"{partition}/{suffix}"):
                if is_hash(name):
                    yield f"{partition}/{suffix}/{name}"


def _names(disk: Disk, path: str) -> list[str]:
    try:
        return disk.listdir(path)
    except OSError:
        return []


def devices(disk: Disk, root: str) -> list[str]:
    """Names of the directories below which devices are mounted."""
    return [name for name in sorted(_names(disk, root)) if _is_directory(disk, f"{root}/{name}")]


def _is_directory(disk: Disk, path: str) -> bool:
    try:
        return S_ISDIR(disk.stat(path).st_mode)
    except OSError:
        return False
