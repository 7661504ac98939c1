"""A thread beside the one that uses it, for calls that let go of the interpreter's lock.

For code that runs in a native thread already, as offloaded jobs do: it may read while another
piece is hashed. It knows nothing of loops or tasks.
"""

from __future__ import annotations

import _queue
import _thread
from collections.abc import Callable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Begun(Generic[T]):
    """A call that was begun."""

    __slots__ = ("_args", "_error", "_fn", "_over", "_result")

    def __init__(self, fn: Callable[..., T], args: tuple[object, ...]) -> None:
        self._fn: Callable[..., T] | None = fn
        self._args = args
        self._error: BaseException | None = None
        self._result: Any = None
        self._over = _thread.allocate_lock()
        self._over.acquire()

    def run(self) -> None:
        """Once."""
        assert self._fn is not None
        try:
            self._result = self._fn(*self._args)
        except BaseException as error:
            self._error = error
        self._fn, self._args = None, ()  # whatever they hold on to
        self._over.release()

    def wait(self) -> T:
        """The function's result; raises what it raised. As often as one likes."""
        with self._over:
            if self._error is not None:
                raise self._error
            return self._result  # type: ignore[no-any-return]  # it is T


class ThreadHelper:
    """host.tasks.Helper. The thread starts with the first call; do not fork after it."""

    def __init__(self, start_thread: Callable[..., Any]) -> None:
        self._start_thread = start_thread
        self._inbox: Any = None  # a _queue.SimpleQueue, which has no types

    def begin(self, fn: Callable[..., T], *args: object) -> Begun[T]:
        begun = Begun(fn, args)
        if self._inbox is None:
            self._inbox = _queue.SimpleQueue()
            self._start_thread(_work, (self._inbox,))
        self._inbox.put(begun)
        return begun

    def close(self) -> None:
        if self._inbox is not None:
            self._inbox.put(None)
            self._inbox = None


class InPlace:
    """host.tasks.Helper without a thread: what is begun is over."""

    def begin(self, fn: Callable[..., T], *args: object) -> Begun[T]:
        begun = Begun(fn, args)
        begun.run()
        return begun

    def close(self) -> None:
        pass


def _work(inbox: Any) -> None:  # noqa: ANN401 - see above
    while (begun := inbox.get()) is not None:
        begun.run()
        del begun
