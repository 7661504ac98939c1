"""The one door to eventlet: its epoll hub with a table of connections of our own, and the host.

eventlet's hub adds and removes a listener around every wait, which is most of what a small request
costs on it. Here a connection is registered once, edge-triggered, and the hub sets its flags and
switches to whoever is parked; everything else (timers, sleep, green libraries that foreign
middleware brings) goes the hub's usual way. Nothing above this file knows which loop it runs on.

Kernel facts leaned on: an edge-triggered descriptor reports all its ready bits whenever any of them
changes; data that arrives after a short read is always a new edge; a descriptor that was duplicated
(by a fork) stays registered after its close, so we unregister explicitly.
"""

from __future__ import annotations

import contextlib
import os
import select
import sys
import warnings
from collections import deque
from collections.abc import Callable
from math import inf
from typing import Any

from swiftlite.host.placeholder import placeholder

# Its resolver takes 10 MB and most of the time of a start, and nobody here asks it anything. Where
# dnspython is installed and foreign middleware wants names looked up by it, set this to "no".
os.environ.setdefault("EVENTLET_NO_GREENDNS", "yes")
# asyncio, for a hub that is not ours, takes 2.3 MB with all that it brings along.
with placeholder("asyncio"), warnings.catch_warnings():
    # Its deprecation is known here, and the reason for this being the only door to it.
    warnings.filterwarnings("ignore", message=r"\s*Eventlet is deprecated")
    import eventlet
    import eventlet.hubs.epolls
    import eventlet.patcher

from swiftlite.host.bundle import Host
from swiftlite.host.entropy import OsEntropy
from swiftlite.host.green_net import GreenNet
from swiftlite.host.green_tasks import GreenTasks
from swiftlite.host.loop import Endpoint, Waiter
from swiftlite.host.net import DeadlinePassed
from swiftlite.host.os_clock import OsClock, monotonic
from swiftlite.host.os_disk import OsDisk
from swiftlite.host.os_process import OsProcess

SWEEP_S = 0.1  # how coarse deadlines are

_WATCHED_INPUT = select.EPOLLIN | select.EPOLLRDHUP | select.EPOLLET
_WATCHED = _WATCHED_INPUT | select.EPOLLOUT
_ENDED = select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR
_READABLE = select.EPOLLIN | _ENDED
_WRITABLE = select.EPOLLOUT | select.EPOLLHUP | select.EPOLLERR
_FOREIGN_READ = select.EPOLLIN | select.EPOLLPRI
_FOREIGN_BOTH = select.EPOLLERR | select.EPOLLHUP

_threads = eventlet.patcher.original("_thread")
_native_sleep: Callable[[float], None] = eventlet.patcher.original("time").sleep
_current_greenlet = eventlet.getcurrent
_greenlet = eventlet.support.greenlets.greenlet


class Hub(eventlet.hubs.epolls.Hub):  # type: ignore[misc]  # eventlet has no types
    """host.loop.Loop, and eventlet's hub for everybody else in this thread."""

    running: bool  # eventlet's, as is stopping
    current = staticmethod(_current_greenlet)
    monotonic = staticmethod(monotonic)

    @staticmethod
    def is_available() -> bool:
        """Asked for by eventlet."""
        return True

    def __init__(self, clock: Callable[[], float] | None = None) -> None:
        super().__init__(clock)
        self.fresh = False
        self.sleepers: dict[Waiter, float] = {}
        self._table: dict[int, Endpoint] = {}
        self._ready: deque[Callable[[], None]] = deque()
        self._next_sweep = inf
        self._polling = False
        self._thread_id: int = _threads.get_ident()
        self._poke_fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self.poll.register(self._poke_fd, select.EPOLLIN | select.EPOLLET)

    # What parks and wakes

    def switch(self) -> Any:  # noqa: ANN401 - what eventlet's callers expect of it
        hub = self.greenlet
        if hub:
            return hub.switch()
        return super().switch()  # not started yet, or ended by an exception: make it anew

    def new_greenlet(self, fn: Callable[[], None]) -> Any:  # noqa: ANN401 - a greenlet
        self.ensure_greenlet()
        return _greenlet(fn, self.greenlet)

    def post(self, call: Callable[[], None]) -> None:
        self._ready.append(call)
        if self._polling:  # set before the last look at _ready, so no call can be missed
            self._polling = False
            os.eventfd_write(self._poke_fd, 1)

    def call_later(self, seconds: float, call: Callable[[], None]) -> None:
        self.schedule_call_global(seconds, call)

    def in_loop_thread(self) -> bool:
        return bool(_threads.get_ident() == self._thread_id)

    def watch(self, fd: int, endpoint: Endpoint, *, room: bool = True) -> None:
        self._table[fd] = endpoint
        self.poll.register(fd, _WATCHED if room else _WATCHED_INPUT)

    def watch_room(self, fd: int, wanted: bool) -> None:
        self.poll.modify(fd, _WATCHED if wanted else _WATCHED_INPUT)

    def unwatch(self, fd: int) -> None:
        if self._table.pop(fd, None) is not None:
            with contextlib.suppress(OSError):  # closed behind our back
                self.poll.unregister(fd)

    def drop_after_fork(self) -> None:
        """In the child: the parent's epoll set must not be touched, only let go of."""
        self.poll.close()
        os.close(self._poke_fd)

    # One turn

    def run(self, *_: object) -> None:
        """eventlet's loop, without its work for timers in turns that have none."""
        if self.running:
            raise RuntimeError("the loop is running already")
        self.running = True
        self.stopping = False
        try:
            while not self.stopping:
                while self.closed:
                    self.close_one()
                if self.next_timers:
                    self.prepare_timers()
                if self.timers:
                    self.fire_timers(self.clock())
                    if self.next_timers:
                        self.prepare_timers()
                if self.timers:
                    self.wait(max(0.0, self.timers[0][0] - self.clock()))
                elif self.next_timers:
                    self.wait(0.0)
                else:
                    self.wait(None)
            self.timers_canceled = 0
            del self.timers[:]
            del self.next_timers[:]
        finally:
            self.running = False
            self.stopping = False

    def wait(self, seconds: float | None = None) -> None:
        """Poll once, switch to whoever is concerned, run what was posted, sweep deadlines."""
        foreign = self._poll(60.0 if seconds is None else seconds)
        if foreign:
            self._dispatch_foreign(foreign)
        ready = self._ready
        for _ in range(len(ready)):
            try:
                ready.popleft()()
            except self.SYSTEM_EXCEPTIONS:
                raise
            except BaseException:
                self._report()
        if self._next_sweep != inf and self.monotonic() >= self._next_sweep:
            self._sweep(self.monotonic())

    def _poll(self, seconds: float) -> list[tuple[int, int]]:
        if self.fresh:
            self.fresh = False
            soon = self.monotonic() + SWEEP_S
            if soon < self._next_sweep:
                self._next_sweep = soon
        self._polling = True
        if self._ready:
            seconds = 0.0
        elif seconds > 0.0 and self._next_sweep != inf:
            left = self._next_sweep - self.monotonic()
            if left < seconds:
                seconds = left if left > 0.0 else 0.0
        events = self.poll.poll(seconds)
        self._polling = False
        table = self._table
        foreign = []
        for fd, bits in events:
            endpoint = table.get(fd)
            if endpoint is None:
                if fd != self._poke_fd:  # never read: each poke is a new edge
                    foreign.append((fd, bits))
                continue
            try:
                if bits & _READABLE:
                    endpoint.readable = True
                    if bits & _ENDED:
                        endpoint.ended = True
                    greenlet = endpoint.reader
                    if greenlet is not None:
                        endpoint.reader = None
                        greenlet.switch()
                if bits & _WRITABLE:
                    greenlet = endpoint.writer
                    if greenlet is not None:
                        endpoint.writer = None
                        greenlet.switch()
            except self.SYSTEM_EXCEPTIONS:
                raise
            except BaseException:
                self._report()
        return foreign

    def _dispatch_foreign(self, events: list[tuple[int, int]]) -> None:
        """eventlet's own listeners, in its own way: all are looked up before any is called."""
        readers, writers = self.listeners[self.READ], self.listeners[self.WRITE]
        found = {}
        for fd, bits in events:
            if bits & (_FOREIGN_READ | _FOREIGN_BOTH) and fd in readers:
                found[readers[fd]] = fd
            if bits & (select.EPOLLOUT | _FOREIGN_BOTH) and fd in writers:
                found[writers[fd]] = fd
        for listener, fd in found.items():
            try:
                listener.cb(fd)
            except self.SYSTEM_EXCEPTIONS:
                raise
            except BaseException:
                self._report()
                self.remove_descriptor(fd)

    def _sweep(self, now: float) -> None:
        """Throw DeadlinePassed into everybody whose time is over, and see when to look again."""
        late: dict[Any, None] = {}  # each once: one that waits for any of several is met often
        earliest = inf
        for endpoint in self._table.values():
            if endpoint.read_until <= now:
                endpoint.read_until = inf
                if endpoint.reader is not None:
                    late[endpoint.reader] = None
                    endpoint.reader = None
            elif endpoint.read_until < earliest:
                earliest = endpoint.read_until
            if endpoint.write_until <= now:
                endpoint.write_until = inf
                if endpoint.writer is not None:
                    late[endpoint.writer] = None
                    endpoint.writer = None
            elif endpoint.write_until < earliest:
                earliest = endpoint.write_until
        for waiter, until in self.sleepers.items():
            if until > now:
                earliest = min(earliest, until)
            elif waiter.greenlet is not None:
                late[waiter.greenlet] = None
                waiter.greenlet = None
        self._next_sweep = inf if earliest == inf else max(earliest, now + SWEEP_S)
        for greenlet in late:
            try:
                greenlet.throw(DeadlinePassed("the deadline has passed"))
            except self.SYSTEM_EXCEPTIONS:
                raise
            except BaseException:
                self._report()

    def _report(self) -> None:
        self.squelch_generic_exception(sys.exc_info())


class _Process:
    """This process's hub, made when it is first needed and again after a fork."""

    hub: Hub | None = None
    entropy = OsEntropy(ahead=1024)


def current_hub() -> Hub:
    hub = _Process.hub
    if hub is None:
        eventlet.hubs.use_hub(Hub)
        hub = _Process.hub = eventlet.hubs.get_hub()
    return hub


def _after_fork_in_child() -> None:
    hub = _Process.hub
    _Process.entropy.reseed()
    if hub is not None:
        _Process.hub = None
        hub.drop_after_fork()
        eventlet.hubs.use_hub(Hub)


os.register_at_fork(after_in_child=_after_fork_in_child)
# Therefore eventlet's warning before every fork does not apply.
warnings.filterwarnings("ignore", message=r"Using fork\(\) is a bad idea")


def _sleep(seconds: float) -> None:
    """eventlet's timers in the loop's thread, the kernel's elsewhere (offloaded code)."""
    if current_hub().in_loop_thread():
        eventlet.sleep(seconds)
    else:
        _native_sleep(seconds)


def make_host(*, threads: int = 16, threads_per_key: int = 8) -> Host:
    """The production host. Cheap and without side effects until used; may be made before a fork.

    threads: for offloaded work, in all; threads_per_key: how many of them one device may hold.
    """
    clock = OsClock()
    tasks = GreenTasks(
        current_hub,
        timed_sleep=_sleep,
        start_thread=_threads.start_new_thread,
        threads=threads,
        threads_per_key=threads_per_key,
    )
    return Host(
        clock=clock,
        disk=OsDisk(pause=tasks.sleep, monotonic=clock.monotonic),
        net=GreenNet(current_hub, tasks),
        tasks=tasks,
        entropy=_Process.entropy,
        process=OsProcess(),
    )
