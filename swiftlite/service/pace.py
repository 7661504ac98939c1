"""How fast a pass may go: at most so many units a second, with a little slack for short stalls."""

from __future__ import annotations

from swiftlite.host.clock import Clock

_SLACK_S = 1.0


class Pace:
    """per_second: 0 means as fast as it goes."""

    def __init__(self, clock: Clock, per_second: float) -> None:
        self._clock = clock
        self._per_second = per_second
        self._next = clock.monotonic()

    def spend(self, units: float = 1.0) -> None:
        """So many units have been done, or are about to be."""
        if self._per_second <= 0:
            return
        now = self._clock.monotonic()
        self._next = max(self._next, now - _SLACK_S) + units / self._per_second

    def due(self) -> float:
        """Seconds until the next unit may be done; 0.0: now."""
        if self._per_second <= 0:
            return 0.0
        return max(0.0, self._next - self._clock.monotonic())
