"""Small commits of one device, made together when several wait.

A commit is a generator that pauses where it would wait for the medium. A disk thread takes all
that have gathered and brings each up to its pause before it lets any go on. So their bytes travel
together, and as the file system keeps order (host.disk.keeps_order), the sync that the last of them
asks for takes the changes of all along; and one hand-over and one wake-up of the event loop serve
them all. While a round is under way the next one gathers; where nobody else has been seen lately,
a commit sets out at once (host.gathering).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from typing import Any, TypeAlias, TypeVar

from swiftlite.host.disk import Disk
from swiftlite.host.gathering import Gathering
from swiftlite.host.tasks import Event, Tasks
from swiftlite.objectstore.api import Unsettled

T = TypeVar("T")
Pause: TypeAlias = str | None
"""A directory that must be synced before the next step; empty: none. None: what follows may wait
long (for a lock), and so must not be done in company."""
Steps: TypeAlias = Generator[Pause, None, T]
"""Gives the result; yields at each pause. An OSError of the sync is thrown in there."""

COMPANY_MAX = 32
_LEAD = object()


class Commits:
    """Used by tasks, for devices that keep order; the steps run on disk threads."""

    def __init__(self, tasks: Tasks, gathering: Gathering, disk: Disk) -> None:
        self._tasks = tasks
        self._gathering = gathering
        self._disk = disk
        self._devices: dict[str, _Device] = {}

    def run(self, device: str, steps: Steps[T]) -> T:
        """The result of the steps; raises what they raise."""
        here = self._devices.get(device)
        if here is None:
            here = self._devices[device] = _Device()
        commit = _Commit(steps)
        if not here.busy:
            here.busy = True
            self._lead(device, here, commit)
        elif self._wait(device, here, commit) is _LEAD:
            self._lead(device, here, commit)
        if commit.alone:
            self._tasks.offload(device, _finish, self._disk, commit)
        if commit.error is not None:
            try:
                raise commit.error
            finally:
                commit.error = None  # no cycle through the traceback
        return commit.result  # type: ignore[no-any-return]  # of type T

    def _wait(self, device: str, here: _Device, commit: _Commit) -> object:
        event = commit.event = self._tasks.event()
        here.waiting.append(commit)
        self._gathering.joined(device, 1 + len(here.waiting))
        try:
            return event.wait()
        except BaseException:
            if commit in here.waiting:
                here.waiting.remove(commit)
                commit.steps.close()
            elif event.is_set and event.wait() is _LEAD:
                self._pass_on(here)
            raise

    def _lead(self, device: str, here: _Device, first: _Commit) -> None:
        company = [first]
        try:
            set_out = self._gathering.wait(device, lambda: 1 + len(here.waiting))
        except BaseException:
            first.steps.close()
            self._pass_on(here)
            raise
        while here.waiting and len(company) < COMPANY_MAX:
            company.append(here.waiting.popleft())
        told = False
        try:
            self._tasks.offload(device, _advance, self._disk, company)
            told = True
        finally:
            for commit in company[1:]:
                if not told:  # this task was killed, and nobody knows what comes of it
                    commit.error = Unsettled(f"device {device}: the commit was given up")
                assert commit.event is not None
                commit.event.set()
            self._gathering.arrived(device, set_out, len(company) + len(here.waiting))
            self._pass_on(here)

    def _pass_on(self, here: _Device) -> None:
        if here.waiting:
            following = here.waiting.popleft().event
            assert following is not None
            following.set(_LEAD)
        else:
            here.busy = False


def exhausted(disk: Disk, steps: Steps[T]) -> T:
    """Take all the steps here and now."""
    try:
        while True:
            path = next(steps)
            if path:
                try:
                    disk.fsync_dir(path)
                except OSError as error:
                    steps.throw(error)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]  # of type T


class _Device:
    __slots__ = ("busy", "waiting")

    def __init__(self) -> None:
        self.busy = False  # a round is under way, and its leader will pass the lead on
        self.waiting: deque[_Commit] = deque()


class _Commit:
    __slots__ = ("alone", "error", "event", "result", "steps")

    def __init__(self, steps: Steps[Any]) -> None:
        self.steps = steps
        self.event: Event[Any] | None = None  # of the task that waits; None: it leads
        self.result: Any = None
        self.error: BaseException | None = None
        self.alone = False  # not done, and to be continued without company

    def step(self) -> Pause:
        """Up to the next pause; None when it is done, failed, or must go on alone."""
        try:
            pause = next(self.steps)
        except StopIteration as end:
            self.result = end.value
            return None
        except BaseException as error:  # its own task will hear of it
            self.error = error
            return None
        self.alone = pause is None
        return pause

    def fail(self, error: BaseException) -> None:
        """The sync that it waits for has failed."""
        try:
            self.steps.throw(error)
        except BaseException as raised:  # its own task will hear of it
            self.error = raised
        else:
            self.error = error


def _advance(disk: Disk, company: list[_Commit]) -> None:
    """Take each step of all before the next of any. On a disk thread."""
    while company:
        going = []
        waiting = []
        last = ""
        for commit in company:
            pause = commit.step()
            if pause is None:
                continue
            going.append(commit)
            if pause:
                waiting.append(commit)
                last = pause
        if last:
            try:
                disk.fsync_dir(last)  # changed after all the others: takes them along
            except BaseException as error:
                for commit in waiting:
                    commit.fail(error)
                going = [commit for commit in going if commit.error is None]
        company = going


def _finish(disk: Disk, commit: _Commit) -> None:
    commit.alone = False
    commit.result = exhausted(disk, commit.steps)
