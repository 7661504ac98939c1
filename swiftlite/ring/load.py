"""Ring files read and written: from a path to checked contents, and from an image to a path."""

from __future__ import annotations

import os

from swiftlite.formats import ring_file
from swiftlite.formats.ring_file import RingImage
from swiftlite.formats.ring_parts import RingFileUnreadable

from .contents import Contents
from .errors import RingFileError
from .files import read_file, replace_file
from .mapped import open_map, write_map


def load_image(path: str) -> RingImage:
    """What a ring file says, not yet checked against its own device list."""
    try:
        return ring_file.decode(read_file(path))
    except RingFileUnreadable as fault:
        raise RingFileError(path, str(fault)) from None
    except MemoryError:
        raise RingFileError(path, "too large for this machine's memory") from None


def load_contents(path: str, *, map_dir: str | None = None) -> Contents:
    """What is in a ring file; see Ring.load. Raises RingFileError."""
    if map_dir is not None:
        shared = open_map(path, map_dir)
        if shared is not None:
            return shared
    found = Contents.of(load_image(path), path)
    if map_dir is not None and write_map(found, path, map_dir):
        # Once the copy is there, this process shares it too.
        return open_map(path, map_dir) or found
    return found


def save_image(image: RingImage, path: str, *, format_version: int = 1) -> None:
    """Write a ring file in one step. Raises RingFileError."""
    name = os.path.basename(path).removesuffix(".gz")
    try:
        blob = ring_file.encode(image, name, format_version)
    except ring_file.RingFileUnwritable as fault:
        raise RingFileError(path, str(fault)) from None
    replace_file(path, [blob])
