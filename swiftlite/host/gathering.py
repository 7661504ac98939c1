"""How long the first of a group that travels together waits for others to join it.

What many share (a sync, a transaction, a call) is the cheaper the more share it, but nobody should
be late for company that does not come. So a traveller lets those go first that are ready to go
anyway; and only where several have met a moment ago does it wait for more, for a time that is
short beside a sync. A client that is alone never waits.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable

from swiftlite.host.tasks import Tasks

GATHER_S = 0.003  # beside 5 to 20 ms that a write of three copies takes in company
_LATELY_S = 0.25
_ENOUGH = 16  # of these the shared part is a small share already
_KEYS_MAX = 10_000


class Gathering:
    """Used by tasks. Keys name what groups form for: a device, a database."""

    def __init__(self, tasks: Tasks, monotonic: Callable[[], float]) -> None:
        self._tasks = tasks
        self._monotonic = monotonic
        self._met: dict[Hashable, float] = {}  # when several were last seen at once

    def wait(self, key: Hashable, here: int) -> None:
        """Before a group sets out that so far has so many; more may be there afterwards."""
        if here < _ENOUGH:
            now = self._monotonic()
            lately = now - self._met.get(key, now - _LATELY_S) < _LATELY_S
            self._tasks.sleep(GATHER_S if lately else 0)

    def met(self, key: Hashable, count: int) -> None:
        """After a group has arrived: so many travelled in it or wait for the next."""
        if count > 1:
            if len(self._met) >= _KEYS_MAX:
                self._met.clear()
            self._met[key] = self._monotonic()
