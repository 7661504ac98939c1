"""What streams and tasks need from an event loop: to be parked, and to be woken.

Knows no particular loop (green.py has one) and no socket. An Endpoint is one descriptor in the
loop's table: registered once, edge-triggered, with a flag that remembers readiness, so that a
read or write costs no other system call than itself.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Any, Protocol


class Endpoint:
    """A descriptor in the loop's table and who waits for it. The loop sets, the owner clears."""

    __slots__ = ("ended", "read_until", "readable", "reader", "write_until", "writer")

    def __init__(self) -> None:
        self.readable: int = False  # something may be read: data, an end or an error
        self.ended = False  # the peer has sent its last byte (it may not have been read yet)
        self.reader: Any = None  # the greenlet that is parked here
        self.writer: Any = None
        self.read_until = inf  # when the parked reader is thrown DeadlinePassed
        self.write_until = inf


class Waiter:
    """One parked greenlet, woken once by whoever comes first: an event, a deadline, a kill."""

    __slots__ = ("_loop", "greenlet")

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self.greenlet: Any = loop.current()

    def wake(self) -> None:
        """Only from the loop: switches at once. Others do loop.post(waiter.wake)."""
        greenlet = self.greenlet
        if greenlet is not None:
            self.greenlet = None
            greenlet.switch()

    def throw(self, error: BaseException) -> None:
        greenlet = self.greenlet
        if greenlet is not None:
            self.greenlet = None
            greenlet.throw(error)

    def park(self, deadline: float | None = None) -> None:
        """Wait for wake(). Raises DeadlinePassed, and what others throw in."""
        loop = self._loop
        if deadline is not None:
            loop.sleepers[self] = deadline
            loop.fresh = True
        try:
            loop.switch()
        finally:
            self.greenlet = None  # nobody may wake a greenlet that has gone on
            if deadline is not None:
                loop.sleepers.pop(self, None)


class Loop(Protocol):
    fresh: bool
    """Set by whoever parks with a deadline: the next sweep may have to come sooner."""
    sleepers: dict[Waiter, float]
    """Waiters with a deadline."""

    def current(self) -> Any:  # noqa: ANN401 - a greenlet, whose package has no types here
        ...

    def new_greenlet(self, fn: Callable[[], None]) -> Any:  # noqa: ANN401 - as above
        """One that returns to the loop when it ends; starts when it is first switched to."""
        ...

    def switch(self) -> object:
        """Park the current greenlet; returns when something switches back to it."""
        ...

    def post(self, call: Callable[[], None]) -> None:
        """Have the loop call this soon. Safe from signal handlers and native threads."""
        ...

    def call_later(self, seconds: float, call: Callable[[], None]) -> None: ...

    def watch(self, fd: int, endpoint: Endpoint, *, room: bool = True) -> None:
        """room: whether to be told when more can be sent, too."""
        ...

    def watch_room(self, fd: int, wanted: bool) -> None:
        """Change that; room that is there already is told of as well."""
        ...

    def unwatch(self, fd: int) -> None: ...

    def monotonic(self) -> float: ...
