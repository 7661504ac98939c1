"""How long the first of a group that travels together waits for others to join it.

What many share (a sync, a transaction) is the cheaper the more share it, but nobody should be late
for company that does not come. So a traveller lets those go first that are ready to go anyway; and
only where several have met a moment ago does it wait: until as many are there as were met then,
and no longer than the last journey took; and after it has waited in vain, it waits no more until
several have met anew. A client that is alone never waits. Where the same clients come again and
again, they soon all travel together, and their answers come no later: those who would have been
left behind need not wait for the next journey.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import NamedTuple

from swiftlite.host.tasks import Tasks

SHORTEST_S = 0.003  # a write of three copies takes 5 to 20 ms in company
LONGEST_S = 0.05
_LOOKS = 3  # at who is there, while waiting
_LATELY_S = 0.25
_ENOUGH = 16  # of these the shared part is a small share already
_KEYS_MAX = 10_000


class _Meeting(NamedTuple):
    """When several were last seen at once, how many it may be worth to wait for, and how long."""

    when: float
    wanted: int
    worth_s: float


class Gathering:
    """Used by tasks. Keys name what groups form for: a device, a database. Times are monotonic."""

    def __init__(self, tasks: Tasks, monotonic: Callable[[], float]) -> None:
        self._tasks = tasks
        self._monotonic = monotonic
        self._met: dict[Hashable, _Meeting] = {}

    def wait(self, key: Hashable, here: Callable[[], int]) -> float:
        """Before a group sets out. here: how many it has by now. The time then, for arrived()."""
        met = self._met.get(key)
        if met is None or self._monotonic() - met.when >= _LATELY_S:
            self._tasks.sleep(0)
        else:
            there = here()
            for _ in range(_LOOKS):
                if here() >= met.wanted:
                    break
                self._tasks.sleep(met.worth_s / _LOOKS)
            else:
                if here() == there:  # in vain: not again until several have met anew
                    self._met.pop(key, None)
        return self._monotonic()

    def arrived(self, key: Hashable, set_out: float, count: int) -> None:
        """At the end of a journey: so many travelled, or wait for the next one."""
        if count > 1:
            if len(self._met) >= _KEYS_MAX:
                self._met.clear()
            now = self._monotonic()
            worth = min(max(now - set_out, SHORTEST_S), LONGEST_S)
            before = self._met.get(key)
            if before is not None and before.wanted > count:
                count = before.wanted - 1  # a few may have been late
            self._met[key] = _Meeting(now, min(count, _ENOUGH), worth)
