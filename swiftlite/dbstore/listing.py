"""Listings: names in order between two bounds, folded at a delimiter, out of an indexed table.

Every query seeks by ONE lower bound: two of them in one WHERE make SQLite seek by the wrong one
(41 s instead of 19 ms). And a query is one step: its rows come back as one text, because every
step of a statement gives Python's lock away and must win it back. A listing of 10,000 rows in a
thread beside a busy loop took 118-3,600 ms row by row and takes 16-19 ms in one step.

Order is by UTF-8 bytes, which is also how Python orders text.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from swiftlite.vocab.names import RESERVED

_SEPARATOR = "\x1f"
_LAST_CHAR = "\U0010ffff"
_SURROGATES = range(0xD800, 0xE000)


@dataclass(frozen=True, slots=True)
class Window:
    """What part of the names to list, and how. Names strictly between marker and end_marker.

    In reverse the listing starts just below marker and ends above end_marker. path lists one level
    of pseudo folders as Swift's old interface has it, and overrides prefix and delimiter.
    """

    limit: int
    marker: str = ""
    end_marker: str = ""
    prefix: str = ""
    delimiter: str = ""
    path: str | None = None
    reverse: bool = False
    allow_reserved: bool = False
    include_deleted: bool = False

    @property
    def start(self) -> tuple[str, str]:
        """Prefix and delimiter in force."""
        if self.path is None:
            return self.prefix, self.delimiter
        return self.path.rstrip("/") + "/" if self.path else "", "/"

    @property
    def low(self) -> str:
        """The marker at the low end, whichever that is; exclusive, "" for none."""
        return self.end_marker if self.reverse else self.marker

    @property
    def high(self) -> str:
        """The marker at the high end; exclusive, "" for none."""
        return self.marker if self.reverse else self.end_marker


@dataclass(frozen=True, slots=True)
class Source:
    """The table that is listed. columns are those of a row, the name first.

    where: a further condition on a row, with its named arguments.
    """

    table: str
    columns: tuple[str, ...]
    where: str = "1"
    arguments: Mapping[str, object] = field(default_factory=dict)


Fields = Sequence[str]
"""A row as texts, in the order of the source's columns; NULL is empty."""


@dataclass(frozen=True, slots=True)
class Span:
    """Names first <= name < stop; stop None means no bound."""

    first: str
    stop: str | None

    @property
    def empty(self) -> bool:
        return self.stop is not None and self.first >= self.stop


def after_prefix(prefix: str) -> str | None:
    """The least text above everything that starts with prefix; None when there is none."""
    kept = prefix.rstrip(_LAST_CHAR)
    if not kept:
        return None
    code = ord(kept[-1]) + 1
    return kept[:-1] + chr(_SURROGATES.stop if code in _SURROGATES else code)


def span_of(window: Window) -> Span:
    """The names that can be in a listing before folding."""
    prefix, _ = window.start
    # The least text above a marker is the marker and a NUL, so one kind of bound serves all.
    first = max(f"{window.low}\x00" if window.low else "", prefix)
    if not window.allow_reserved:
        first = max(first, chr(ord(RESERVED) + 1))
    stops = [stop for stop in (window.high or None, after_prefix(prefix)) if stop is not None]
    return Span(first, min(stops, default=None))


class Reader:
    """The queries of a listing, each in one step."""

    def __init__(self, sql: sqlite3.Connection, source: Source, window: Window) -> None:
        self._sql = sql
        self._source = source
        self._reverse = window.reverse
        deleted = "deleted IN (0, 1)" if window.include_deleted else "deleted = 0"
        self._condition = f"{deleted} AND {source.where}"
        self._order = "ORDER BY name DESC" if window.reverse else "ORDER BY name"

    def rows(self, span: Span, limit: int) -> list[Fields]:
        """Rows of the span from its near end."""
        bounds = "" if span.stop is None else " AND name < :stop"
        query = (
            f"SELECT {', '.join(self._source.columns)} FROM {self._source.table} "
            f"WHERE {self._condition} AND name >= :first{bounds} {self._order} LIMIT :limit"
        )
        arguments = {**self._source.arguments, "first": span.first, "limit": limit}
        if span.stop is not None:
            arguments["stop"] = span.stop
        return self._fields(query, arguments)

    def named(self, names: Sequence[str]) -> dict[str, Fields]:
        """The rows of these names."""
        arguments = {f"n{index}": name for index, name in enumerate(names)}
        query = (
            f"SELECT {', '.join(self._source.columns)} FROM {self._source.table} "
            f"WHERE {self._condition} AND name IN ({', '.join(f':{key}' for key in arguments)})"
        )
        fields = self._fields(query, {**self._source.arguments, **arguments})
        return {row[0]: row for row in fields}

    def _fields(self, query: str, arguments: Mapping[str, object]) -> list[Fields]:
        columns = self._source.columns
        width = len(columns)
        joined = f" || '{_SEPARATOR}' || ".join(columns)
        count, text = self._sql.execute(
            f"SELECT count(*), group_concat({joined}, '{_SEPARATOR}') FROM ({query})", arguments
        ).fetchone()
        if not count:
            return []
        parts = text.split(_SEPARATOR) if text else []
        if len(parts) == count * width:
            return list(zip(*[iter(parts)] * width, strict=True))
        # Some field holds the separator, or is NULL.
        found = self._sql.execute(query, arguments).fetchall()
        return [tuple("" if value is None else str(value) for value in row) for row in found]

    def hops(self, span: Span, skip: int, delimiter: str, limit: int) -> list[str] | None:
        """One name of each folder, and each name outside folders, from the span's near end.

        skip: characters of the prefix. A recursive query finds a name, works out where the next
        can be, and seeks there. It ends early after a name with a NUL, which SQLite's text
        functions cannot see beyond; None when a name cannot be told from its neighbours.
        """
        assert delimiter[-1] != _LAST_CHAR
        assert "\x00" not in delimiter
        at = "instr(substr(hop.name, :skip + 1), :delimiter)"
        if self._reverse:
            far = (
                f"CASE {at} WHEN 0 THEN hop.name ELSE substr(hop.name, 1, :skip + {at} + :less) END"
            )
            near_bounds = "AND name >= :first" + ("" if span.stop is None else " AND name < :stop")
            far_bounds = f"AND name >= :first AND name < {far}"
        else:
            far = (
                f"CASE {at} WHEN 0 THEN hop.name || char(0) "
                f"ELSE substr(hop.name, 1, :skip + {at} - 1) || :after END"
            )
            stop = "" if span.stop is None else " AND name < :stop"
            near_bounds = f"AND name >= :first{stop}"
            far_bounds = f"AND name >= {far}{stop}"
        seek = f"SELECT name FROM {self._source.table} WHERE {self._condition}"
        query = (
            f"WITH RECURSIVE hop (name, left) AS ("
            f"SELECT ({seek} {near_bounds} {self._order} LIMIT 1), :limit UNION ALL "
            f"SELECT ({seek} {far_bounds} {self._order} LIMIT 1), left - 1 FROM hop "
            "WHERE hop.name IS NOT NULL AND left > 1 AND instr(hop.name, char(0)) = 0) "
            f"SELECT count(name), group_concat(name, '{_SEPARATOR}') FROM hop "
            "WHERE name IS NOT NULL"
        )
        arguments = {
            **self._source.arguments,
            "first": span.first,
            "stop": span.stop,
            "limit": limit,
            "skip": skip,
            "delimiter": delimiter,
            "after": after_prefix(delimiter),
            "less": len(delimiter) - 1,
        }
        count, text = self._sql.execute(query, arguments).fetchone()
        names = text.split(_SEPARATOR) if count else []
        return names if len(names) == count else None
