"""The two times a program may ask for."""

from __future__ import annotations

from typing import Protocol


class Clock(Protocol):
    def wall(self) -> float:
        """Seconds since 1970, for timestamps that leave this process. May jump."""
        ...

    def monotonic(self) -> float:
        """Seconds since some start, for deadlines and durations. Never goes back."""
        ...
