"""How long a pass waits for its next: shorter while there is something to mend, longer in peace.

A cluster heals as fast as its passes come around, and idles as cheaply as they stay away. So a
pass that had something to mend is followed by the next one soon, and each that found nothing, and
nothing written since the one before, doubles the pause.
"""

from __future__ import annotations

# What the options of a pass say of it; each stands behind an `interval`.
BUSY = (
    "The same after a pass that had something to mend, or could not mend it; 0: interval. Not an "
    "option of Swift."
)
QUIET = (
    "After a pass that found nothing to do, interval is doubled, again and again, up to this; 0: "
    "it is not. Not an option of Swift."
)


class Pauses:
    """In seconds. busy: after something was mended, or could not be; interval: after something was
    written; quiet: the longest. busy and quiet may be 0, which means the interval."""

    def __init__(self, busy: float, interval: float, quiet: float) -> None:
        self._busy = busy or interval
        self._interval = interval
        self._quiet = quiet or interval
        self._next = interval

    def after(self, *, mended: bool, written: bool) -> float:
        """The pause after a pass that found this."""
        if mended:
            self._next = self._busy
        elif written:
            self._next = self._interval
        else:
            self._next = min(max(self._interval, 2 * self._next), self._quiet)
        return self._next
