"""Counting complaints in the kernel's log, newest lines first, as far back as asked."""

from __future__ import annotations

import glob
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

_BLOCK = 1 << 16
_BOOTED = ("[    0.000000]", "KERNEL supported cpus:", "BIOS-provided physical RAM map:")


def complaints(
    pattern: str,
    encoding: str,
    finders: Sequence[re.Pattern[str]],
    now: datetime,
    minutes: int,
) -> Counter[str]:
    """How many lines name each device. Only since the last boot. Raises OSError."""
    paths = sorted(glob.glob(pattern), key=os.path.getmtime, reverse=True)
    lines = (line.decode(encoding, "surrogateescape") for path in paths for line in backward(path))
    return count(lines, finders, now, minutes)


def count(
    lines: Iterable[str], finders: Sequence[re.Pattern[str]], now: datetime, minutes: int
) -> Counter[str]:
    """lines: newest first. A line whose time cannot be read is passed over."""
    oldest = now - timedelta(minutes=minutes)
    found: Counter[str] = Counter()
    for line in lines:
        if any(mark in line for mark in _BOOTED):
            break
        moment = time_of(line, now)
        if moment is None:
            continue
        if moment <= oldest:
            break
        for finder in finders:
            found.update(finder.findall(line))
    return found


def time_of(line: str, now: datetime) -> datetime | None:
    """`Nov  7 12:00:00` (of the year that makes it no later than now), or ISO 8601."""
    words = line.split()[:3]
    for year in (now.year, now.year - 1):
        try:
            moment = datetime.strptime(f"{year} {' '.join(words)}", "%Y %b %d %H:%M:%S")
        except ValueError:
            break
        if moment <= now + timedelta(days=1):
            return moment
    try:
        return datetime.strptime(line[:19], "%Y-%m-%dT%H:%M:%S")
    except ValueError:
        return None


def backward(path: str) -> Iterator[bytes]:
    """The lines of a file, last one first."""
    with open(path, "rb") as source:
        position = source.seek(0, os.SEEK_END)
        rest = b""
        while position > 0:
            size = min(_BLOCK, position)
            position -= size
            source.seek(position)
            lines = (source.read(size) + rest).split(b"\n")
            rest = lines[0]
            yield from (line for line in reversed(lines[1:]) if line)
        if rest:
            yield rest
