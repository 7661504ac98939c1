"""Readers of single values as operators write them.

Each raises ValueError, worded to follow the option's name and value: "… must be a number".
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

TRUE_WORDS = frozenset(("true", "yes", "on", "t", "y", "1"))
FALSE_WORDS = frozenset(("false", "no", "off", "f", "n", "0", ""))
_SIZES = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
_size = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?", re.IGNORECASE | re.ASCII).fullmatch
_whole = re.compile(r"[+-]?\d{1,18}", re.ASCII).fullmatch


def is_true(value: object) -> bool:
    """Swift's reading of a boolean in a header or a conf file: its true words, and else False."""
    return value is True or (isinstance(value, str) and value.strip().lower() in TRUE_WORDS)


def parse_bool(text: str) -> bool:
    lowered = text.lower()
    if lowered in TRUE_WORDS:
        return True
    if lowered in FALSE_WORDS:
        return False
    raise ValueError("must be true or false (also yes, no, on, off, 1, 0)")


def parse_int(text: str) -> int:
    if not _whole(text):
        raise ValueError("must be a whole number")
    return int(text)


def parse_float(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise ValueError("must be a number") from None
    if not math.isfinite(value) or "_" in text:
        raise ValueError("must be a number")
    return value


def parse_bytes(text: str) -> int:
    """`65536`, `64K`, `10 MiB`: units are powers of 1024, however they are spelled; or `-1`.

    Minus one stands for "none" where an option allows it.
    """
    if text == "-1":
        return -1
    found = _size(text)
    if not found:
        raise ValueError("must be a number of bytes, such as 65536, 64K or 10M")
    return round(float(found[1]) * _SIZES[found[2].lower()]) if found[2] else _bare_bytes(found[1])


def _bare_bytes(digits: str) -> int:
    if not digits.isdigit():
        raise ValueError("must be a whole number of bytes")
    return int(digits)


def parse_list(text: str) -> list[str]:
    """Parts between commas, stripped; empty parts are dropped."""
    return [part.strip() for part in text.split(",") if part.strip()]


def parse_auto_int(text: str) -> int | None:
    """A count, or None for `auto`."""
    if text.lower() == "auto":
        return None
    try:
        return parse_int(text)
    except ValueError:
        raise ValueError("must be a whole number, or auto") from None


@dataclass(frozen=True, slots=True)
class Reserve:
    """Room to be left free on a device: so many bytes, or a share of the whole."""

    bytes: int = 0
    percent: float = 0.0

    def of(self, total: int) -> int:
        """Bytes to keep free on a device of total bytes."""
        return self.bytes + math.ceil(total * self.percent / 100)

    def __str__(self) -> str:
        return f"{self.percent:g}%" if self.percent else str(self.bytes)


def parse_reserve(text: str) -> Reserve:
    """`1%`, or a number of bytes."""
    if not text.endswith("%"):
        return Reserve(bytes=parse_bytes(text))
    percent = parse_float(text[:-1])
    if not 0 <= percent <= 100:
        raise ValueError("must be between 0% and 100%")
    return Reserve(percent=percent)
