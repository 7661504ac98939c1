"""A listing with its delimiter: rows, and one entry for all names of a folder.

Reads rows in chunks and folds them; where most of what it reads disappears into folders, it hops
from folder to folder instead. Either way alone would be slow for the other's containers.
"""

from __future__ import annotations

import sqlite3
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from swiftlite.dbstore.listing import Fields, Reader, Source, Span, Window, after_prefix, span_of

_FIRST_CHUNK = 128
_GROWTH = 4
_HOPS = 1000
_NAMED = 250  # names in one IN
_SPARSE = 6
"""Rows read per entry shown, above which hopping is cheaper (a row 0.8 µs, a hop 4-5)."""


@dataclass(frozen=True, slots=True)
class Folder:
    """All names that start with this one."""

    name: str


Entry = Fields | Folder


def list_entries(sql: sqlite3.Connection, source: Source, window: Window) -> list[Entry]:
    """At most limit entries of the window, in order."""
    span = span_of(window)
    if window.limit <= 0 or span.empty:
        return []
    reader = Reader(sql, source, window)
    _, delimiter = window.start
    if not delimiter:
        return list(reader.rows(span, window.limit))
    return _Folding(reader, window, span).entries()


class _Folding:
    def __init__(self, reader: Reader, window: Window, span: Span) -> None:
        self._reader = reader
        self._window = window
        self._prefix, self._delimiter = window.start
        self._span = span
        self._found: list[Entry] = []
        self._ended = False
        deep_last = window.path is not None and window.reverse
        self._may_hop = not (
            deep_last
            or window.include_deleted
            or "\x00" in self._prefix + self._delimiter
            or self._delimiter[-1] == "\U0010ffff"
        )

    def entries(self) -> list[Entry]:
        hopping = False
        chunk = _FIRST_CHUNK
        while self._wanted and not self._ended and not self._span.empty:
            if hopping:
                hopping = self._hop()
                chunk = _FIRST_CHUNK
            else:
                hopping = self._scan(chunk)
                chunk *= _GROWTH
        return self._found

    @property
    def _wanted(self) -> int:
        return self._window.limit - len(self._found)

    def _scan(self, chunk: int) -> bool:
        """Read and fold some rows; whether to hop from here."""
        asked = min(chunk, self._wanted)
        rows = self._reader.rows(self._span, asked)
        names = [row[0] for row in rows]
        shown = len(self._found)
        index = 0
        while index < len(rows) and self._wanted:
            index = self._take(names[index], rows[index], names, index)
        if len(rows) < asked and index == len(rows):
            self._ended = True
        return self._may_hop and len(rows) > _SPARSE * max(1, len(self._found) - shown)

    def _hop(self) -> bool:
        """Hop over folders; whether to go on so."""
        names = self._reader.hops(
            self._span, len(self._prefix), self._delimiter, min(_HOPS, self._wanted)
        )
        if names is None:
            self._may_hop = False
            return False
        plain = [name for name in names if self._folder_of(name) is None]
        rows: dict[str, Fields] = {}
        for start in range(0, len(plain), _NAMED):
            rows.update(self._reader.named(plain[start : start + _NAMED]))
        for name in names:
            self._take(name, rows.get(name, ()), (), 0)
        if not names:
            self._ended = True
            return False
        return len(plain) * 2 <= len(names) and "\x00" not in names[-1]

    def _take(self, name: str, row: Fields, names: Sequence[str], index: int) -> int:
        """Show a name, or the folder that it is in; the index of the first name beyond."""
        folder = self._folder_of(name)
        if folder is None:
            if row and not self._is_the_path(name):
                self._found.append(row)
            self._move(name if self._window.reverse else f"{name}\x00")
            return index + 1
        if self._window.path is None and folder != self._window.low:
            self._found.append(Folder(folder))
        if self._window.reverse:
            # A level's folder marker `a/` is itself listed by path=, below all that is in a/.
            bound = folder if self._window.path is None else f"{folder}\x00"
            self._move(bound)
            return bisect_left(names, _Descending(bound), index, key=_Descending)
        after = after_prefix(folder)
        if after is None:
            self._ended = True
            return len(names)
        self._move(after)
        return bisect_left(names, after, index)

    def _folder_of(self, name: str) -> str | None:
        at = name.find(self._delimiter, len(self._prefix))
        if at < 0:
            return None
        stop = at + len(self._delimiter)
        if self._window.path is not None and stop == len(name):
            return None  # the folder's own marker belongs to the level
        return name[:stop]

    def _is_the_path(self, name: str) -> bool:
        return self._window.path is not None and name == self._prefix

    def _move(self, bound: str) -> None:
        """Nothing before bound (in the direction of the listing) is of interest any more."""
        if self._window.reverse:
            self._span = Span(self._span.first, bound)
        else:
            self._span = Span(bound, self._span.stop)


@dataclass(frozen=True, slots=True)
class _Descending:
    """Text ordered from Z to A, for bisecting; equal to the bound counts as before it."""

    text: str

    def __lt__(self, other: _Descending) -> bool:
        return self.text >= other.text
