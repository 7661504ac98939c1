"""Tasks under a seeded scheduler: host.tasks.Tasks over greenlets, in simulated time.

Of the tasks that could go on, the seed picks the next. When none can, time jumps to the next
timer. Nothing else moves the clock, so an hour of pauses takes no time, and equal seeds give
equal runs. The scheduler is shared by all nodes; a SimTasks belongs to one, so that it can die
alone.
"""

from __future__ import annotations

import heapq
import random
from collections import deque
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import greenlet

from swiftlite.host.helper import InPlace
from swiftlite.host.net import DeadlinePassed
from swiftlite.host.tasks import TaskKilled
from swiftlite.testing.sim_clock import SimClock

T = TypeVar("T")
_LAST_WORDS_MAX = 10  # times that a dying task may wait in its finally blocks


class Stuck(AssertionError):
    """Every task waits for another, and no timer runs."""


class _Kill(BaseException):
    """Thrown into a task that is to end where it waits."""


class Waiter:
    """One task that waits for one thing. Woken at most once."""

    __slots__ = ("greenlet", "parked", "reason", "timed_out", "value")

    def __init__(self, reason: str) -> None:
        self.greenlet: Any = None
        self.parked = False
        self.timed_out = False
        self.value: Any = None
        self.reason = reason


class Scheduler:
    """Runs everybody's tasks, one at a time."""

    def __init__(self, clock: SimClock, seed: int | str) -> None:
        self.clock = clock
        self._chance = random.Random(f"tasks {seed}")
        self._hub = greenlet.getcurrent()
        self._ready: list[Callable[[], object]] = []
        self._timers: list[tuple[float, int, Callable[[], object]]] = []
        self._count = 0
        self._parked: dict[int, Waiter] = {}
        self.failures: list[BaseException] = []  # of tasks that nobody has waited for (yet)

    # --- for tests

    def run_until(self, finished: Callable[[], bool]) -> None:
        """Let tasks run until something is so. Raises Stuck."""
        assert greenlet.getcurrent() is self._hub
        while not finished():
            self._step()

    def run_for(self, seconds: float) -> None:
        """Let simulated time pass."""
        over = [False]
        self.call_at(self.clock.monotonic() + seconds, lambda: over.__setitem__(0, True))
        self.run_until(lambda: over[0])

    def outside(self, fn: Callable[[], None]) -> None:
        """Run fn outside all tasks, now, and return when it is done."""
        if self.is_hub():
            fn()
            return
        waiter = Waiter("something outside")

        def run() -> None:
            fn()
            self.wake(waiter)

        self.post(run)
        self.park(waiter, None)

    # --- for the host's parts

    def post(self, fn: Callable[[], object]) -> None:
        """Run fn soon, outside any task; it must not wait."""
        self._ready.append(fn)

    def call_at(self, moment: float, fn: Callable[[], object]) -> None:
        self._count += 1
        heapq.heappush(self._timers, (moment, self._count, fn))

    def park(self, waiter: Waiter, deadline: float | None) -> Any:  # noqa: ANN401 - what wake() was given
        """Wait for wake(); its value. Raises DeadlinePassed."""
        assert not waiter.parked
        waiter.parked = True
        waiter.greenlet = greenlet.getcurrent()
        if deadline is not None:
            self.call_at(deadline, lambda: self._expire(waiter))
        self._parked[id(waiter)] = waiter
        try:
            if waiter.greenlet is self._hub:
                self.run_until(lambda: not waiter.parked)
            else:
                self._hub.switch()
        finally:
            waiter.parked = False
            self._parked.pop(id(waiter), None)
        if waiter.timed_out:
            raise DeadlinePassed(f"the deadline has passed: {waiter.reason}")
        return waiter.value

    def wake(self, waiter: Waiter, value: object = None) -> None:
        """Nothing if it has been woken, or has given up."""
        if waiter.parked and waiter.greenlet is not None:
            waiter.value = value
            self._resume_later(waiter)

    def start(self, run: Callable[[], None]) -> Any:  # noqa: ANN401 - a greenlet, nobody else's business
        made = greenlet.greenlet(run, parent=self._hub)
        self.post(made.switch)
        return made

    def throw(self, target: Any, error: BaseException) -> None:  # noqa: ANN401 - a greenlet
        """Now, and until the task has ended or waits again."""
        assert greenlet.getcurrent() is self._hub
        target.throw(error)

    def is_hub(self) -> bool:
        return greenlet.getcurrent() is self._hub

    def current(self) -> Any:  # noqa: ANN401 - a greenlet
        return greenlet.getcurrent()

    def _expire(self, waiter: Waiter) -> None:
        if waiter.parked and waiter.greenlet is not None:
            waiter.timed_out = True
            self._resume_later(waiter)

    def _resume_later(self, waiter: Waiter) -> None:
        target, waiter.greenlet = waiter.greenlet, None  # woken once
        if target is self._hub:
            waiter.parked = False
        else:
            self.post(lambda: target.switch() if waiter.parked else None)

    def _step(self) -> None:
        if not self._ready:
            if not self._timers:
                waiting = ", ".join(waiter.reason for waiter in self._parked.values())
                raise Stuck(f"nothing can go on; waited for: {waiting or 'nothing'}")
            moment = self._timers[0][0]
            self.clock.advance_to(moment)
            while self._timers and self._timers[0][0] <= moment:
                self._ready.append(heapq.heappop(self._timers)[2])
        ready = self._ready
        if len(ready) > 1:
            chosen = int(self._chance.random() * len(ready))  # a quarter of randrange's cost
            ready[chosen], ready[-1] = ready[-1], ready[chosen]
        ready.pop()()


class SimTask(Generic[T]):
    """host.tasks.Task."""

    def __init__(self, tasks: SimTasks, fn: Callable[..., T], args: tuple[object, ...]) -> None:
        self._scheduler = tasks.scheduler
        self._tasks = tasks
        self._call: Callable[[], T] | None = lambda: fn(*args)
        self._name = getattr(fn, "__qualname__", repr(fn))
        self._result: Any = None
        self._error: BaseException | None = None
        self._waiters: list[Waiter] = []
        self.done = False
        self.greenlet = self._scheduler.start(self._run)

    def wait(self, deadline: float | None = None) -> T:
        if not self.done:
            waiter = Waiter(f"task {self._name}")
            self._waiters.append(waiter)
            self._scheduler.park(waiter, deadline)
        if self._error is None:
            return self._result  # type: ignore[no-any-return]  # of type T once done
        if self._error in self._scheduler.failures:
            self._scheduler.failures.remove(self._error)
        raise self._error

    def kill(self) -> None:
        if self.done:
            return
        if self.greenlet is self._scheduler.current():
            raise _Kill
        if self._call is not None:  # not begun
            self._finish(None, TaskKilled("killed before it began"))
        else:
            self._scheduler.post(self._kill_now)

    def _kill_now(self) -> None:
        if not self.done:
            self._scheduler.throw(self.greenlet, _Kill())

    def end_at_once(self) -> None:
        """From outside all tasks: the node is gone."""
        if self._call is not None and not self.done:
            self._finish(None, TaskKilled("killed before it began"))
        for _ in range(_LAST_WORDS_MAX):
            self._kill_now()
        assert self.done, f"task {self._name} will not die"

    def _run(self) -> None:
        if self.done:
            return
        assert self._call is not None
        call, self._call = self._call, None
        try:
            result = call()
        except _Kill:
            self._finish(None, TaskKilled("killed"))
        except BaseException as error:
            self._finish(None, error)
        else:
            self._finish(result, None)

    def _finish(self, result: T | None, error: BaseException | None) -> None:
        self._result, self._error = result, error
        self._call = None
        self.done = True
        self._tasks.running.pop(id(self), None)
        if isinstance(error, Exception) and not isinstance(error, TaskKilled):
            self._scheduler.failures.append(error)
        for waiter in self._waiters:
            self._scheduler.wake(waiter)


class SimSemaphore:
    """host.tasks.Lock for n holders, in the order of asking."""

    def __init__(self, scheduler: Scheduler, n: int) -> None:
        self._scheduler = scheduler
        self._free = n
        self._queue: deque[Waiter] = deque()

    def acquire(self, deadline: float | None = None) -> None:
        if self._free > 0:
            self._free -= 1
            return
        waiter = Waiter("lock")
        self._queue.append(waiter)
        try:
            self._scheduler.park(waiter, deadline)
        except BaseException:
            if waiter in self._queue:
                self._queue.remove(waiter)
            else:
                self.release()  # it was given to us, and we are not taking it
            raise

    def release(self) -> None:
        if self._queue:
            self._scheduler.wake(self._queue.popleft())
        else:
            self._free += 1

    def __enter__(self) -> SimSemaphore:
        self.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


class SimEvent:
    """host.tasks.Event."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._waiters: list[Waiter] = []
        self._value: Any = None
        self.is_set = False

    def set(self, value: object = None) -> None:
        if self.is_set:
            return
        self.is_set, self._value = True, value
        for waiter in self._waiters:
            self._scheduler.wake(waiter)

    def wait(self, deadline: float | None = None) -> Any:  # noqa: ANN401 - what set() was given
        if not self.is_set:
            waiter = Waiter("event")
            self._waiters.append(waiter)
            try:
                self._scheduler.park(waiter, deadline)
            except DeadlinePassed:
                if not self.is_set:
                    raise
        return self._value


class SimTasks:
    """host.tasks.Tasks of one node. offload runs in place, after letting others go first."""

    def __init__(self, scheduler: Scheduler) -> None:
        self.scheduler = scheduler
        self.running: dict[int, SimTask[Any]] = {}

    def run(self, fn: Callable[..., T], *args: object) -> T:
        """For tests: run fn as a task of this node, and everything else meanwhile."""
        return self.spawn(fn, *args).wait()

    def spawn(self, fn: Callable[..., T], *args: object) -> SimTask[T]:
        task = SimTask(self, fn, args)
        self.running[id(task)] = task
        return task

    def sleep(self, seconds: float) -> None:
        waiter = Waiter("pause")
        moment = self.scheduler.clock.monotonic() + max(0.0, seconds)
        self.scheduler.call_at(moment, lambda: self.scheduler.wake(waiter))
        self.scheduler.park(waiter, None)

    def offload(self, key: str, fn: Callable[..., T], *args: object) -> T:
        if not self.scheduler.is_hub():
            self.sleep(0)
        return fn(*args)

    def helper(self) -> InPlace:
        return InPlace()

    def lock(self) -> SimSemaphore:
        return SimSemaphore(self.scheduler, 1)

    def semaphore(self, n: int) -> SimSemaphore:
        assert n > 0
        return SimSemaphore(self.scheduler, n)

    def event(self) -> SimEvent:
        return SimEvent(self.scheduler)

    def current_id(self) -> int:
        return id(self.scheduler.current())

    def end_all(self) -> None:
        """The node is gone: its tasks end where they are. From outside all tasks."""
        for task in list(self.running.values()):
            task.end_at_once()
