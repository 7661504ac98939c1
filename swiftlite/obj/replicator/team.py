"""The jobs of a batch, several at a time, each for itself; but small pushes go together.

A job that has come to a push of a few objects waits until the others have come as far. Then all
that goes to one device goes by one rsync, and all go on.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

from swiftlite.obj.replicator.context import Replication
from swiftlite.obj.replicator.jobs import Job
from swiftlite.obj.replicator.peers import Compared
from swiftlite.obj.replicator.push import Parcel, PushFailed, RsyncPush
from swiftlite.obj.replicator.revert import Revert
from swiftlite.obj.replicator.update import Steps, Update
from swiftlite.objectstore.api import StoreError
from swiftlite.ring import Ring

_OBJECTS_TOGETHER = 1024
"""Pushed by one rsync, for which there is rsync_timeout: what is left over goes by another."""


class _Waiting(NamedTuple):
    steps: Steps
    parcel: Parcel


class Team:
    """gathers: how what waits is pushed; None when every push goes by itself."""

    def __init__(self, work: Replication, gathers: RsyncPush | None) -> None:
        self._work = work
        self._gathers = gathers
        self._waiting: list[_Waiting] = []

    def run(self, ring: Ring, jobs: Iterable[Job], compared: Compared) -> None:
        """Logs and counts what fails. Ends soon when the daemon must."""
        self._side_by_side(partial(self._begin, ring, job, compared) for job in jobs)
        while self._waiting:
            waiting, self._waiting = self._waiting, []
            self._side_by_side(partial(self._send, load) for load in loads_of(waiting))

    def _side_by_side(self, calls: Iterable[Callable[[], None]]) -> None:
        left = deque(calls)

        def drain() -> None:
            while left:
                left.popleft()()

        helpers = min(self._work.options.concurrency, len(left)) - 1
        tasks = [self._work.host.tasks.spawn(drain) for _ in range(helpers)]
        drain()
        for task in tasks:
            task.wait()

    def _begin(self, ring: Ring, job: Job, compared: Compared) -> None:
        if self._work.stopping():
            return
        with self._telling(job):
            if job.is_handoff:
                Revert(self._work, job).run()
            else:
                steps = Update(self._work, ring, job, compared).steps()
                self._go_on(steps, partial(next, steps))

    def _send(self, load: list[_Waiting]) -> None:
        for (steps, parcel), failure in zip(load, self._pushed_together(load), strict=True):
            with self._telling(parcel.job):
                self._go_on(steps, _way_on(steps, failure))

    def _pushed_together(self, load: list[_Waiting]) -> list[PushFailed | None]:
        assert self._gathers is not None
        if self._work.stopping():
            return [PushFailed("this daemon was told to stop") for _ in load]
        try:
            return self._gathers.together([one.parcel for one in load])
        except Exception as error:
            self._work.log.exception(f"{len(load)} partitions cannot be pushed")
            return [PushFailed(str(error)) for _ in load]

    def _go_on(self, steps: Steps, way_on: Callable[[], Parcel]) -> None:
        """As far as a push that can wait for others, or to the end."""
        while True:
            try:
                parcel = way_on()
            except StopIteration:
                return
            if self._gathers is not None and self._gathers.may_wait(parcel):
                self._waiting.append(_Waiting(steps, parcel))
                return
            way_on = _way_on(steps, self._pushed_alone(parcel))

    def _pushed_alone(self, parcel: Parcel) -> PushFailed | None:
        try:
            self._work.push(*parcel)
        except PushFailed as failure:
            return failure
        return None

    @contextmanager
    def _telling(self, job: Job) -> Iterator[None]:
        where = f"partition {job.partition} of {job.device.device}"
        try:
            yield
        except NotADirectoryError:
            self._remove_file(job)
        except (StoreError, OSError) as error:
            self._work.log.error(f"{where} cannot be replicated: {error}")
        except Exception:
            self._work.log.exception(f"{where} cannot be replicated")

    def _remove_file(self, job: Job) -> None:
        """A file (empty, as a rule) where a partition should be: a crashed file system's."""
        work = self._work
        try:
            path = work.manager.partition(job.device.device, job.policy_index, job.partition).path
            work.log.warning(f"Removing partition directory which was a file: {path}")
            work.host.disk.unlink(path)
        except (StoreError, OSError) as error:
            work.log.error(str(error))


def _way_on(steps: Steps, failure: PushFailed | None) -> Callable[[], Parcel]:
    return partial(next, steps) if failure is None else partial(steps.throw, failure)


def loads_of(waiting: Iterable[_Waiting], most: int = _OBJECTS_TOGETHER) -> list[list[_Waiting]]:
    """What one rsync takes at a time: all to the same device, and not too many objects."""
    loads: list[list[_Waiting]] = []
    open_loads: dict[int, tuple[list[_Waiting], int]] = {}  # by device: the load, its objects
    for one in waiting:
        device, objects = one.parcel.target.id, len(one.parcel.held)
        load, count = open_loads.get(device, ([], most))
        if count + objects > most:
            load, count = [], 0
            loads.append(load)
        load.append(one)
        open_loads[device] = load, count + objects
    return loads
