"""The runs of one open file, each found sound before it is given, the next looked at meanwhile.

Whoever sends a run waits for the network most of the time; the disk's threads read and check the
next one then, so that a single stream keeps both at work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

from swiftlite.host.buffers import Buffers
from swiftlite.host.descriptor import Descriptor
from swiftlite.host.disk import Disk
from swiftlite.host.net import DeadlinePassed
from swiftlite.objectstore.checks import Check, NoCheck

Run: TypeAlias = tuple[int, int]
"""Bytes from the first to the second of a file (half-open)."""

Refused: TypeAlias = Callable[[Run, OSError | DeadlinePassed | None], Exception]
"""What to raise for a run that could not be read, or (None) is not what was written."""


class SoundRuns:
    """Used by the file's one owner."""

    def __init__(
        self,
        disk: Disk,
        file: Descriptor,
        check: Check,
        buffers: Buffers,
        refused: Refused,
        deadline: Callable[[], float | None] = lambda: None,
    ) -> None:
        """deadline: until when to wait for a run that is waited for from now on."""
        self._disk = disk
        self._file = file
        self._check = check
        self._buffers = buffers
        self._refused = refused
        self._deadline = deadline
        self._under_way: Run | None = None
        self._prepared: Run | None = None

    def prepare(self, start: int, stop: int) -> None:
        """Check the first run of what will be asked for, before anybody promises it."""
        for run in self._check.runs(start, stop):
            self._ensure(run)
            self._prepared = run
            return

    def over(self, start: int, stop: int) -> Iterator[Run]:
        """All that cover the bytes start to stop, in order. Raises what `refused` gives."""
        runs = self._check.runs(start, stop)
        if isinstance(self._check, NoCheck):
            yield from runs
            return
        coming = next(runs, None)
        while coming is not None:
            run, coming = coming, next(runs, None)
            self._ensure(run)
            if coming is not None:
                self._begin(coming)
            yield run

    def _ensure(self, run: Run) -> None:
        prepared, self._prepared = self._prepared, None
        if prepared == run or isinstance(self._check, NoCheck):
            return
        if self._under_way != run:
            if self._under_way is not None:  # of a part that was not read to its end
                self._end(self._under_way)
            self._begin(run)
        self._end(run)

    def _begin(self, run: Run) -> None:
        self._under_way = run
        self._file.begin(self._is_sound, *run)

    def _end(self, run: Run) -> None:
        self._under_way = None
        try:
            sound = self._file.end(self._deadline())
        except (OSError, DeadlinePassed) as error:
            raise self._refused(run, error) from error
        if not sound:
            raise self._refused(run, None)

    def _is_sound(self, start: int, stop: int) -> bool:
        """In one of the disk's threads."""
        buffer = self._buffers.take()
        try:
            return self._check.sound(self._disk, self._file.fd, start, stop, memoryview(buffer))
        finally:
            self._buffers.give_back(buffer)
