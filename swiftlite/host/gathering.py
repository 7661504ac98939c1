"""How long the first of a group that travels together waits for others to join it.

What many share (a sync, a transaction) is the cheaper the more share it, but nobody should be late
for company that does not come. So a traveller lets those go first that are ready to go anyway; and
only where several have met a moment ago does it wait for more, for a time that is short beside the
journey. A client that is alone never waits.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import NamedTuple

from swiftlite.host.tasks import Tasks

SHORTEST_S = 0.003  # a write of three copies takes 5 to 20 ms in company
LONGEST_S = 0.015
_SHARE = 0.25  # of what the last journey took
_LATELY_S = 0.25
_ENOUGH = 16  # of these the shared part is a small share already
_KEYS_MAX = 10_000


class _Meeting(NamedTuple):
    """When several were last seen at once, and how long one should wait for as many."""

    when: float
    worth_s: float


class Gathering:
    """Used by tasks. Keys name what groups form for: a device, a database. Times are monotonic."""

    def __init__(self, tasks: Tasks, monotonic: Callable[[], float]) -> None:
        self._tasks = tasks
        self._monotonic = monotonic
        self._met: dict[Hashable, _Meeting] = {}

    def wait(self, key: Hashable, here: int) -> float:
        """Before a group sets out that has so many so far; more may be there afterwards. The time
        then, for arrived()."""
        if here < _ENOUGH:
            met = self._met.get(key)
            lately = met is not None and self._monotonic() - met.when < _LATELY_S
            self._tasks.sleep(met.worth_s if met is not None and lately else 0)
        return self._monotonic()

    def arrived(self, key: Hashable, set_out: float, count: int) -> None:
        """At the end of a journey: so many travelled, or wait for the next one."""
        if count > 1:
            if len(self._met) >= _KEYS_MAX:
                self._met.clear()
            now = self._monotonic()
            worth = min(max((now - set_out) * _SHARE, SHORTEST_S), LONGEST_S)
            self._met[key] = _Meeting(now, worth)
