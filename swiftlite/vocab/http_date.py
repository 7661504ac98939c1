"""Dates as HTTP writes them (RFC 9110, 5.6.7): one form out, the three old ones in."""

from __future__ import annotations

from calendar import timegm
from functools import lru_cache
from time import gmtime

from swiftlite.vocab.timestamp import MINUTES, SECONDS

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTH_NUMBER = {name: number for number, name in enumerate(_MONTHS, start=1)}


def format_http_date(seconds: float) -> str:
    """`Sun, 06 Nov 1994 08:49:37 GMT`; fractions of a second are cut. Whatever the locale."""
    day, second = divmod(int(seconds), 86_400)
    return f"{_date_of(day)}{MINUTES[second // 60]}{SECONDS[second % 60]} GMT"


@lru_cache(maxsize=512)
def _date_of(days: int) -> str:
    """`Sun, 06 Nov 1994 ` of so many days since the epoch."""
    year, month, day, _, _, _, weekday = gmtime(days * 86_400)[:7]
    return f"{_DAYS[weekday]}, {day:02d} {_MONTHS[month - 1]} {year:04d} "


def parse_http_date(text: str) -> int | None:
    """Seconds since the epoch, or None for what is no date (RFC 9110: then ignore the header)."""
    words = text.replace(",", " ").replace("-", " ").split()
    try:
        if len(words) == 6 and words[5] in ("GMT", "UTC"):
            return _moment(words[3], words[2], words[1], words[4])
        if len(words) == 5:  # asctime: Sun Nov  6 08:49:37 1994
            return _moment(words[4], words[1], words[2], words[3])
    except (KeyError, ValueError):
        return None
    return None


def _moment(year: str, month: str, day: str, time: str) -> int:
    hour, minute, second = (_digits(part) for part in time.split(":"))
    month_number = _MONTH_NUMBER[month[:1].upper() + month[1:].lower()]
    if not (1 <= _digits(day) <= 31 and hour <= 23 and minute <= 59 and second <= 60):
        raise ValueError(time)
    return timegm((_full_year(year), month_number, _digits(day), hour, minute, second))


def _full_year(text: str) -> int:
    """Two digits (RFC 850) mean 1970 to 2069."""
    year = _digits(text)
    if len(text) == 2:
        return year + (1900 if year >= 70 else 2000)
    if len(text) != 4:
        raise ValueError(text)
    return year


def _digits(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise ValueError(text)
    return int(text)
