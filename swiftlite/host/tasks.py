"""Tasks, waiting, and work handed to native threads, in blocking style.

Deadlines are absolute monotonic times and coarse (about 0.1 s), as in `net`.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeVar

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Task(Protocol[T_co]):
    def wait(self, deadline: float | None = None) -> T_co:
        """The function's result; raises what it raised, or DeadlinePassed (it goes on then)."""
        ...

    def kill(self) -> None:
        """Stop it where it waits; wait() then raises TaskKilled. Nothing if it has ended."""
        ...

    @property
    def done(self) -> bool: ...


class Lock(AbstractContextManager[Any], Protocol):
    """Not reentrant. First come, first served."""

    def acquire(self, deadline: float | None = None) -> None:
        """Raises DeadlinePassed."""
        ...

    def release(self) -> None: ...


class Event(Protocol[T]):
    def set(self, value: T | None = None) -> None:
        """Wake all who wait and all who will wait; only the first value counts."""
        ...

    @property
    def is_set(self) -> bool: ...

    def wait(self, deadline: float | None = None) -> T | None:
        """The value of set(). Raises DeadlinePassed."""
        ...


class Begun(Protocol[T_co]):
    def wait(self) -> T_co:
        """The function's result; raises what it raised."""
        ...


class Helper(Protocol):
    """A native thread beside the one that uses it, for hashing and the like. For offloaded code
    and for one thread at a time; calls are made in the order in which they were begun."""

    def begin(self, fn: Callable[..., T], *args: object) -> Begun[T]:
        """fn must not use tasks, locks or streams of this host."""
        ...

    def close(self) -> None:
        """Once what was begun is over, the thread ends."""
        ...


class Tasks(Protocol):
    def spawn(self, fn: Callable[..., T], *args: object) -> Task[T]: ...

    def sleep(self, seconds: float) -> None:
        """Zero lets others run. May also be called from offloaded code."""
        ...

    def offload(self, key: str, fn: Callable[..., T], *args: object) -> T:
        """Run fn in a native thread and wait for it; exceptions come back.

        At most a few jobs of one key (a device's name) run at once, so that one stuck disk
        cannot take all threads. fn must not use tasks, locks or streams of this host.
        """
        ...

    def helper(self) -> Helper: ...

    def lock(self) -> Lock: ...

    def semaphore(self, n: int) -> Lock:
        """A lock that n tasks may hold at once."""
        ...

    def event(self) -> Event[Any]: ...

    def current_id(self) -> int:
        """A number that no other running task has."""
        ...


class TaskKilled(Exception):
    """The task waited for was killed."""
