"""A descriptor of a file, and the one disk job at a time that uses it while its owner goes on.

A disk that does not answer holds up its thread, not the request, which may give the file up. The
descriptor is then closed once the thread is back: never under its feet, where the number might
already be another file's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from swiftlite.host.bundle import Host
from swiftlite.host.tasks import Task


class Descriptor:
    """Owned by one request. key: of the disk's threads."""

    def __init__(self, host: Host, fd: int, key: str) -> None:
        self.fd = fd
        self._disk = host.disk
        self._tasks = host.tasks
        self._key = key
        self._task: Task[Any] | None = None

    def begin(self, work: Callable[..., object], *arguments: object) -> None:
        assert self._task is None
        self._task = self._tasks.spawn(self._tasks.offload, self._key, work, *arguments)

    def end(self, deadline: float | None = None) -> Any:  # noqa: ANN401  # what work gives
        """Wait for the job. Raises what it raises, and host.net.DeadlinePassed."""
        assert self._task is not None
        try:
            return self._task.wait(deadline)
        finally:
            if self._task.done:
                self._task = None

    @property
    def busy(self) -> bool:
        """A job that was given up is still at work."""
        return self._task is not None and not self._task.done

    def close(self) -> None:
        """Any number of times."""
        fd, self.fd = self.fd, -1
        if fd < 0:
            return
        if self._task is None or not self.busy:
            self._disk.close(fd)
        else:
            self._tasks.spawn(self._close_later, self._task, fd)

    def _close_later(self, task: Task[Any], fd: int) -> None:
        try:
            task.wait()
        except OSError:
            pass  # it has been given up
        finally:
            self._disk.close(fd)
