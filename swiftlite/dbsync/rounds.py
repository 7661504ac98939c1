"""One round over the databases of a process's devices: a few at a time, devices taking turns.

Every pass over databases is such a round; what is done with them is the pass's own. A device that
cannot be used, or fails on the way, is left to the next round.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from swiftlite.dbstore.engine import Engine
from swiftlite.dbstore.errors import DatabaseError
from swiftlite.dbstore.merge import Row
from swiftlite.dbstore.places import Place
from swiftlite.dbsync.walk import Walk
from swiftlite.service.passes import DaemonContext

T = TypeVar("T")


class Round:
    """fault: is told of a device that drops out (or of the directory of devices), and why."""

    def __init__(
        self,
        context: DaemonContext,
        engine: Engine[Row],
        fault: Callable[[str, Exception], None],
    ) -> None:
        self._context = context
        self._engine = engine
        self._fault = fault
        self._walks: deque[tuple[str, Walk]] = deque()

    def add_all(self) -> None:
        """Every device here that is this process's to look after."""
        root = self._engine.devices.root
        try:
            names = self._context.host.tasks.offload(root, self._engine.disk.listdir, root)
        except OSError as error:
            self._fault(root, error)
            return
        for name in self._context.share(names):
            self.add(name)

    def add(
        self,
        device: str,
        wanted: Callable[[int], bool] = lambda _: True,
        first: Callable[[], object] = lambda: None,
    ) -> None:
        """wanted: whether a partition is, beside what the command line wants. first: done before
        on the device's thread; raises OSError."""
        host, chosen = self._context.host, self._context.partitions

        def is_wanted(partition: int) -> bool:
            return (not chosen or partition in chosen) and wanted(partition)

        def begin() -> Walk:
            self._engine.devices.check(device, room=False)
            first()
            return Walk(self._engine, device, host.entropy, host.clock.wall(), is_wanted)

        try:
            self._walks.append((device, host.tasks.offload(device, begin)))
        except (DatabaseError, OSError) as error:
            self._fault(device, error)

    def look(self, count: int, at: Callable[[list[Place]], T]) -> tuple[str, T] | None:
        """What `at` says of the next databases, on the thread of their device, and which that is;
        None when the round is over."""
        while self._walks:
            device, walk = self._walks.popleft()
            offload = self._context.host.tasks.offload
            try:
                found = offload(device, partial(_look, walk, count, at))
            except OSError as error:
                self._fault(device, error)
                continue
            if found is not None:
                self._walks.append((device, walk))
                return device, found[0]
        return None


def _look(walk: Walk, count: int, at: Callable[[list[Place]], T]) -> tuple[T] | None:
    places = walk.take(count)
    return (at(places),) if places else None
