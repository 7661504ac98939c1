"""The sender of SSYNC: offer what we have, send what the other side wants of it.

An object is opened only when it is wanted, so what is sent is what is here then. One that cannot
be sent whole ends the conversation: the other side must not take a part of it for the whole.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from swiftlite.formats.ssync_lines import (
    CHANGES_END,
    CHANGES_START,
    LINE_BYTES_MAX,
    LINE_END,
    OFFERS_END,
    OFFERS_START,
    LineUnreadable,
    Offer,
    Wish,
    encode_change,
    encode_offer,
)
from swiftlite.host.bundle import Host
from swiftlite.obj.replicator.jobs import Job
from swiftlite.obj.replicator.push import HeldNames, PushFailed
from swiftlite.objectstore.api import Absent, Presence, StoreError
from swiftlite.objectstore.diskfile import OpenObject
from swiftlite.objectstore.fileset import choose
from swiftlite.objectstore.partition import FoundDiskFile, Partition
from swiftlite.observe.log import Log
from swiftlite.peers.answer import Answer
from swiftlite.peers.call import render_head
from swiftlite.peers.direct import storage_path
from swiftlite.peers.errors import PeerBroke, PeerFault
from swiftlite.peers.exchange import Exchange
from swiftlite.peers.pool import Pool
from swiftlite.protocols.ssync.offer import Sending, SsyncBroken, SsyncBusy
from swiftlite.ring import Device
from swiftlite.vocab.headers import X_BACKEND_STORAGE_POLICY_INDEX
from swiftlite.vocab.timestamp import Timestamp

_BLOCK_BYTES = 1 << 16
_LAST_WORD_S = 1.0
_PAUSES_S = (0.1, 0.3, 1.0, None)
"""Between tries at a node that talks with too many others already; the pass has a lot to do, but
not every partition can wait for the next one."""


class SsyncPush:
    """push.Push. node_timeout: for a node that takes nothing; http_timeout: that says nothing."""

    def __init__(
        self,
        host: Host,
        pool: Pool,
        log: Log,
        agent: str,
        stopping: Callable[[], bool],
        *,
        node_timeout: float,
        http_timeout: float,
    ) -> None:
        self._host = host
        self._pool = pool
        self._log = log
        self._agent = agent
        self._stopping = stopping
        self._node_timeout = node_timeout
        self._http_timeout = http_timeout

    def __call__(
        self,
        job: Job,
        target: Device,
        partition: Partition,
        suffixes: Sequence[str],
        held: HeldNames,
        *,
        only_check: Collection[str] | None = None,
    ) -> frozenset[str]:
        offers = [
            offer
            for name_hash, names in held.items()
            if (only_check is None or name_hash in only_check)
            and (offer := offer_of(name_hash, names)) is not None
        ]
        for pause in _PAUSES_S:
            try:
                return self._talk(job, target, partition, offers, sends=only_check is None)
            except SsyncBusy as error:
                if pause is None or self._stopping():
                    raise PushFailed(str(error)) from error
                self._host.tasks.sleep(pause * (0.5 + self._host.entropy.random()))
            except (PeerFault, SsyncBroken, LineUnreadable, StoreError) as error:
                raise PushFailed(str(error)) from error
        raise AssertionError("the last pause is none")

    def _talk(
        self, job: Job, target: Device, partition: Partition, offers: list[Offer], *, sends: bool
    ) -> frozenset[str]:
        exchange = self._begin(job, target)
        try:
            with _Conversation(self._host, exchange, self._answer(exchange), self) as talk:
                return talk.run(partition, offers, sends=sends)
        finally:
            exchange.close()

    def _begin(self, job: Job, target: Device) -> Exchange:
        headers = [
            ("User-Agent", self._agent),
            (X_BACKEND_STORAGE_POLICY_INDEX, str(job.policy_index)),
        ]
        address = target.replication_address
        path = storage_path(target.device, job.partition)
        head = render_head("SSYNC", path, headers, address, chunked=True)
        deadline = self._host.clock.monotonic() + self._node_timeout
        return self._pool.open(address, head, deadline=deadline)

    def _answer(self, exchange: Exchange) -> Answer:
        answer = exchange.answer(self._host.clock.monotonic() + self._node_timeout)
        if answer.status != 200:
            answer.close()
            raise SsyncBroken(f"it answers {answer.status} {answer.reason}")
        return answer

    @property
    def timeouts(self) -> tuple[float, float]:
        return self._node_timeout, self._http_timeout

    def say(self, text: str) -> None:
        self._log.warning(text)

    def check_stop(self) -> None:
        if self._stopping():
            raise SsyncBroken("this daemon was told to stop")


def offer_of(name_hash: str, names: Collection[str]) -> Offer | None:
    """None for files that are no object and no deletion of one: they cannot be sent."""
    fileset = choose(names)
    file = fileset.data or fileset.tombstone
    if file is None:
        return None
    meta, content_type = fileset.meta, fileset.content_type
    return Offer(
        name_hash,
        file.timestamp,
        meta.timestamp if meta else None,
        content_type.content_type_timestamp if content_type else None,
    )


def without(metadata: Mapping[str, str], *names: str) -> list[tuple[str, str]]:
    return [item for item in metadata.items() if item[0] not in names]


class _Conversation:
    """One, from the first offer to the result."""

    def __init__(self, host: Host, exchange: Exchange, answer: Answer, push: SsyncPush) -> None:
        self._host = host
        self._exchange = exchange
        self._answer = answer
        self._push = push
        self._lines = _Lines(answer)
        self._out = bytearray()
        self._sending = Sending()
        self._patience_to_send, self._patience_to_hear = push.timeouts

    def __enter__(self) -> _Conversation:
        return self

    def __exit__(self, *_: object) -> None:
        self._answer.close()

    def run(self, partition: Partition, offers: Sequence[Offer], *, sends: bool) -> frozenset[str]:
        """The hashes of what is there at the end. Raises PeerFault, SsyncBroken, StoreError."""
        there = {offer.hash for offer in offers}
        try:
            wishes = self._offered(offers)
            self._say(CHANGES_START + LINE_END)
            for wish in wishes:
                if not sends or not self._sent(partition, wish):
                    there.discard(wish.hash)
            self._say(CHANGES_END + LINE_END)
            self._flush()
            self._exchange.end_chunks(self._deadline())
        except PeerBroke:
            self._patience_to_hear = _LAST_WORD_S
            self._hear_all()  # it may have said why, before it closed
            raise
        self._hear_all()
        return frozenset(there)

    def _hear_all(self) -> None:
        while not self._sending.done:
            self._hear()

    def _offered(self, offers: Sequence[Offer]) -> list[Wish]:
        self._say(OFFERS_START + LINE_END)
        for offer in offers:
            self._say(encode_offer(offer) + LINE_END)
        self._say(OFFERS_END + LINE_END)
        self._flush()
        offered = {offer.hash for offer in offers}
        wishes = []
        while not self._sending.wishes_are_known:
            wish = self._hear()
            if wish is not None and wish.hash in offered:
                wishes.append(wish)
        return wishes

    def _sent(self, partition: Partition, wish: Wish) -> bool:
        """Send an object; whether there was still something to send."""
        self._push.check_stop()
        try:
            return self._said(partition.diskfile(wish.hash), wish)
        except LineUnreadable as error:
            self._push.say(str(error))  # and go on: rsync can bring it, and others must not wait
            return False

    def _said(self, diskfile: FoundDiskFile, wish: Wish) -> bool:
        now = Timestamp.from_seconds(self._host.clock.wall())
        found = diskfile.open(now, open_expired=True, with_content=wish.data)
        if isinstance(found, Absent):
            if found.presence is not Presence.DELETED:
                return False
            name = diskfile.deleted_name()
            if name is None:
                return False
            if wish.data:
                headers = [("X-Timestamp", found.timestamp.internal)]
                self._say(encode_change("DELETE", name, headers))
            return True
        post = None
        try:
            if wish.meta and found.meta_metadata is not None:
                post = encode_change("POST", diskfile.name, without(found.meta_metadata, "name"))
            if wish.data:
                self._say_put(diskfile.name, found)
        finally:
            found.close()
        if post is not None:
            self._say(post)
        return True

    def _say_put(self, name: str, found: OpenObject) -> None:
        headers = [("Content-Length", str(found.size))]
        headers += without(found.data_metadata, "name", "Content-Length")
        head = encode_change("PUT", name, headers)
        body = found.body(whole=True, keep_cache=False)
        try:
            self._say(head)
            for block in body.part(0, found.size):
                self._push.check_stop()
                self._say(block)
        finally:
            body.close()

    def _say(self, block: bytes) -> None:
        """Gathered, so that small lines and objects do not each cost a packet."""
        if len(self._out) + len(block) > _BLOCK_BYTES:
            self._flush()
        if len(block) > _BLOCK_BYTES:
            self._exchange.send_chunk(block, self._deadline())
        else:
            self._out += block

    def _flush(self) -> None:
        if self._out:
            self._exchange.send_chunk(bytes(self._out), self._deadline())
            self._out.clear()

    def _hear(self) -> Wish | None:
        self._exchange.stream.deadline = None
        self._answer.idle_s = self._patience_to_hear
        return self._sending.receive(self._lines.next())

    def _deadline(self) -> float:
        return self._host.clock.monotonic() + self._patience_to_send


class _Lines:
    """The lines of a body."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._buffer = b""

    def next(self) -> bytes:
        """With its end; b"" at the end of the body. Raises PeerFault, SsyncBroken."""
        while (at := self._buffer.find(b"\n")) < 0:
            if len(self._buffer) > LINE_BYTES_MAX:
                raise SsyncBroken("it sends a line without an end")
            block = self._answer.read()
            if not block:
                line, self._buffer = self._buffer, b""
                return line
            self._buffer += block
        line, self._buffer = self._buffer[: at + 1], self._buffer[at + 1 :]
        return line
