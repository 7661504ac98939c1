"""Delivering updates to container servers: by container and server, many rows in a call if taken.

A swiftlite container server says on its answer to the first row that it takes many; the rest of
that container's rows then goes in a few calls. Any other server gets Swift's own call for each. A
server that gave no answer is left alone for a moment, for it would not answer the next call either.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from urllib.parse import unquote, urlsplit

from swiftlite.config.units import is_true
from swiftlite.host.bundle import Host
from swiftlite.host.net import Address
from swiftlite.obj.server.rows import Row
from swiftlite.obj.updater.pendings import Waiting
from swiftlite.observe.log import Log
from swiftlite.observe.statsd import Statsd
from swiftlite.peers.call import Unsendable
from swiftlite.peers.direct import Caller, Small, storage_path
from swiftlite.peers.errors import PeerFault
from swiftlite.peers.headers import Headers
from swiftlite.ring import Ring
from swiftlite.vocab.headers import X_BACKEND_SWIFTLITE, X_BACKEND_SWIFTLITE_ROWS
from swiftlite.vocab.names import split_path
from swiftlite.vocab.timestamp import Timestamp

ROWS_MAX = 1000
SINGLES_MAX = 32
"""Rows of one container that one task sends one by one; several may do so at the same time."""
SILENT_S = 5.0
_ROWS = "rows"
_NO_HEADERS = Headers({})
_REFUSED = frozenset((301, 400, 405, 411, 412, 413, 501))
"""What many rows at once may be answered though one alone would do."""


@dataclass(slots=True)
class _Job:
    """Rows of one container for one server. bodies: calls with many rows by their first, made once
    for all servers that get the same rows. singly: it is known not to take many."""

    device_id: int
    address: Address
    device: str
    partition: int
    container: tuple[str, str]
    rows: list[Waiting]
    bodies: dict[int, bytes | None]
    singly: bool = False


@dataclass(slots=True)
class Delivery:
    """What became of a batch. changed are rewritten on disk; failed stay as they are."""

    delivered: list[Waiting]
    changed: list[Waiting]
    failed: list[Waiting]
    redirects: int


class UpdateSender:
    """concurrency: calls under way at a time."""

    def __init__(
        self, host: Host, caller: Caller, log: Log, statsd: Statsd, *, concurrency: int
    ) -> None:
        self._tasks = host.tasks
        self._monotonic = host.clock.monotonic
        self._caller = caller
        self._log = log
        self._statsd = statsd
        self._concurrency = concurrency
        self._takes_rows: set[Address] = set()
        self._silent: dict[Address, float] = {}  # until when to leave it alone

    def deliver(self, batch: Sequence[Waiting], ring: Ring) -> Delivery:
        """Tell every primary of each update's container. Raises nothing but bugs."""
        before = {id(one): (len(one.told), one.update) for one in batch}
        redirects = self._round(batch, ring)
        if redirects:
            again = [one for one in batch if id(one) in redirects]
            redirects.update(self._round(again, ring))
        result = Delivery([], [], [], len(redirects))
        for one in batch:
            if self._wanted(one, ring) <= one.told:
                result.delivered.append(one)
                continue
            if id(one) not in redirects:
                result.failed.append(one)
            if (len(one.told), one.update) != before[id(one)]:
                result.changed.append(one)
        return result

    @staticmethod
    def _wanted(one: Waiting, ring: Ring) -> set[int]:
        return {device.id for device in ring.nodes(*one.container)[1]}

    def _round(self, batch: Sequence[Waiting], ring: Ring) -> set[int]:
        """Send each once; ids of those that were sent elsewhere, which are changed accordingly."""
        moved: dict[int, tuple[Waiting, str, Timestamp]] = {}
        jobs = deque(self._jobs(batch, ring))

        def work() -> None:
            while jobs:
                self._do(jobs.popleft(), jobs, moved)

        running = [self._tasks.spawn(work) for _ in range(self._concurrency if jobs else 0)]
        for task in running:
            task.wait()
        for one, path, _ in moved.values():
            _redirect(one, path)
        return set(moved)

    @staticmethod
    def _jobs(batch: Sequence[Waiting], ring: Ring) -> Iterable[_Job]:
        by_container: dict[tuple[str, str], list[Waiting]] = {}
        for one in batch:
            by_container.setdefault(one.container, []).append(one)
        for container, rows in by_container.items():
            partition, devices = ring.nodes(*container)
            bodies: dict[int, bytes | None] = {}
            for device in devices:
                missing = [one for one in rows if device.id not in one.told]
                if missing:
                    yield _Job(
                        device.id,
                        device.replication_address,
                        device.device,
                        partition,
                        container,
                        missing,
                        bodies if len(missing) == len(rows) else {},
                    )

    def _do(
        self, job: _Job, jobs: deque[_Job], moved: dict[int, tuple[Waiting, str, Timestamp]]
    ) -> None:
        """Send the rows of one job, or put what is left of it back as jobs of another kind."""
        rows = job.rows
        start = 0
        while start < len(rows) and not self._is_silent(job.address):
            if not job.singly and len(rows) - start > 1 and job.address in self._takes_rows:
                answer = self._send_many(job, start)
                some = rows[start : start + ROWS_MAX]
                start += len(some)
                if answer is None:
                    return
                if answer.ok:
                    for one in some:
                        one.told.add(job.device_id)
                elif answer.status in _REFUSED:
                    jobs.extend(_in_pieces(job, some))
                else:
                    return  # no such container there, or a device that is full or gone
                continue
            self._send_one(job, rows[start], moved)
            start += 1
            if not job.singly and job.address not in self._takes_rows:
                jobs.extend(_in_pieces(job, rows[start:]))
                return

    def _send_many(self, job: _Job, start: int) -> Small | None:
        if start not in job.bodies:
            job.bodies[start] = _body_of(job.rows[start : start + ROWS_MAX])
        body = job.bodies[start]
        if body is None:
            return Small(400, _NO_HEADERS, b"")
        target = storage_path(job.device, job.partition, *job.container)
        headers = (
            (X_BACKEND_SWIFTLITE_ROWS, "1"),
            (X_BACKEND_SWIFTLITE, _ROWS),
            ("Content-Type", "application/json"),
        )
        return self._call(job, "UPDATE", target, headers, body)

    def _send_one(
        self, job: _Job, one: Waiting, moved: dict[int, tuple[Waiting, str, Timestamp]]
    ) -> None:
        target = storage_path(job.device, job.partition, *job.container, one.update.obj)
        headers = {
            "X-Backend-Storage-Policy-Index": str(one.policy_index),
            "X-Backend-Accept-Redirect": "true",
            "X-Backend-Accept-Quoted-Location": "true",
            **one.update.headers,
            X_BACKEND_SWIFTLITE: _ROWS,
        }
        headers.pop("User-Agent", None)
        answer = self._call(job, one.update.op, target, headers.items())
        if answer is None:
            return
        if answer.ok:
            one.told.add(job.device_id)
        elif answer.status == 301:
            self._note_redirect(one, answer, moved)

    def _note_redirect(
        self, one: Waiting, answer: Small, moved: dict[int, tuple[Waiting, str, Timestamp]]
    ) -> None:
        try:
            path, moment = redirect_of(answer)
        except ValueError as error:
            self._log.error(f"{one.path} is sent elsewhere, but where cannot be told: {error}")
            return
        known = moved.get(id(one))
        if known is None or known[2] < moment:
            moved[id(one)] = (one, path, moment)

    def _call(
        self,
        job: _Job,
        method: str,
        target: str,
        headers: Iterable[tuple[str, str]],
        body: bytes = b"",
    ) -> Small | None:
        began = self._monotonic()
        status = 500
        try:
            answer = self._caller.call(job.address, method, target, headers, body)
            status = answer.status
        except PeerFault as fault:
            self._silent[job.address] = self._monotonic() + SILENT_S
            self._log.info(f"Updates for {job.device} wait: {fault}")
            return None
        except Unsendable as error:
            self._log.error(f"{method} {target} cannot be sent: {error}")
            return None
        finally:
            self._statsd.timing(f"updater.timing.status.{status}", self._monotonic() - began)
        if answer.headers.get(X_BACKEND_SWIFTLITE) == _ROWS:
            self._takes_rows.add(job.address)
        else:
            self._takes_rows.discard(job.address)
        if not answer.ok:
            self._log.debug(f"{method} {target}: {answer.status}")
        return answer

    def _is_silent(self, address: Address) -> bool:
        until = self._silent.get(address)
        if until is None:
            return False
        if until > self._monotonic():
            return True
        del self._silent[address]
        return False


def redirect_of(answer: Small) -> tuple[str, Timestamp]:
    """Where a 301 sends an update: `account/container` of a shard, and as of when. Raises
    ValueError."""
    location = urlsplit(answer.headers.text("Location")).path
    if is_true(answer.headers.get("X-Backend-Location-Is-Quoted", "false")):
        location = unquote(location, errors="surrogateescape")
    account, container, _ = split_path(location, 2, 3, rest=True)
    moment = Timestamp.from_text(answer.headers.get("X-Backend-Redirect-Timestamp", ""))
    return f"{account}/{container}", moment


def _redirect(one: Waiting, path: str) -> None:
    """Who has had it does not count there. One that went in a circle goes to the root again."""
    one.told.clear()
    history = one.update.redirect_history
    if path in history:
        one.update = replace(one.update, container_path=None, redirect_history=())
    else:
        one.update = replace(one.update, container_path=path, redirect_history=(*history, path))


def _in_pieces(job: _Job, rows: Sequence[Waiting]) -> Iterable[_Job]:
    for start in range(0, len(rows), SINGLES_MAX):
        yield replace(job, rows=list(rows[start : start + SINGLES_MAX]), singly=True)


def _body_of(rows: Sequence[Waiting]) -> bytes | None:
    """Rows as a call with many has them; None if one lacks what a row needs."""
    try:
        return json.dumps([_item(one) for one in rows]).encode("ascii")
    except (KeyError, ValueError):
        return None


def _item(one: Waiting) -> dict[str, object]:
    update = one.update
    headers = update.headers
    if "X-Backend-Storage-Policy-Index" not in headers:
        headers = {**headers, "X-Backend-Storage-Policy-Index": str(one.policy_index)}
    return Row(update.op, update.account, update.container, update.obj, headers).as_item()
