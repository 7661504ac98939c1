"""Telling container servers of rows: one by one, or many in a call where they take that.

A swiftlite container server says on its answers that it takes many; from then on rows for one of
its containers gather while a call is out, and go together in the next. So a quiet container is
told at once, and a busy one commits hundreds of rows in one transaction. Any other server gets
Swift's own call for each row.

A request does not wait for a server that has just been silent: its row is for later at once. Those
who deliver later (send_many) find out when it is back.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

from swiftlite.host.bundle import Host
from swiftlite.host.net import Address, DeadlinePassed, render_address
from swiftlite.host.tasks import Event
from swiftlite.peers.answer import Answer
from swiftlite.peers.call import Unsendable, render_head
from swiftlite.peers.errors import PeerFault
from swiftlite.peers.exchange import Exchange
from swiftlite.peers.pool import Pool
from swiftlite.peers.silence import Silence
from swiftlite.vocab.headers import X_BACKEND_SWIFTLITE, X_BACKEND_SWIFTLITE_ROWS
from swiftlite.vocab.names import quote_path
from swiftlite.vocab.status import is_success

_ROWS = "rows"
_BATCH_MAX = 1000
_LEAD, _ALONE = object(), object()  # what a waiting task may be told, beside True and False


class Target(NamedTuple):
    """A container database on a server."""

    address: Address
    device: str
    partition: int


class Row(NamedTuple):
    """One change of a listing; headers as Swift sends them, in text."""

    op: str  # PUT or DELETE
    account: str
    container: str
    obj: str
    headers: dict[str, str]

    def as_item(self) -> dict[str, object]:
        """The row as an element of a call with many."""
        get = self.headers.get
        put = self.op == "PUT"
        return {
            "name": self.obj,
            "created_at": self.headers["X-Timestamp"],
            "size": _number(get("X-Size", "")) if put else 0,
            "content_type": get("X-Content-Type", "") if put else "application/deleted",
            "etag": get("X-Etag", "") if put else "noetag",
            "deleted": 0 if put else 1,
            "storage_policy_index": int(get("X-Backend-Storage-Policy-Index") or 0),
            "ctype_timestamp": get("X-Content-Type-Timestamp"),
            "meta_timestamp": get("X-Meta-Timestamp"),
        }


def _number(text: str) -> int | str:
    """What is no number is the container server's to refuse."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else text


class RowLog(Protocol):
    def info(self, message: str, /) -> None: ...
    def error(self, message: str, /) -> None: ...


class _Waiting:
    """One row in a lane, and the task that waits for it."""

    __slots__ = ("deadline", "event", "row")

    def __init__(self, row: Row, deadline: float, event: Event[object] | None) -> None:
        self.row = row
        self.deadline = deadline
        self.event = event


class _Lane:
    """Rows on their way to one container database. While it exists, somebody leads it."""

    __slots__ = ("queue", "target")

    def __init__(self, target: Target) -> None:
        self.target = target
        self.queue: list[_Waiting] = []


class RowSender:
    """node_timeout: of one call; patience: how long a request waits in all. Seconds.

    together: many in a call, where they are taken.
    """

    def __init__(
        self, host: Host, pool: Pool, log: RowLog, *,
        node_timeout: float, patience: float, together: bool = True,
    ) -> None:  # fmt: skip
        self.tasks = host.tasks
        self.monotonic = host.clock.monotonic
        self.pool = pool
        self.log = log
        self.node_timeout = node_timeout
        self.patience = patience
        self._silence = Silence(host.clock.monotonic)
        self._together = together
        self._takes_rows: set[Address] = set()
        self._lanes: dict[tuple[Target, str, str], _Lane] = {}

    def send(self, row: Row, targets: Sequence[Target]) -> bool:
        """Whether every target has the row on stable storage now. Raises nothing but bugs."""
        deadline = self.monotonic() + min(self.patience, self.node_timeout)
        if len(targets) == 1:
            target = targets[0]
            if self._silence.holds(target.address):
                return False
            if target.address in self._takes_rows:
                return self._send_in_lane(row, target, deadline)
            return self._send_singly(row, targets, deadline)
        there = [target for target in targets if not self._silence.holds(target.address)]
        in_lanes = [target for target in there if target.address in self._takes_rows]
        singly = [target for target in there if target.address not in self._takes_rows]
        tasks = [self.tasks.spawn(self._send_in_lane, row, target, deadline) for target in in_lanes]
        told = self._send_singly(row, singly, deadline) and len(there) == len(targets)
        # Each ends by itself soon after the deadline.
        return all([task.wait() for task in tasks]) and told

    def send_many(self, target: Target, rows: Sequence[Row]) -> int | None:
        """Tell a target rows of one container, for those in no hurry: the status that stands for
        all (the first that is no success), None when there was no answer."""
        if target.address in self._takes_rows:
            status = self._call(target, list(rows), self.monotonic() + self.node_timeout)
            if status != 400:
                return status
        status = None
        for row in rows:
            status = self._send_one(row, target, self.monotonic() + self.node_timeout)
            if status is None or not is_success(status):
                break
        return status

    # One call a row

    def _send_singly(self, row: Row, targets: Sequence[Target], deadline: float) -> bool:
        try:
            calls = [self._call_of_one(row, target) for target in targets]
        except Unsendable as error:
            self.log.error(f"A container update cannot be sent, kept for later: {error}")
            return False
        since = self.monotonic()
        exchanges = self.pool.open_all(calls, deadline=deadline, idempotent=True)
        told = True
        for target, exchange in zip(targets, exchanges, strict=True):
            status = self._status(target, exchange, since, deadline)
            told &= status is not None and is_success(status)
        return told

    def _send_one(self, row: Row, target: Target, deadline: float) -> int | None:
        try:
            call = self._call_of_one(row, target)
        except Unsendable as error:
            self.log.error(f"A container update cannot be sent: {error}")
            return 400
        since = self.monotonic()
        (exchange,) = self.pool.open_all([call], deadline=deadline, idempotent=True)
        return self._status(target, exchange, since, deadline)

    @staticmethod
    def _call_of_one(row: Row, target: Target) -> tuple[Address, bytes, bytes]:
        """Raises Unsendable."""
        path = quote_path(f"{row.account}/{row.container}/{row.obj}")
        url = f"/{quote_path(target.device)}/{target.partition}/{path}"
        headers = [*row.headers.items(), (X_BACKEND_SWIFTLITE, _ROWS)]
        head = render_head(row.op, url, headers, target.address, content_length=0)
        return target.address, head, b""

    def _status(
        self, target: Target, exchange: Exchange | PeerFault, since: float, deadline: float
    ) -> int | None:
        """Wait for one answer; None for a fault. Failures go to the log."""
        fault = exchange
        if not isinstance(exchange, PeerFault):
            try:
                answer = exchange.answer(deadline)
                answer.close()
            except PeerFault as late:
                exchange.close()
                fault = late
            else:
                self._note(target.address, answer)
                if not is_success(answer.status):
                    self.log.error(
                        f"A container update failed, kept for later: status {answer.status} "
                        f"of {target.address}, device {target.device}"
                    )
                return answer.status
        self.log.error(f"A container update failed, kept for later: {fault}")
        if self._silence.missed(target.address, since):
            self.log.error(f"{render_address(target.address)} is silent: it is told later")
        return None

    def _note(self, address: Address, answer: Answer) -> None:
        if self._silence.heard(address):
            self.log.info(f"{render_address(address)} answers again")
        if self._together and answer.headers.get(X_BACKEND_SWIFTLITE) == _ROWS:
            self._takes_rows.add(address)
        else:
            self._takes_rows.discard(address)

    # Many rows a call

    def _send_in_lane(self, row: Row, target: Target, deadline: float) -> bool:
        key = (target, row.account, row.container)
        lane = self._lanes.get(key)
        word: object = _LEAD
        if lane is None:
            lane = self._lanes[key] = _Lane(target)
            waiting = _Waiting(row, deadline, None)
        else:
            event = self.tasks.event()
            waiting = _Waiting(row, deadline, event)
            lane.queue.append(waiting)
            try:
                word = event.wait(deadline)
            except DeadlinePassed:
                if not event.is_set:
                    if waiting in lane.queue:
                        lane.queue.remove(waiting)
                    return False
                word = event.wait()  # it came in the same moment, and may be the lead
        if word is _LEAD:
            word = self._lead(key, lane, waiting)
        if word is _ALONE:
            return self._send_singly(row, [target], deadline)
        return word is True

    def _lead(self, key: tuple[Target, str, str], lane: _Lane, leader: _Waiting) -> object:
        """Make one call for all who wait, tell them, and pass the lead on."""
        word: object = False
        batch = [leader]
        try:
            if leader.event is not None and self._silence.holds(lane.target.address):
                return word  # those before it waited in vain
            self.tasks.sleep(0)  # those whose objects were committed with ours come now
            batch += lane.queue[: _BATCH_MAX - 1]
            del lane.queue[: _BATCH_MAX - 1]
            rows = [waiting.row for waiting in batch]
            status = self._call(lane.target, rows, max(waiting.deadline for waiting in batch))
            word = status is not None and is_success(status)
            if status == 400 and len(batch) > 1:
                word = _ALONE  # one row is bad, and must not keep the others from being listed
        finally:
            for waiting in batch:
                if waiting.event is not None:
                    waiting.event.set(word)
            if lane.queue:
                following = lane.queue.pop(0).event
                assert following is not None
                following.set(_LEAD)
            else:
                del self._lanes[key]
        return word

    def _call(self, target: Target, rows: list[Row], deadline: float) -> int | None:
        """The status of one call for many rows; None when there was no answer."""
        first = rows[0]
        path = quote_path(f"{first.account}/{first.container}")
        url = f"/{quote_path(target.device)}/{target.partition}/{path}"
        body = json.dumps([row.as_item() for row in rows]).encode("ascii")
        headers = self._headers_of_many(first.headers)
        try:
            head = render_head("UPDATE", url, headers, target.address, content_length=len(body))
        except Unsendable as error:
            self.log.error(f"{len(rows)} rows cannot be sent, kept for later: {error}")
            return None
        since = self.monotonic()
        exchange: Exchange | PeerFault
        try:
            exchange = self.pool.open(
                target.address, head, body=body, deadline=deadline, idempotent=True
            )
        except PeerFault as fault:
            exchange = fault
        return self._status(target, exchange, since, deadline)

    def _headers_of_many(self, first: dict[str, str]) -> Iterable[tuple[str, str]]:
        return (
            (X_BACKEND_SWIFTLITE_ROWS, "1"),
            (X_BACKEND_SWIFTLITE, _ROWS),
            ("Content-Type", "application/json"),
            ("X-Timestamp", first["X-Timestamp"]),
            ("X-Trans-Id", first.get("X-Trans-Id", "-")),
            ("User-Agent", first.get("User-Agent", "")),
        )
