"""What every part of the store works with: host, settings, log, and how disk calls are run."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Protocol, TypeVar

from swiftlite.host.buffers import Buffers
from swiftlite.host.bundle import Host
from swiftlite.host.gathering import Gathering
from swiftlite.objectstore.api import StoreSettings, translated
from swiftlite.objectstore.commits import Commits, Steps, exhausted

T = TypeVar("T")
_ORDER_KNOWN_S = 10.0  # a disk may be exchanged for one with another file system
PLENTY_BYTES = 16 << 30
_PLENTY_KNOWN_S = 1.0  # in which no device fills up by so much
_SLOW_S = 0.05  # a spindle with a queue; a busy processor alone does not look like this
_SLOW_FOR = 64
_LARGE_UPLOADS = 64  # a megabyte each


class StoreLog(Protocol):
    """The part of a log that the store needs."""

    def warning(self, message: str, /) -> None: ...
    def error(self, message: str, /) -> None: ...


class Context:
    """One per process and store."""

    def __init__(
        self,
        host: Host,
        settings: StoreSettings,
        log: StoreLog,
        count: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.count = count  # told of each event by Swift's name for its metric
        self.host = host
        self.settings = settings
        self.log = log
        self.buffers = Buffers(uploads_max=_LARGE_UPLOADS)
        self._slow: dict[str, int] = {}  # device -> calls that still go to a thread
        self._orders: dict[str, tuple[bool, float]] = {}  # device -> keeps order, known until
        self._plenty: dict[str, float] = {}  # device -> until when it is known to have room
        self._commits = Commits(host.tasks, Gathering(host.tasks, host.clock.monotonic), host.disk)

    def offload(self, device: str, fn: Callable[..., T], *args: object) -> T:
        """One job on the device's threads; the disk's errors come back as the store's."""
        try:
            return self.host.tasks.offload(device, fn, *args)
        except OSError as error:
            raise translated(error, device) from error

    def commit(self, device: str, steps: Steps[T]) -> T:
        """A small commit, together with others of the device if some wait; errors as above."""
        try:
            if self.keeps_order(device):
                return self._commits.run(device, steps)
            # Here each has its own syncs to wait for, and threads of their own share them best.
            result: T = self.host.tasks.offload(device, exhausted, self.host.disk, steps)
            return result
        except OSError as error:
            raise translated(error, device) from error

    def keeps_order(self, device: str) -> bool:
        """host.disk.keeps_order() of a device, asked now and then. Raises OSError."""
        known = self._orders.get(device)
        now = self.host.clock.monotonic()
        if known is None or known[1] < now:
            keeps = self.host.disk.keeps_order(f"{self.settings.devices}/{device}")
            known = self._orders[device] = (keeps, now + _ORDER_KNOWN_S)
        return known[0]

    def has_plenty(self, device: str) -> bool:
        """Whether PLENTY_BYTES above the reserve were free a moment ago."""
        return self._plenty.get(device, -inf) > self.host.clock.monotonic()

    def found_plenty(self, device: str) -> None:
        self._plenty[device] = self.host.clock.monotonic() + _PLENTY_KNOWN_S

    def quickly(self, device: str, fn: Callable[..., T], *args: object) -> T:
        """A few calls that are answered from memory nearly always: here and now.

        A hand-over to a thread costs as much as such calls do. But a device that was slow once
        is likely to be slow again (a cold spindle), and others wait for this thread; so its next
        calls go to threads, until it has answered promptly for a while. Raises OSError.
        """
        left = self._slow.get(device, 0)
        if left:
            result: T = self.host.tasks.offload(device, self._watched, device, left - 1, fn, args)
            return result
        return self._watched(device, 0, fn, args)

    def _watched(self, device: str, left: int, fn: Callable[..., T], args: tuple[object, ...]) -> T:
        monotonic = self.host.clock.monotonic
        start = monotonic()
        try:
            return fn(*args)
        finally:
            if monotonic() - start > _SLOW_S:
                left = _SLOW_FOR
            if left:
                self._slow[device] = left
            else:
                self._slow.pop(device, None)
