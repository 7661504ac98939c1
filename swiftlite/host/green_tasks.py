"""Tasks as greenlets that are kept and used again; locks, events and waiting over the loop.

Making a greenlet costs 9 µs, seven of them in the kernel; a kept one costs an append and a switch.
"""

from __future__ import annotations

import sys
import traceback
from collections import deque
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from swiftlite.host.helper import ThreadHelper
from swiftlite.host.loop import Loop, Waiter
from swiftlite.host.offload import OffloadPool
from swiftlite.host.tasks import TaskKilled

T = TypeVar("T")

LOST_AFTER_S = 10.0  # an error that nobody has waited for by then is shown on stderr
_IDLE_WORKERS_MAX = 256


class _Kill(BaseException):
    """Thrown into a killed task; no `except Exception` on its way may keep it."""


class GreenTask(Generic[T]):
    """host.tasks.Task."""

    __slots__ = (
        "_args",
        "_error",
        "_fn",
        "_loop",
        "_result",
        "_seen",
        "_waiters",
        "done",
        "greenlet",
    )

    def __init__(self, loop: Loop, fn: Callable[..., T], args: tuple[object, ...]) -> None:
        self._loop = loop
        self._fn: Callable[..., T] | None = fn
        self._args = args
        self._result: Any = None
        self._error: BaseException | None = None
        self._waiters: list[Waiter] = []
        self._seen = False  # somebody has been given the error, or waits for it
        self.greenlet: Any = None  # set while it runs
        self.done = False

    def wait(self, deadline: float | None = None) -> T:
        if not self.done:
            waiter = Waiter(self._loop)
            self._waiters.append(waiter)
            waiter.park(deadline)
        error = self._error
        if error is None:
            return self._result  # type: ignore[no-any-return]  # of type T, or None until done
        self._seen = True
        raise error

    def kill(self) -> None:
        if self.done:
            return
        if self.greenlet is None:  # not started: it never will be
            self._finish(None, TaskKilled("killed before it began"))
        elif self.greenlet is self._loop.current():
            raise _Kill
        else:
            self._loop.post(self._throw_kill)

    def run(self) -> bool:
        """In its greenlet. False if the greenlet should not be used for another task."""
        if self.done:
            return True
        assert self._fn is not None
        self.greenlet = self._loop.current()
        try:
            result = self._fn(*self._args)
        except _Kill:
            self._finish(None, TaskKilled("killed"))
            return False
        except (KeyboardInterrupt, SystemExit) as error:
            self._finish(None, error)
            raise  # for the main greenlet
        except BaseException as error:
            self._finish(None, error)
            return isinstance(error, Exception)
        self._finish(result, None)
        return True

    def _finish(self, result: T | None, error: BaseException | None) -> None:
        self._result = result
        self._error = error
        self._fn = None
        self._args = ()
        self.greenlet = None
        self.done = True
        if error is not None and not self._waiters and not isinstance(error, TaskKilled):
            self._loop.call_later(LOST_AFTER_S, self._show_if_lost)
        for waiter in self._waiters:
            self._loop.post(waiter.wake)

    def _throw_kill(self) -> None:
        if self.greenlet is not None:
            self.greenlet.throw(_Kill())

    def _show_if_lost(self) -> None:
        if not self._seen and self._error is not None:
            lines = traceback.format_exception(self._error)
            sys.stderr.write("A task failed and nobody waited for it:\n" + "".join(lines))


class GreenSemaphore:
    """host.tasks.Lock for n holders: places are handed on in the order of asking."""

    __slots__ = ("_free", "_loop_of_now", "_queue")

    def __init__(self, loop_of_now: Callable[[], Loop], n: int) -> None:
        assert n > 0
        self._loop_of_now = loop_of_now
        self._free = n
        self._queue: deque[Waiter] = deque()

    def acquire(self, deadline: float | None = None) -> None:
        if self._free > 0:
            self._free -= 1
            return
        waiter = Waiter(self._loop_of_now())
        self._queue.append(waiter)
        try:
            waiter.park(deadline)
        except BaseException:
            if waiter in self._queue:
                self._queue.remove(waiter)
            else:  # the place had been given to us
                self.release()
            raise

    def release(self) -> None:
        if self._queue:
            self._loop_of_now().post(self._queue.popleft().wake)
        else:
            self._free += 1

    def __enter__(self) -> GreenSemaphore:
        self.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


class GreenEvent:
    """host.tasks.Event. set() may be called from a signal handler."""

    __slots__ = ("_loop_of_now", "_value", "_waiters", "is_set")

    def __init__(self, loop_of_now: Callable[[], Loop]) -> None:
        self._loop_of_now = loop_of_now
        self._value: Any = None
        self._waiters: list[Waiter] = []
        self.is_set = False

    def set(self, value: object = None) -> None:
        if self.is_set:
            return
        self._value = value
        self.is_set = True
        if self._waiters:
            loop = self._loop_of_now()
            for waiter in self._waiters:
                loop.post(waiter.wake)
            self._waiters = []

    def wait(self, deadline: float | None = None) -> Any:  # noqa: ANN401 - what set() was given
        if not self.is_set:
            waiter = Waiter(self._loop_of_now())
            self._waiters.append(waiter)
            try:
                waiter.park(deadline)
            except BaseException:
                if waiter in self._waiters:
                    self._waiters.remove(waiter)
                raise
        return self._value


class GreenTasks:
    """host.tasks.Tasks."""

    def __init__(
        self,
        loop_of_now: Callable[[], Loop],
        *,
        timed_sleep: Callable[[float], None],
        start_thread: Callable[..., Any],
        threads: int,
        threads_per_key: int,
    ) -> None:
        self._loop_of_now = loop_of_now
        self._timed_sleep = timed_sleep
        self._start_thread = start_thread
        self._threads = threads
        self._threads_per_key = threads_per_key
        self._crew: _Crew | None = None

    def spawn(self, fn: Callable[..., T], *args: object) -> GreenTask[T]:
        crew = self._crew_of_now()
        task = GreenTask(crew.loop, fn, args)
        crew.start(task)
        return task

    def sleep(self, seconds: float) -> None:
        if seconds > 0:
            self._timed_sleep(seconds)
            return
        loop = self._loop_of_now()
        waiter = Waiter(loop)
        loop.post(waiter.wake)
        waiter.park()

    def offload(self, key: str, fn: Callable[..., T], *args: object) -> T:
        return self._crew_of_now().pool.run(key, fn, args)  # type: ignore[no-any-return]  # it is T

    def helper(self) -> ThreadHelper:
        return ThreadHelper(self._start_thread)

    def lock(self) -> GreenSemaphore:
        return GreenSemaphore(self._loop_of_now, 1)

    def semaphore(self, n: int) -> GreenSemaphore:
        return GreenSemaphore(self._loop_of_now, n)

    def event(self) -> GreenEvent:
        return GreenEvent(self._loop_of_now)

    def current_id(self) -> int:
        return id(self._loop_of_now().current())

    def _crew_of_now(self) -> _Crew:
        loop = self._loop_of_now()
        crew = self._crew
        if crew is None or crew.loop is not loop:  # the first use, or the first after a fork
            pool = OffloadPool(
                loop,
                self._start_thread,
                threads=self._threads,
                threads_per_key=self._threads_per_key,
            )
            crew = self._crew = _Crew(loop, pool)
        return crew


class _Crew:
    """The greenlets and threads of one loop."""

    __slots__ = ("_idle", "loop", "pool")

    def __init__(self, loop: Loop, pool: OffloadPool) -> None:
        self.loop = loop
        self.pool = pool
        self._idle: list[_Worker] = []

    def start(self, task: GreenTask[Any]) -> None:
        worker = self._idle.pop() if self._idle else _Worker(self)
        worker.task = task
        self.loop.post(worker.greenlet.switch)

    def put_back(self, worker: _Worker) -> bool:
        if len(self._idle) >= _IDLE_WORKERS_MAX:
            return False
        self._idle.append(worker)
        return True


class _Worker:
    """One greenlet that runs a task, then waits for another."""

    __slots__ = ("_crew", "greenlet", "task")

    def __init__(self, crew: _Crew) -> None:
        self._crew = crew
        self.task: GreenTask[Any] | None = None
        self.greenlet: Any = crew.loop.new_greenlet(self._work)

    def _work(self) -> None:
        switch = self._crew.loop.switch
        while True:
            task = self.task
            if task is not None:
                self.task = None
                usable = task.run()
                del task
                if not usable or not self._crew.put_back(self):
                    return
            switch()
