"""Timestamps as Swift writes them: a count of 10 µs, and an offset that orders internal rewrites.

Knows the text forms (normal, internal, short, inverse, combined) and nothing of clocks: a caller
passes seconds in. Sorting the internal form as text sorts the timestamps.
Source: doc/formats/timestamp.md.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import lru_cache

RAW_PER_SECOND = 100_000
RAW_STOP = 10**10 * RAW_PER_SECOND  # seconds keep ten digits
OFFSET_STOP = 1 << 64
INVERSE_BASE = RAW_STOP - 1
_EPOCH = datetime(1970, 1, 1)  # UTC, without saying so: isoformat() would add it


class Timestamp:
    """A moment of the cluster. Immutable by convention: nobody assigns to it once made."""

    __slots__ = ("offset", "raw")

    def __init__(self, raw: int, offset: int = 0) -> None:
        """raw counts 10 µs since the epoch; raises ValueError when either leaves its range."""
        if not 0 <= raw < RAW_STOP:
            raise ValueError(f"timestamp out of range: {raw} units of 10 µs")
        if not 0 <= offset < OFFSET_STOP:
            raise ValueError(f"timestamp offset out of range: {offset}")
        self.raw = raw
        self.offset = offset

    @classmethod
    def from_seconds(cls, seconds: float) -> Timestamp:
        """Round to the nearest 10 µs. Raises ValueError for NaN, infinities and negatives."""
        try:
            return cls(round(seconds * RAW_PER_SECOND))
        except OverflowError as error:
            raise ValueError(f"timestamp out of range: {seconds}") from error

    @classmethod
    def from_text(cls, text: str) -> Timestamp:
        """Read any written form: `1700000000.00000`, `1700000000`, `1700000000.1_000000000000000a`.

        Raises ValueError. The sixteen characters of the normal form are read exactly, as one
        integer; other spellings go through float, as they do in Swift.
        """
        if len(text) == 16 and text[10] == "." and text.isascii():
            digits = text[:10] + text[11:]
            if digits.isdigit():
                made = object.__new__(cls)  # fifteen digits are in range
                made.raw = int(digits)
                made.offset = 0
                return made
        if "_" in text:
            moment, _, tail = text.partition("_")
            if not 1 <= len(tail) <= 16 or not _is_hex(tail):
                raise ValueError(f"not a timestamp offset: {text[:80]!r}")
            return cls(cls.from_text(moment).raw, int(tail, 16))
        if len(text) > 64 or not text.isascii():
            raise ValueError(f"not a timestamp: {text[:80]!r}")
        return cls.from_seconds(float(text))

    @property
    def normal(self) -> str:
        """Sixteen characters, `0000001234.50000`; loses the offset."""
        digits = str(self.raw).zfill(15)
        return f"{digits[:10]}.{digits[10:]}"

    @property
    def internal(self) -> str:
        """The form stored and sent between nodes: normal, then `_` and 16 hex digits if offset."""
        if self.offset:
            return f"{self.normal}_{self.offset:016x}"
        return self.normal

    @property
    def short(self) -> str:
        """Like internal with the offset unpadded."""
        if self.offset:
            return f"{self.normal}_{self.offset:x}"
        return self.normal

    @property
    def seconds(self) -> float:
        return self.raw / RAW_PER_SECOND

    @property
    def inverse(self) -> Timestamp:
        """Sorts opposite to self; an involution. Object versions are named by it."""
        if self.offset:
            return Timestamp(INVERSE_BASE - self.raw - 1, OFFSET_STOP - self.offset)
        return Timestamp(INVERSE_BASE - self.raw)

    def ceil(self) -> int:
        """Whole seconds, rounded up: what Last-Modified shows, so that it is never too early."""
        return -(-self.raw // RAW_PER_SECOND)

    @property
    def isoformat(self) -> str:
        """UTC, six decimals, no zone: `2026-01-31T12:00:00.123450`, as listings show it."""
        seconds, units = divmod(self.raw, RAW_PER_SECOND)
        return f"{iso_second(seconds)}.{units:05d}0"

    def plus(self, raw: int) -> Timestamp:
        """Moved by a number of 10 µs units; drops the offset when it moves at all."""
        return Timestamp(self.raw + raw) if raw else self

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Timestamp):
            return NotImplemented
        return self.raw == other.raw and self.offset == other.offset

    def __lt__(self, other: Timestamp) -> bool:
        if self.raw != other.raw:
            return self.raw < other.raw
        return self.offset < other.offset

    def __le__(self, other: Timestamp) -> bool:
        return not other < self

    def __gt__(self, other: Timestamp) -> bool:
        return other < self

    def __ge__(self, other: Timestamp) -> bool:
        return not self < other

    def __hash__(self) -> int:
        return hash((self.raw, self.offset))

    def __bool__(self) -> bool:
        """False for the zero timestamp alone, which stands for "never"."""
        return bool(self.raw or self.offset)

    def __str__(self) -> str:
        return self.internal

    def __repr__(self) -> str:
        return f"Timestamp({self.internal!r})"


ZERO = Timestamp(0)


def iso_second(seconds: int) -> str:
    """Whole seconds since the epoch as `2026-01-31T12:00:00`, in UTC."""
    day, second = divmod(seconds, 86_400)
    return f"{_iso_day(day)}{MINUTES[second // 60]}{SECONDS[second % 60]}"


@lru_cache(maxsize=512)
def _iso_day(day: int) -> str:
    return (_EPOCH + timedelta(day)).isoformat()[:11]


SECONDS = tuple([f"{second:02d}" for second in range(60)])
MINUTES = tuple([f"{hour:02d}:{minute:02d}:" for hour in range(24) for minute in range(60)])


def render_combined(
    data: Timestamp,
    content_type: Timestamp | None = None,
    metadata: Timestamp | None = None,
    *,
    explicit: bool = False,
) -> str:
    """Up to three times in one text: `t1[±d2[±d3]]`, differences in signed hex units of 10 µs.

    d2 counts from t1 and d3 from t2. When every difference is zero only t1 is written, unless
    explicit. Offsets of the second and third time are not kept: the form has no place for them.
    """
    assert content_type is not None or metadata is None
    if content_type is None:
        return data.short
    differences = [content_type.raw - data.raw]
    if metadata is not None:
        differences.append(metadata.raw - content_type.raw)
    if explicit or any(differences):
        return data.short + "".join(f"{difference:+x}" for difference in differences)
    return data.short


def parse_combined_explicit(text: str) -> tuple[Timestamp, Timestamp | None, Timestamp | None]:
    """Undo render_combined; a time that was not written is None. Raises ValueError."""
    parts = text.replace("-", "+-").split("+")
    if len(parts) > 3:
        raise ValueError(f"more than three times in a combined timestamp: {text[:80]!r}")
    first = Timestamp.from_text(parts[0])
    if len(parts) == 1:
        return first, None, None
    second = first.plus(_signed_hex(parts[1], text))
    if len(parts) == 2:
        return first, second, None
    return first, second, second.plus(_signed_hex(parts[2], text))


def parse_combined(text: str) -> tuple[Timestamp, Timestamp, Timestamp]:
    """Data, content-type and metadata time; one that was not written equals the one before it."""
    first, second, third = parse_combined_explicit(text)
    if second is None:
        second = first
    if third is None:
        third = second
    return first, second, third


def _signed_hex(part: str, text: str) -> int:
    digits = part.removeprefix("-")
    if not 1 <= len(digits) <= 16 or not _is_hex(digits):
        raise ValueError(f"not a combined timestamp: {text[:80]!r}")
    return int(part, 16)


def _is_hex(digits: str) -> bool:
    return all(c in "0123456789abcdefABCDEF" for c in digits)
