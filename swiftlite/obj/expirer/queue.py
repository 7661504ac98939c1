"""The queue of what is to expire: containers of the hidden account, read in order of time.

Knows which tasks are due, and which are this expirer's; deletes nothing but empty containers.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import md5

from swiftlite.formats.expirer_task import (
    ACCOUNT,
    ASYNC_DELETE_TYPE,
    CONTAINERS_PER_DIVISOR,
    ExpirerTask,
    parse_task_name,
)
from swiftlite.obj.expirer.delays import Delays
from swiftlite.observe.log import Log
from swiftlite.service.internal_client import InternalClient, UnexpectedAnswer

_GONE_OR_IN_USE = frozenset((404, 409))


@dataclass(frozen=True, slots=True)
class Due:
    """One task that is to be carried out now. is_async: the object goes whether it expires or
    not, for somebody has deleted it in the queue's way."""

    container: str
    name: str
    task: ExpirerTask
    is_async: bool


@dataclass(frozen=True, slots=True)
class Share:
    """Which tasks are ours: part `process` of `processes`; processes 0: all."""

    process: int = 0
    processes: int = 0

    def has(self, container: str, name: str) -> bool:
        if self.processes <= 1:
            return True
        text = f"{container}/{name}".encode("utf-8", "surrogateescape")
        number = int.from_bytes(md5(text, usedforsecurity=False).digest(), "big")
        return number % self.processes == self.process


class Queue:
    """now: unix seconds. count: told of Swift's metrics, tasks.assigned and so on."""

    def __init__(
        self,
        client: InternalClient,
        share: Share,
        delays: Delays,
        log: Log,
        *,
        divisor: int,
        now: Callable[[], float],
        count: Callable[[str], None],
    ) -> None:
        self._client = client
        self._share = share
        self._delays = delays
        self._log = log
        self._divisor = divisor
        self._now = now
        self._count = count

    def due(self) -> Iterator[Due]:
        """Every task that is ours and due, container by container. A container that cannot be
        listed is named in the log and left to the next pass."""
        try:
            containers = self._containers()
        except UnexpectedAnswer as error:
            self._log.error(f"Containers of {ACCOUNT} cannot be listed: {error}")
            return
        for container in containers:
            try:
                yield from self._tasks(container)
            except UnexpectedAnswer as error:
                self._log.error(f"Tasks of {ACCOUNT}/{container} cannot be listed: {error}")

    def _containers(self) -> list[str]:
        """Those that may have due tasks. Raises UnexpectedAnswer."""
        found, odd = [], []
        for entry in self._client.listing(ACCOUNT):
            name = entry["name"]
            if not (name.isascii() and name.isdigit()):
                self._log.error(f"{ACCOUNT}/{name} is no container of tasks")
                continue
            if int(name) > self._now():
                break
            if self._divisor - (int(name) - 1) % self._divisor > CONTAINERS_PER_DIVISOR:
                odd.append(name)
            found.append(name)
        if odd:
            self._log.info(
                f"{len(odd)} containers of tasks are named for another divisor, such as "
                f"{' '.join(odd[:4])}"
            )
        return found

    def _tasks(self, container: str) -> Iterator[Due]:
        empty = True
        for entry in self._client.listing(ACCOUNT, container):
            empty = False
            name = entry["name"]
            try:
                task = parse_task_name(name)
            except ValueError as error:
                self._count("tasks.parse_errors")
                self._log.error(f"{ACCOUNT}/{container}: {error}")
                continue
            now = self._now()
            if task.delete_at.seconds > now:
                break
            if not self._share.has(container, name):
                self._count("tasks.skipped")
                continue
            is_async = entry.get("content_type") == ASYNC_DELETE_TYPE
            delay = self._delays.of(task.account, task.container)
            if not is_async and task.delete_at.seconds > now - delay:
                self._count("tasks.delayed")
                continue
            self._count("tasks.assigned")
            yield Due(container, name, task, is_async)
        if empty:
            self._remove(container)

    def _remove(self, container: str) -> None:
        """An empty container of the past."""
        try:
            self._client.request(
                "DELETE",
                ACCOUNT,
                container,
                allowed=lambda status: status // 100 == 2 or status in _GONE_OR_IN_USE,
            )
        except UnexpectedAnswer as error:
            self._log.error(f"An empty container of tasks cannot be deleted: {error}")


def in_turns(tasks: Iterator[Due], most: int) -> Iterator[Due]:
    """The same tasks, a container's objects not in a row as far as `most` in memory allow."""
    while True:
        by_container: dict[tuple[str, str], deque[Due]] = defaultdict(deque)
        count = 0
        for due in tasks:
            by_container[due.task.account, due.task.container].append(due)
            count += 1
            if count >= most:
                break
        if not count:
            return
        while by_container:
            for key in sorted(by_container):
                yield by_container[key].popleft()
                if not by_container[key]:
                    del by_container[key]
