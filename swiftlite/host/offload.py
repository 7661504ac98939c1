"""Native threads for calls that block: fsync, large reads, hashing.

Half the cost of an event loop's usual thread pool: a C queue in, one append out, and the loop is
poked only when it sleeps. Threads start when they are first needed, so a fork before that is safe;
a stuck device can hold only its share of them, and gets replaced by fresh ones up to a bound.
"""

from __future__ import annotations

import _queue
from collections import deque
from collections.abc import Callable
from typing import Any, TypeAlias

from swiftlite.host.loop import Loop, Waiter

Inbox: TypeAlias = Any
"""Where a thread takes its jobs from: a _queue.SimpleQueue, which has no types."""

STUCK_AFTER_S = 1.0  # a job that takes longer no longer counts against the number of threads
STUCK_FACTOR = 4  # so many times the threads may exist at most


class _Job:
    __slots__ = ("args", "error", "fn", "key", "result", "started", "waiter")

    def __init__(
        self, key: str, fn: Callable[..., Any], args: tuple[object, ...], waiter: Waiter
    ) -> None:
        self.key = key
        self.fn = fn
        self.args = args
        self.waiter = waiter
        self.result: Any = None
        self.error: BaseException | None = None
        self.started = 0.0


class OffloadPool:
    """Runs jobs for the tasks of one loop. Used from the loop's thread only."""

    def __init__(
        self,
        loop: Loop,
        start_thread: Callable[..., Any],
        *,
        threads: int,
        threads_per_key: int,
    ) -> None:
        assert threads > 0
        assert threads_per_key > 0
        self._loop = loop
        self._start_thread = start_thread  # the interpreter's own, whatever has been patched
        self._threads = threads
        self._per_key = threads_per_key
        self._idle: list[Inbox] = []  # of threads that wait; the last one is warm still
        self._homeless: deque[_Job] = deque()  # jobs that wait for a thread
        self._started = 0
        self._running: dict[str, int] = {}  # jobs handed to threads, by key
        self._waiting: dict[str, deque[_Job]] = {}  # jobs over their key's bound
        self._handed: dict[_Job, None] = {}  # in the order in which they were handed over

    def run(self, key: str, fn: Callable[..., Any], args: tuple[object, ...]) -> Any:  # noqa: ANN401
        """fn(*args) in a thread; the calling greenlet waits. Raises what fn raised."""
        job = _Job(key, fn, args, Waiter(self._loop))
        running = self._running.get(key, 0)
        if running >= self._per_key:
            self._waiting.setdefault(key, deque()).append(job)
        else:
            self._running[key] = running + 1
            self._hand_over(job)
        job.waiter.park()
        if job.error is not None:
            try:
                raise job.error
            finally:
                job.error = None  # no cycle through the traceback
        return job.result

    def _hand_over(self, job: _Job) -> None:
        job.started = self._loop.monotonic()
        self._handed[job] = None
        if self._idle:
            self._idle.pop().put(job)
            return
        self._homeless.append(job)
        most = self._threads + self._stuck(job.started)
        while self._homeless and self._started < most:
            self._started += 1
            inbox: Inbox = _queue.SimpleQueue()
            inbox.put(self._homeless.popleft())
            self._start_thread(self._work, (inbox,))

    def _stuck(self, now: float) -> int:
        count = 0
        for job in self._handed:  # oldest first
            if now - job.started < STUCK_AFTER_S:
                break
            count += 1
        return min(count, self._threads * (STUCK_FACTOR - 1))

    def _work(self, inbox: Inbox) -> None:
        get, post = inbox.get, self._loop.post
        while True:
            job = get()
            try:
                job.result = job.fn(*job.args)
            except BaseException as error:
                job.error = error
            post(_Finished(self, job, inbox))
            del job

    def finished(self, job: _Job, inbox: Inbox) -> None:
        """In the loop: free the key's place, then wake who waits."""
        if self._homeless:
            inbox.put(self._homeless.popleft())
        else:
            self._idle.append(inbox)
        self._handed.pop(job, None)
        queued = self._waiting.get(job.key)
        if queued:
            self._hand_over(queued.popleft())
            if not queued:
                del self._waiting[job.key]
        else:
            left = self._running[job.key] - 1
            if left:
                self._running[job.key] = left
            else:
                del self._running[job.key]
        job.waiter.wake()


class _Finished:
    """A call for the loop; lighter than a closure made in the thread."""

    __slots__ = ("_inbox", "_job", "_pool")

    def __init__(self, pool: OffloadPool, job: _Job, inbox: Inbox) -> None:
        self._pool = pool
        self._job = job
        self._inbox = inbox

    def __call__(self) -> None:
        self._pool.finished(self._job, self._inbox)
