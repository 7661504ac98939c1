"""The Range header: which bytes of a body are asked for.

Parsing knows nothing of the body; for_length applies the ranges to one. A header that is no byte
range parses to None and is ignored, as RFC 9110 wants; ranges that all miss the body, or that
look like an attack, become an empty list, which is answered 416.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

# Beyond these a set of ranges is refused: Swift's numbers, for the reason in RFC 9110 (17.15).
RANGES_MAX = 50
OVERLAPS_MAX = 2
UNORDERED_STOP = 8


@dataclass(frozen=True, slots=True)
class Range:
    """Pairs of (first, last), inclusive: `5-9` (5, 9), `5-` (5, None), the last 5 (None, 5)."""

    ranges: tuple[tuple[int | None, int | None], ...]

    def for_length(self, length: int) -> list[tuple[int, int]]:
        """Half-open (start, stop) pairs within a body; empty when none can be satisfied (416)."""
        found = [span for pair in self.ranges if (span := _applied(pair, length)) is not None]
        if len(found) > 1 and _is_abuse(found):
            return []
        return found

    def __str__(self) -> str:
        texts = [
            f"{'' if first is None else first}-{'' if last is None else last}"
            for first, last in self.ranges
        ]
        return "bytes=" + ",".join(texts)


def parse_range(header: str | None) -> Range | None:
    """Read a Range header; None when there is none or it is not a valid set of byte ranges."""
    if not header or not header.startswith("bytes="):
        return None
    pairs: list[tuple[int | None, int | None]] = []
    for text in header[6:].split(","):
        pair = _parse_pair(text.strip())
        if pair is None:
            return None
        pairs.append(pair)
    return Range(tuple(pairs))


def _parse_pair(text: str) -> tuple[int | None, int | None] | None:
    first, dash, last = text.partition("-")
    if not dash or not (first or last) or len(text) > 64:
        return None
    if not (text.isascii() and (first + last).isdigit()):
        return None
    pair = (int(first) if first else None, int(last) if last else None)
    if pair[0] is not None and pair[1] is not None and pair[0] > pair[1]:
        return None
    return pair


def _applied(pair: tuple[int | None, int | None], length: int) -> tuple[int, int] | None:
    first, last = pair
    if first is None:
        if not last or not length:
            return None
        return max(0, length - last), length
    if first >= length:
        return None
    return first, length if last is None else min(last + 1, length)


def _is_abuse(spans: list[tuple[int, int]]) -> bool:
    """Too many ranges, too many that overlap, or many in no order."""
    if len(spans) > RANGES_MAX:
        return True
    overlaps = sum(
        _overlap(one, other) for index, one in enumerate(spans) for other in spans[index + 1 :]
    )
    if overlaps > OVERLAPS_MAX:
        return True
    ascending = all(one <= other for one, other in pairwise(spans))
    return not ascending and len(spans) >= UNORDERED_STOP


def _overlap(one: tuple[int, int], other: tuple[int, int]) -> bool:
    """Swift counts strict crossings only: equal ranges do not overlap in its eyes."""
    (start, stop), (other_start, other_stop) = one, other
    return (
        start < other_start < stop
        or start < other_stop < stop
        or other_start < start < other_stop
        or other_start < stop < other_stop
    )
