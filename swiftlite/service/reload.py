"""What a server's parent does beside keeping its workers: reloads, ring ports, the watchdog."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterable

from swiftlite.config.load import ConfError
from swiftlite.host.clock import Clock
from swiftlite.observe.log import Log
from swiftlite.service.child import CannotStart
from swiftlite.service.crew import Crew, Post
from swiftlite.service.handover import own_command, start_anew
from swiftlite.service.port import Doors
from swiftlite.service.systemd import notify

CHECK_OPTION = "--test-config"


def notify_socket(pid: int) -> str:
    """An abstract socket at which somebody may wait for this process's next state."""
    return f"@swift-notifications\0{pid}"


def tell(state: str) -> None:
    """Say it to the service manager, and to a swiftlite-reload that waits."""
    notify(state)
    notify(state, {"NOTIFY_SOCKET": notify_socket(os.getpid())})


class Reloader:
    """SIGUSR1: try the conf in a process of its own, and if it is good become a new parent."""

    def __init__(self, doors: Doors, log: Log) -> None:
        self._doors = doors
        self._log = log
        self._check: subprocess.Popen[str] | None = None

    def ask(self) -> None:
        if self._check is not None:
            return  # one that has not begun yet will do as well
        self._log.notice("asked to reload: trying the conf")
        environ = {key: value for key, value in os.environ.items() if key != "NOTIFY_SOCKET"}
        self._check = subprocess.Popen(
            [*own_command(), CHECK_OPTION],
            env=environ,
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def due(self) -> float | None:
        return None  # its end is a SIGCHLD

    def look(self, crew: Crew) -> None:
        if self._check is None or self._check.poll() is None:
            return
        check, self._check = self._check, None
        complaint = check.communicate()[1].strip()
        if check.returncode != 0:
            why = complaint.replace("\n", " ") or f"status {check.returncode}"
            self._log.error(f"not reloaded, the present workers go on: {why}")
            tell("STATUS=not reloaded, the conf is at fault")
            return
        self._log.notice("reloading: new workers start, the present ones finish their work")
        tell("RELOADING=1")
        try:
            start_anew(self._doors.sockets, crew.pids())
        except OSError as error:
            self._log.error(f"not reloaded, the present workers go on: {error}")
            tell("READY=1")


class WatchPorts:
    """Looks at the rings now and then; ports that came get workers, those of others may go."""

    def __init__(
        self,
        ports: Callable[[], frozenset[int]],
        present: frozenset[int],
        posts_for: Callable[[Iterable[int]], list[Post]],
        log: Log,
        clock: Clock,
        interval: float,
    ) -> None:
        self._ports = ports
        self._present = present
        self._posts_for = posts_for
        self._log = log
        self._monotonic = clock.monotonic
        self._interval = interval
        self._next = clock.monotonic() + interval

    def due(self) -> float | None:
        return self._next

    def look(self, crew: Crew) -> None:
        if self._monotonic() < self._next:
            return
        self._next = self._monotonic() + self._interval
        try:
            found = self._ports()
            if not found or found == self._present:
                return  # none at all: rings that name this node no more take no requests to it
            crew.reassign(self._posts_for(found))
        except (ConfError, CannotStart) as error:
            self._log.error(str(error))
            return
        self._log.notice(f"the rings give this node the ports {sorted(found)} now")
        self._present = found


class Watchdog:
    """Tells systemd, as often as it wants, that this process is not stuck."""

    def __init__(self, pause: float, monotonic: Callable[[], float]) -> None:
        self._pause = pause
        self._monotonic = monotonic
        self._next = monotonic()

    def due(self) -> float | None:
        return self._next

    def look(self, crew: Crew) -> None:
        if self._monotonic() >= self._next:
            self._next = self._monotonic() + self._pause
            tell("WATCHDOG=1")
