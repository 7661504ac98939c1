"""Rows that OpenStack Swift acknowledged and left beside a database, not merged yet.

A pending file is a run of `:` + base64 of a pickled tuple. swiftlite never writes one: it merges
what it finds, under the directory's lock, when the database is first used. Merging twice does no
harm, so the file is emptied only after the rows are durable. Source: doc/formats/pending-file.md.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Callable, Sequence
from typing import TypeVar

from swiftlite.formats import swift_pickle
from swiftlite.host.disk import Disk

Row = TypeVar("Row")
_MOST_BYTES = 64 << 20  # Swift merges at 128 KiB; more than this is not a pending file


def has_pending(disk: Disk, path: str) -> bool:
    """Whether there is a pending file with anything in it."""
    try:
        return disk.stat(path).st_size > 0
    except FileNotFoundError:
        return False


def read_pending(disk: Disk, path: str) -> bytes:
    fd = disk.open(path, os.O_RDONLY)
    try:
        size = min(disk.fstat(fd).st_size, _MOST_BYTES)
        return disk.pread(fd, size, 0)
    finally:
        disk.close(fd)


def empty_pending(disk: Disk, path: str) -> None:
    """Cut the file to nothing; the caller holds the directory's lock."""
    fd = disk.open(path, os.O_WRONLY)
    try:
        disk.truncate(fd, 0)
    finally:
        disk.close(fd)


def parse_pending(
    blob: bytes, row_of: Callable[[Sequence[object]], Row]
) -> tuple[list[Row], list[str]]:
    """The rows of a pending file, and a sentence for each entry that is none.

    A torn last entry is what a crash leaves; Swift never acknowledged it.
    """
    rows: list[Row] = []
    faults: list[str] = []
    for entry in blob.split(b":"):
        if not entry:
            continue
        try:
            value = swift_pickle.loads(base64.b64decode(entry, validate=True))
            if not isinstance(value, tuple | list):
                raise ValueError("not a tuple")
            rows.append(row_of([_as_text(item) for item in value]))
        except (ValueError, binascii.Error, swift_pickle.PickleUnreadable) as error:
            faults.append(f"{error}: {entry[:120]!r}")
    return rows, faults


def _as_text(item: object) -> object:
    """Python 2 wrote byte strings."""
    return item.decode("utf-8") if isinstance(item, bytes) else item
