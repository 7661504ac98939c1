"""Seconds with a fixed number of decimals, for lines that every request writes.

By way of an integer: 0.5 µs instead of 1.2, which is what Python takes to format a float exactly.
"""

from __future__ import annotations

_SCALES = [10.0**places for places in range(10)]


def decimals(seconds: float, places: int) -> str:
    """`12.0345`, rounded; seconds are not negative."""
    digits = str(int(seconds * _SCALES[places] + 0.5)).zfill(places + 1)
    return f"{digits[:-places]}.{digits[-places:]}"
