"""Container updates that were put on disk, tried again by the server that put them there.

Most container servers that cannot be told are back a moment later. So an update is also kept in
memory here and tried again every second or so, many rows in a call, and its file is removed once
it was delivered. What does not fit in memory, or outlives this process, waits on disk for the
updater, as all of them do in Swift.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from swiftlite.formats.async_pending import AsyncPending
from swiftlite.host.net import Address
from swiftlite.host.tasks import Tasks
from swiftlite.obj.server.rows import Row, Target
from swiftlite.objectstore.api import StoreError
from swiftlite.vocab.status import is_server_error, is_success
from swiftlite.vocab.timestamp import Timestamp

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 8.0  # nobody else finds out that a server is back (peers.silence)
KEPT_MAX = 10_000
BATCH_MAX = 500


class Kept(NamedTuple):
    """An update whose file is on disk, and those who have not been told."""

    device: str
    policy_index: int
    timestamp: Timestamp  # in the file's name
    update: AsyncPending
    row: Row
    targets: tuple[Target, ...]


class Sender(Protocol):
    def send_many(self, target: Target, rows: Sequence[Row], /) -> int | None:
        """The status that stands for all rows; None when there was no answer."""
        ...


class Pendings(Protocol):
    """The part of the store that keeps updates."""

    def drop_pending(
        self, device: str, policy_index: int, timestamp: Timestamp, pending: AsyncPending, /
    ) -> None: ...


class Lines(Protocol):
    def info(self, message: str, /) -> None: ...
    def exception(self, message: str, /) -> None: ...


class Later:
    """One task, which lives only while something is kept."""

    def __init__(self, tasks: Tasks, sender: Sender, pendings: Pendings, log: Lines) -> None:
        self._tasks = tasks
        self._sender = sender
        self._pendings = pendings
        self._log = log
        self._kept: list[Kept] = []
        self._running = False

    @property
    def count(self) -> int:
        return len(self._kept)

    def add(self, kept: Kept) -> None:
        """Never waits. An update too many is left to its file."""
        if not kept.targets or len(self._kept) >= KEPT_MAX:
            return
        self._kept.append(kept)
        if not self._running:
            self._running = True
            self._tasks.spawn(self._run)

    def _run(self) -> None:
        pause = FIRST_PAUSE_S
        try:
            while self._kept:
                self._tasks.sleep(pause)
                before = len(self._kept)
                told = self.round()
                pause = FIRST_PAUSE_S if told else min(pause * 2, LONGEST_PAUSE_S)
                if told:
                    self._log.info(f"{told} of {before} container updates were delivered late")
        except Exception:
            self._log.exception("Container updates stay on disk for the updater")
            self._kept.clear()
        finally:
            self._running = False

    def round(self) -> int:
        """Try everything once; how many updates have been delivered to all."""
        waiting, self._kept = self._kept, []
        left: dict[int, set[Target]] = {n: set(kept.targets) for n, kept in enumerate(waiting)}
        groups: dict[tuple[Target, str, str], list[int]] = {}
        for number, kept in enumerate(waiting):
            for target in kept.targets:
                key = (target, kept.row.account, kept.row.container)
                groups.setdefault(key, []).append(number)
        silent: set[Address] = set()
        refused: set[int] = set()
        for (target, _, _), numbers in groups.items():
            for start in range(0, len(numbers), BATCH_MAX):
                if target.address in silent:
                    break  # no answer once a round is enough to know
                batch = numbers[start : start + BATCH_MAX]
                status = self._sender.send_many(target, [waiting[n].row for n in batch])
                if status is None:
                    silent.add(target.address)
                elif is_success(status):
                    for number in batch:
                        left[number].discard(target)
                elif not is_server_error(status):
                    refused.update(batch)
        return self._settle(waiting, left, refused)

    def _settle(self, waiting: list[Kept], left: dict[int, set[Target]], refused: set[int]) -> int:
        """Forget what was delivered; keep what was not, unless it was refused (the container may
        have been deleted): that is for the updater to find out about."""
        told = 0
        for number, kept in enumerate(waiting):
            if not left[number]:
                told += 1
                # A device that has gone keeps the file; whoever finds it tells it once more.
                with contextlib.suppress(StoreError):
                    self._pendings.drop_pending(
                        kept.device, kept.policy_index, kept.timestamp, kept.update
                    )
            elif number not in refused:
                self._kept.append(kept._replace(targets=tuple(left[number])))
        return told
