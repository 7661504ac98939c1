"""SSYNC: take from a peer what it has and we lack, in one conversation inside one request.

What the lines mean is protocols.ssync's; here are the locks, the looking at our own files, and the
carrying out of changes by the handlers of PUT, POST and DELETE. A change is whole or not at all,
as any PUT is: what breaks off in mid-body leaves nothing. Once anything is wrong the peer is told
and nothing more is read, because it is still sending.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from io import BytesIO

from swiftlite.formats.ssync_lines import (
    CHANGES_END,
    CHANGES_START,
    LINE_BYTES_MAX,
    LINE_END,
    OFFERS_END,
    OFFERS_START,
    LineUnreadable,
    Offer,
    encode_error,
    encode_wish,
)
from swiftlite.host.tasks import Task
from swiftlite.obj.options import ObjectServerOptions
from swiftlite.obj.server.changes import CutBody, change_request
from swiftlite.obj.server.context import ServerContext
from swiftlite.obj.server.placement import policy_of
from swiftlite.objectstore.api import SMALL_BYTES, Absent, Presence, StoreError, Unsettled
from swiftlite.objectstore.partition import Partition
from swiftlite.protocols.ssync.receive import Change, Local, Receiving, Tally, Turn, wish_for
from swiftlite.vocab.errors import ClientFault
from swiftlite.vocab.timestamp import Timestamp
from swiftlite.web import Refusal, Request, Response
from swiftlite.web.storage_paths import split_storage_path

Answer = Callable[[Request], Response]
"""The server's own way from a request to a response."""
_OFFERS_IN_A_ROW = 16
_AT_ONCE = 8


class Slots:
    """How many conversations this process has at once; 0: any number."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._taken = 0

    @contextmanager
    def one(self) -> Iterator[None]:
        """Raises Refusal 503 when all are taken."""
        if self._limit and self._taken >= self._limit:
            raise Refusal(503, "Too many conversations at once.")
        self._taken += 1
        try:
            yield
        finally:
            self._taken -= 1


def ssync(server: ServerContext, request: Request, slots: Slots, answer: Answer) -> Response:
    """`/device/partition`. Raises Refusal and StoreError before the conversation begins."""
    device, number = split_storage_path(request, 2, 2)
    assert device is not None
    assert number is not None
    partition = server.manager.partition(device, policy_of(request, server.policies), int(number))
    conversation = _Conversation(server, request, partition, slots, answer)
    headers = [("X-Backend-Accept-No-Commit", "True")]
    return Response(200, headers, app_iter=conversation.run())


class _Conversation:
    """One request's."""

    def __init__(
        self,
        server: ServerContext,
        request: Request,
        partition: Partition,
        slots: Slots,
        answer: Answer,
    ) -> None:
        self._server = server
        self._request = request
        self._partition = partition
        self._slots = slots
        self._answer = answer
        self._receiving = Receiving()
        self._running: list[tuple[Change, Task[Response]]] = []
        self._log = server.manager.context.log

    def run(self) -> Iterator[bytes]:
        """The body of the answer, made while that of the request is read."""
        yield LINE_END  # so that the head goes out, which the peer waits for
        options = self._server.options
        try:
            with self._slots.one(), self._lock(options):
                yield self._wishes()
                yield from self._changes(options)
        except ClientFault as fault:
            self._say(f"the peer left: {fault}")
        except Refusal as refusal:
            yield encode_error(refusal.status, refusal.message or "refused")
        except (LineUnreadable, StoreError) as error:
            self._say(str(error))
            yield encode_error(503 if isinstance(error, Unsettled) else 0, str(error))
        except OSError as error:
            self._say(f"the disk failed: {error}")
            yield encode_error(507, str(error))

    def _lock(self, options: ObjectServerOptions) -> AbstractContextManager[None]:
        return self._partition.replicating(
            options.replication_lock_timeout,
            places=options.replication_concurrency_per_device,
        )

    def _wishes(self) -> bytes:
        lines = [OFFERS_START]
        count = 0
        while (item := self._next()) is not Turn.OFFERS_END:
            if not isinstance(item, Offer):
                continue
            wish = wish_for(item, self._local(item.hash))
            if wish is not None:
                lines.append(encode_wish(wish))
            count += 1
            if count % _OFFERS_IN_A_ROW == 0:
                self._server.host.tasks.sleep(0)
        return LINE_END.join([*lines, OFFERS_END, b""])

    def _local(self, name_hash: str) -> Local | None:
        """What is here. Opened, not only listed: the peer may let go of its own for it."""
        now = Timestamp.from_seconds(self._server.host.clock.wall())
        found = self._partition.diskfile(name_hash).open(now, open_expired=True)
        if isinstance(found, Absent):
            return Local(found.timestamp) if found.presence is Presence.DELETED else None
        found.close()
        return Local(found.data_timestamp, found.timestamp, found.content_type_timestamp)

    def _changes(self, options: ObjectServerOptions) -> Iterator[bytes]:
        tally = Tally(options.replication_failure_threshold, options.replication_failure_ratio)
        try:
            while (item := self._next()) is not Turn.CHANGES_END:
                if isinstance(item, Change):
                    self._carry_out(item, tally)
        finally:
            self._settle(tally)  # before the locks go
        if tally.failures:
            count = tally.failures + tally.successes
            raise Refusal(500, f"{tally.failures} of {count} changes failed")
        yield LINE_END.join((CHANGES_START, CHANGES_END, b""))

    def _carry_out(self, change: Change, tally: Tally) -> None:
        """Small ones together, so that they share their syncs; but changes of one object in the
        order in which they came. Raises ClientFault, LineUnreadable, Refusal."""
        same = any(other.target == change.target for other, _ in self._running)
        if same or len(self._running) >= _AT_ONCE or change.length > SMALL_BYTES:
            self._settle(tally)
            if tally.hopeless:
                raise Refusal(500, f"{tally.failures} changes failed, {tally.successes} did not")
        body = CutBody(self._request.body_reader, change.length)
        if change.length > SMALL_BYTES:
            self._count(change, self._answer(change_request(self._request, change, body)), tally)
            body.finish()
            return
        made = change_request(self._request, change, BytesIO(body.whole()))
        self._running.append((change, self._server.host.tasks.spawn(self._answer, made)))

    def _settle(self, tally: Tally) -> None:
        """Wait for the changes under way."""
        running, self._running = self._running, []
        for change, task in running:
            self._count(change, task.wait(), tally)

    def _count(self, change: Change, response: Response, tally: Tally) -> None:
        failures = tally.failures
        tally.count(response.status_int)
        if tally.failures > failures:
            self._say(f"{change.verb} {change.target} failed with {response.status_int}")

    def _next(self) -> Offer | Change | Turn | None:
        line = self._request.body_reader.readline(LINE_BYTES_MAX)
        if line and not line.endswith(b"\n"):
            raise LineUnreadable(f"a line without an end: {line[:200]!r}")
        return self._receiving.receive(line)

    def _say(self, text: str) -> None:
        peer = self._request.environ.get("REMOTE_ADDR", "")
        self._log.warning(f"SSYNC of {self._partition.path} from {peer}: {text}")
