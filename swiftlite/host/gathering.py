"""How long the first of a group that travels together waits for others to join it.

What many share (a sync, a transaction) is the cheaper the more share it, but nobody should be late
for company that does not come. So a traveller lets those go first that are ready to go anyway; and
only where several have met a moment ago does it wait: until as many are there as were met then,
and no longer than the last journey took, or twice as long where there were many; and after it has
waited in vain, it waits no more until several have met anew. A client that is alone never waits.
Where the same clients come again and again, they are back within that time and soon all travel
together, and their answers come no later: those who would have been left behind need not wait for
the next journey.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import NamedTuple

from swiftlite.host.tasks import Event, Tasks

SHORTEST_S = 0.003  # a write of three copies takes 5 to 20 ms in company
LONGEST_S = 0.05
_FEW = 4  # that will hardly become more: two journeys made their answers late and saved nothing
_LATELY_S = 0.25
_ENOUGH = 16  # of these the shared part is a small share already
_KEYS_MAX = 10_000


class _Meeting(NamedTuple):
    """When several were last seen at once, how many it may be worth to wait for, and how long."""

    when: float
    wanted: int
    worth_s: float


class _Wait(NamedTuple):
    """One who waits: until so many are there, and what then ends it."""

    wanted: int
    over: Event[None]


class Gathering:
    """Used by tasks. Keys name what groups form for: a device, a database. Times are monotonic."""

    def __init__(self, tasks: Tasks, monotonic: Callable[[], float]) -> None:
        self._tasks = tasks
        self._monotonic = monotonic
        self._met: dict[Hashable, _Meeting] = {}
        self._waits: dict[Hashable, _Wait] = {}

    def wait(self, key: Hashable, here: Callable[[], int]) -> float:
        """Before a group sets out. here: how many it has by now. The time then, for arrived()."""
        met = self._met.get(key)
        if met is None or self._monotonic() - met.when >= _LATELY_S:
            self._tasks.sleep(0)
        else:
            there = here()
            if there < met.wanted:
                self._wait(key, met)
                if here() == there:  # in vain: not again until several have met anew
                    self._met.pop(key, None)
        return self._monotonic()

    def _wait(self, key: Hashable, met: _Meeting) -> None:
        wait = self._waits[key] = _Wait(met.wanted, self._tasks.event())
        self._tasks.spawn(self._end, wait.over, met.worth_s)
        try:
            wait.over.wait()
        finally:
            del self._waits[key]

    def _end(self, over: Event[None], seconds: float) -> None:
        self._tasks.sleep(seconds)
        over.set()

    def joined(self, key: Hashable, here: int) -> None:
        """One more is there to go with the next group, which has so many now."""
        wait = self._waits.get(key)
        if wait is not None and here >= wait.wanted:
            wait.over.set()

    def arrived(self, key: Hashable, set_out: float, count: int) -> None:
        """At the end of a journey: so many travelled, or wait for the next one."""
        if count > 1:
            if len(self._met) >= _KEYS_MAX:
                self._met.clear()
            now = self._monotonic()
            before = self._met.get(key)
            if before is not None and before.wanted > count:
                count = before.wanted - 1  # a few may have been late
            worth = now - set_out if count <= _FEW else 2 * (now - set_out)
            worth = min(max(worth, SHORTEST_S), LONGEST_S)
            self._met[key] = _Meeting(now, min(count, _ENOUGH), worth)
