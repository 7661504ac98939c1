"""Recon caches: what background passes and servers leave for operators' tools to read.

One file for each kind of server (`object.recon`, …) in recon_cache_path, updated key by key.
Several processes write the same file, hence the lock; readers see the old or the new content.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from swiftlite.formats.recon_cache import merge_recon, parse_recon
from swiftlite.host.disk import Disk

_LOCK_TIMEOUT_S = 2.0
_CACHE_BYTES_MAX = 1 << 24


def dump(disk: Disk, path: str, updates: Mapping[str, object]) -> None:
    """Put updates into a cache, making it if missing.

    An empty dict removes its key. Raises OSError (a directory that is not there, TimeoutError
    for the lock): the caller logs it and goes on, for nothing depends on these files.
    """
    # The lock is a file of its own: one on the cache itself would guard the file replaced.
    with disk.flock(f"{path}.lock", _LOCK_TIMEOUT_S):
        content = merge_recon(_content(disk, path), updates)
        fd = disk.open(f"{path}.new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        try:
            disk.write(fd, content)
        finally:
            disk.close(fd)
        disk.rename(f"{path}.new", path)


def load(disk: Disk, path: str) -> dict[str, object]:
    """What a cache says; nothing where there is none."""
    return parse_recon(_content(disk, path))


def _content(disk: Disk, path: str) -> bytes:
    try:
        fd = disk.open(path)
    except FileNotFoundError:
        return b""
    try:
        return disk.read(fd, _CACHE_BYTES_MAX)
    finally:
        disk.close(fd)
