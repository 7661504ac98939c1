"""Counts of requests by method, kind of status and duration, in a buffer of fixed layout.

A row for each method and kind of status: how many requests ended within each bound, then their
durations added up. The buffer is memory, or a small file of each worker that the others read, so
that whichever of them is asked can tell of all. What a worker that has ended had counted is added
to the file of those that have ended: the sums never fall.
"""

from __future__ import annotations

import mmap
import os
from bisect import bisect_left
from collections.abc import Iterator

from swiftlite.host.bundle import Host

BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
METHODS = (
    "GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS", "COPY", "UPDATE", "REPLICATE", "SSYNC",
    "other",
)  # fmt: skip
KINDS = ("1xx", "2xx", "3xx", "4xx", "5xx")

_BUCKETS = len(BOUNDS) + 1
_ROW = _BUCKETS + 1
_ROWS = len(METHODS) * len(KINDS)
SIZE = _ROWS * _ROW * 8


class _RowOf(dict[str, dict[str, int]]):
    """Where a row begins, by method and first digit of the status."""

    def __init__(self) -> None:
        for number, method in enumerate(METHODS):
            first = number * len(KINDS)
            self[method] = {kind[0]: (first + at) * _ROW for at, kind in enumerate(KINDS)}

    def __missing__(self, method: str) -> dict[str, int]:
        return self["other"]


_ROW_OF = _RowOf()
_LOCK_TIMEOUT_S = 2.0
_ENDED, _ENDING = "ended", ".counts"


class Counts:
    """Over a writable buffer of SIZE bytes."""

    def __init__(self, buffer: bytearray | mmap.mmap | None = None) -> None:
        own = bytearray(SIZE) if buffer is None else buffer
        self._numbers = memoryview(own).cast("Q")
        self._sums = memoryview(own).cast("d")

    def note(self, method: str, status: str, seconds: float) -> None:
        """status: begins with its number."""
        start = _ROW_OF[method].get(status[0])
        if start is not None:
            self._numbers[start + bisect_left(BOUNDS, seconds)] += 1
            self._sums[start + _BUCKETS] += seconds

    def add(self, other: Counts) -> None:
        for at in range(0, _ROWS * _ROW, _ROW):
            for number in range(at, at + _BUCKETS):
                self._numbers[number] += other._numbers[number]
            self._sums[at + _BUCKETS] += other._sums[at + _BUCKETS]

    def rows(self) -> Iterator[tuple[str, str, list[int], float]]:
        """(method, kind, count in each bucket, sum of seconds) of those that were ever seen."""
        for number in range(_ROWS):
            start = number * _ROW
            counts = self._numbers[start : start + _BUCKETS].tolist()
            if any(counts):
                method, kind = divmod(number, len(KINDS))
                yield METHODS[method], KINDS[kind], counts, self._sums[start + _BUCKETS]


class SharedCounts:
    """The counts of one server's workers: a file each in a directory. Raises OSError."""

    def __init__(self, host: Host, directory: str, server: str) -> None:
        self._disk = host.disk
        self._process = host.process
        self._prefix = f"{directory}/{server}"
        self._directory = directory
        self._disk.makedirs(directory, 0o755)
        self._own_pid = host.process.pid
        self.own = self._open(self._path(str(self._own_pid)))

    def workers(self) -> list[int]:
        """Those that are alive, by pid; this one is."""
        others = {pid for pid in self._pids() if self._process.alive(pid)}
        return sorted(others | {self._own_pid})

    def total(self) -> Counts:
        """Of all workers, those that have ended included."""
        total = Counts()
        with self._disk.flock(f"{self._prefix}.lock", _LOCK_TIMEOUT_S):
            for pid in self._pids():
                if pid != self._own_pid and not self._process.alive(pid):
                    self._bury(pid)
                else:
                    total.add(self._read(self._path(str(pid))))
            total.add(self._read(self._path(_ENDED)))
        return total

    def _bury(self, pid: int) -> None:
        path = self._path(str(pid))
        self._open(self._path(_ENDED)).add(self._read(path))
        self._disk.unlink(path)

    def _pids(self) -> list[int]:
        start = os.path.basename(self._path(""))[: -len(_ENDING)]
        names = (
            name[len(start) : -len(_ENDING)]
            for name in self._disk.listdir(self._directory)
            if name.startswith(start) and name.endswith(_ENDING)
        )
        return [int(name) for name in names if name.isdigit()]

    def _path(self, who: str) -> str:
        return f"{self._prefix}-{who}{_ENDING}"

    def _open(self, path: str) -> Counts:
        fd = self._disk.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            self._disk.truncate(fd, SIZE)
            return Counts(mmap.mmap(fd, SIZE))
        finally:
            self._disk.close(fd)

    def _read(self, path: str) -> Counts:
        try:
            fd = self._disk.open(path)
        except FileNotFoundError:
            return Counts()
        try:
            return Counts(bytearray(self._disk.read(fd, SIZE).ljust(SIZE, b"\0")))
        finally:
            self._disk.close(fd)
