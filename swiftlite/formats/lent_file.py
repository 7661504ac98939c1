"""A file that an object server lends to a proxy on the same host: how a header names it.

    <device number>:<inode>:<bytes>:<1 if it shall not stay in the page cache, or 0>:<path>

The path is opened anew; the numbers tell whether it is still the same file. Bytes are those of the
whole file for a reader, and of the body to come for a writer. Source: doc/formats/lent-file.md.
"""

from __future__ import annotations

from typing import NamedTuple

from swiftlite.vocab.names import quote_path, unquote_path


class LentFile(NamedTuple):
    device: int
    inode: int
    length: int
    drops_cache: bool
    path: str


def render_lent(lent: LentFile) -> str:
    numbers = f"{lent.device}:{lent.inode}:{lent.length}:{lent.drops_cache:d}"
    return f"{numbers}:{quote_path(lent.path)}"


def parse_lent(text: str) -> LentFile:
    """Raises ValueError."""
    *fields, path = text.split(":", 4)
    numbers = [int(digits) for digits in fields if digits.isascii()]
    if len(numbers) != 4 or min(numbers) < 0 or not path.startswith("/"):
        raise ValueError(f"no lent file: {text!r}")
    device, inode, length, drops_cache = numbers
    return LentFile(device, inode, length, bool(drops_cache), unquote_path(path))
