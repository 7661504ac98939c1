"""How many connections each worker of a server has, told to one another in shared memory.

All workers accept from one queue. Who is quick takes whatever is there, and in a burst that is
nearly everything; therefore a worker with more connections than another waits a moment before it
takes one more. With many connections a moment may be a long round of requests, so then it has to
be ahead by more.
"""

from __future__ import annotations

import mmap

_BYTES = 4
_STEP_S = 0.001
_SLACK = 4  # a worker may have a quarter more than another
_LONGEST_S = 0.01  # a worker that is not there, or is stuck, delays others no longer than this


class Shares:
    """Made before the fork; number: of the worker, from 0."""

    def __init__(self, workers: int) -> None:
        self._counts = memoryview(mmap.mmap(-1, max(1, workers) * _BYTES)).cast("I")

    def of(self, number: int) -> Share:
        return Share(self._counts, number)


class Share:
    """One worker's own count, and its view of the others'."""

    __slots__ = ("_counts", "_number")

    def __init__(self, counts: memoryview, number: int) -> None:
        self._counts = counts
        self._number = number

    def have(self, connections: int) -> None:
        self._counts[self._number] = connections

    def pause(self) -> float:
        """Seconds to wait before the next connection is taken."""
        least = min(self._counts)
        ahead = self._counts[self._number] - least - least // _SLACK
        return min(max(0, ahead) * _STEP_S, _LONGEST_S)
