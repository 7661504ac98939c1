"""Group commit: changes to one database that arrive while a commit is out go together in the next.

The first to come leads: it waits a moment where others are likely (host.gathering), takes whatever
is there, has it carried out in one transaction, tells the others, and hands the lead to whoever
came meanwhile. Nobody leads more than one batch, so
nobody's answer waits for strangers. Knows nothing of databases.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, Generic, TypeVar

from swiftlite.host.gathering import Gathering
from swiftlite.host.tasks import Event, Tasks

Item = TypeVar("Item")


class _Signal(Enum):
    LEAD = auto()
    DONE = auto()


@dataclass(slots=True, eq=False)
class Entry(Generic[Item]):
    """One change and what came of it: a value, or an exception to raise."""

    item: Item
    size: int
    event: Event[_Signal] | None = None
    outcome: Any = None
    failed: bool = False


@dataclass(slots=True)
class _Queue(Generic[Item]):
    waiting: deque[Entry[Item]] = field(default_factory=deque)


Carry = Callable[[Sequence[Item]], Sequence[Any]]
"""Carry out a batch. Gives one outcome per item (an exception instance is raised for that item
alone), or raises for all of them."""


class Turns(Generic[Item]):
    """One queue per key. size_limit bounds a batch, in the units that callers count."""

    def __init__(self, tasks: Tasks, gathering: Gathering, size_limit: int) -> None:
        self._tasks = tasks
        self._gathering = gathering
        self._size_limit = size_limit
        self._queues: dict[str, _Queue[Item]] = {}
        self.batches = 0
        self.items = 0

    def take(
        self, key: str, item: Item, carry: Carry[Item], *, size: int = 1, deadline: float
    ) -> Any:  # noqa: ANN401  # whatever the item's own change gives
        """Have the item carried out, with others or alone; its outcome.

        Raises DeadlinePassed when its turn has not come, or its batch not ended, by then: the
        change may still happen in the second case.
        """
        entry = Entry(item, size)
        queue = self._queues.get(key)
        if queue is None:
            self._queues[key] = queue = _Queue()
            queue.waiting.append(entry)
        else:
            entry.event = self._tasks.event()
            queue.waiting.append(entry)
            self._gathering.joined(key, len(queue.waiting))
            if self._await(key, queue, entry, deadline) is _Signal.DONE:
                return self._result(entry)
        set_out = self._gather(key, queue, entry)
        self._lead(key, queue, carry, set_out)
        return self._result(entry)

    def _await(self, key: str, queue: _Queue[Item], entry: Entry[Item], deadline: float) -> _Signal:
        assert entry.event is not None
        try:
            signal = entry.event.wait(deadline)
        except BaseException:
            if entry in queue.waiting:
                queue.waiting.remove(entry)
                if entry.event.is_set:  # it was to lead
                    self._hand_on(key, queue)
            raise
        assert signal is not None
        return signal

    def _gather(self, key: str, queue: _Queue[Item], leader: Entry[Item]) -> float:
        try:
            return self._gathering.wait(key, lambda: len(queue.waiting))
        except BaseException:
            queue.waiting.remove(leader)
            self._hand_on(key, queue)
            raise

    def _lead(self, key: str, queue: _Queue[Item], carry: Carry[Item], set_out: float) -> None:
        batch = self._next_batch(queue)
        self.batches += 1
        self.items += len(batch)
        try:
            outcomes = carry([entry.item for entry in batch])
            assert len(outcomes) == len(batch)
            for entry, outcome in zip(batch, outcomes, strict=True):
                entry.outcome = outcome
                entry.failed = isinstance(outcome, BaseException)
        except BaseException as error:
            for entry in batch:
                entry.outcome = error if isinstance(error, Exception) else LeaderGone()
                entry.failed = True
            if not isinstance(error, Exception):
                raise
        finally:
            for entry in batch:
                if entry.event is not None and not entry.event.is_set:
                    entry.event.set(_Signal.DONE)
            self._gathering.arrived(key, set_out, len(batch) + len(queue.waiting))
            self._hand_on(key, queue)

    def _next_batch(self, queue: _Queue[Item]) -> list[Entry[Item]]:
        batch = [queue.waiting.popleft()]
        size = batch[0].size
        while queue.waiting and size + queue.waiting[0].size <= self._size_limit:
            batch.append(queue.waiting.popleft())
            size += batch[-1].size
        return batch

    def _hand_on(self, key: str, queue: _Queue[Item]) -> None:
        if queue.waiting:
            event = queue.waiting[0].event
            assert event is not None
            event.set(_Signal.LEAD)
        else:
            del self._queues[key]

    def _result(self, entry: Entry[Item]) -> Any:  # noqa: ANN401  # see take
        if entry.failed:
            raise entry.outcome
        return entry.outcome


class LeaderGone(Exception):
    """The task that led the batch was stopped; whether the batch was committed is not known."""
