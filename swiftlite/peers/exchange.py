"""One request to a node and its answer, on one connection.

A kept connection may have been closed by the other side just when we used it. Then, and only if no
byte of an answer has come, the request is sent once more on a new one; this is done when the caller
has called it idempotent, or when the request was never whole on the other side.
"""

from __future__ import annotations

from collections.abc import Callable

from swiftlite.host.net import Address, Bytes, DeadlinePassed, PeerGone, Stream
from swiftlite.peers.answer import Answer
from swiftlite.peers.answer_head import AnswerHead, answer_head
from swiftlite.peers.call import declared_body
from swiftlite.peers.errors import PeerBroke, PeerFault, PeerTimeout
from swiftlite.peers.headers import Headers
from swiftlite.peers.wire import Wire
from swiftlite.protocols.http1.chunked import LAST_CHUNK, chunk_head
from swiftlite.protocols.http1.errors import Malformed

ONE_SEND_BYTES = 65536
_HEAD_BYTES_MAX = 131072


class Exchange:
    """Owned by one task. Ends with answer() and the answer's end, or with close()."""

    __slots__ = (
        "_answered",
        "_body",
        "_connect_anew",
        "_declared",
        "_head",
        "_idempotent",
        "_read_timeout",
        "_sent",
        "_to_head",
        "_wire",
        "continue_headers",
        "repeated",
    )

    def __init__(
        self,
        wire: Wire,
        head: bytes,
        body: Bytes,
        *,
        idempotent: bool,
        read_timeout: float | None,
        connect_anew: Callable[[Address], Wire],
    ) -> None:
        self._wire = wire
        self._head = head
        self._body = body
        self._idempotent = idempotent
        self._read_timeout = read_timeout
        self._connect_anew = connect_anew
        self._declared = declared_body(head)
        self._answered = False
        self._to_head = head.startswith(b"HEAD ")
        self.repeated = False  # sent a second time, so that the node may have it twice
        self._sent = 0  # bytes of the body; for chunks -1 once the last one is out
        self.continue_headers: Headers | None = None

    @property
    def address(self) -> Address:
        return self._wire.address

    @property
    def stream(self) -> Stream:
        """For waiting on several exchanges at once; nothing else may touch it."""
        return self._wire.stream

    @property
    def has_input(self) -> bool:
        """Something has arrived that answer() or await_continue() would look at."""
        return not self._wire.incoming.is_empty

    def begin(self, deadline: float | None) -> None:
        """Send the head and what of the body is here; called by the pool."""
        try:
            self._send_beginning(deadline)
        except PeerBroke:
            if not self._wire.reused:
                raise
            self._start_again(deadline)  # a request cut short has not been carried out

    def send(self, block: Bytes, deadline: float | None) -> None:
        """More of a body whose length was declared. Raises PeerTimeout, PeerBroke.

        After PeerBroke answer() is still worth a try: the node may have refused and closed.
        """
        stream = self._wire.stream
        stream.deadline = deadline
        try:
            stream.send_all(block)
        except (PeerGone, DeadlinePassed) as error:
            raise self._fault(error, "taking the body") from None
        self._sent += len(block)

    def skip_body(self) -> None:
        """The body goes another way, as a 100 has asked for; only its trailer comes here."""
        self._sent = self._declared

    def send_trailer(self, trailer: bytes, deadline: float | None) -> None:
        """What a 100 has asked for, behind the body and beyond its length. Raises as send."""
        self.send(trailer, deadline)
        self._sent -= len(trailer)

    def send_chunk(self, block: Bytes, deadline: float | None) -> None:
        """One chunk of a chunked body; nothing for an empty block. Raises as send."""
        size = len(block)
        if not size:
            return
        stream = self._wire.stream
        stream.deadline = deadline
        try:
            if size <= ONE_SEND_BYTES:
                stream.send_all(b"".join((chunk_head(size), block, b"\r\n")))
            else:
                stream.send_all(chunk_head(size), True)
                stream.send_all(block, True)
                stream.send_all(b"\r\n")
        except (PeerGone, DeadlinePassed) as error:
            raise self._fault(error, "taking the body") from None
        self._sent += size

    def end_chunks(self, deadline: float | None) -> None:
        """Raises as send."""
        stream = self._wire.stream
        stream.deadline = deadline
        try:
            stream.send_all(LAST_CHUNK)
        except (PeerGone, DeadlinePassed) as error:
            raise self._fault(error, "taking the body") from None
        self._sent = -1

    def await_continue(self, deadline: float | None) -> Answer | None:
        """None once a 100 has come (its headers in continue_headers), or the final answer."""
        head = self._next_head(deadline)
        while head.status < 200 and head.status != 100:
            head = self._next_head(deadline)
        if head.status == 100:
            self.continue_headers = head.headers
            return None
        return self._final(head)

    def answer(self, deadline: float | None) -> Answer:
        """The final answer; any 1xx before it is skipped. Raises PeerTimeout, PeerBroke."""
        head = self._next_head(deadline)
        while head.status < 200:
            self.continue_headers = head.headers
            head = self._next_head(deadline)
        return self._final(head)

    def close(self) -> None:
        """Abandon it; the connection is not used again. Nothing once there is an answer, which
        owns the connection from then on."""
        if not self._answered:
            self._wire.close()

    def _send_beginning(self, deadline: float | None) -> None:
        stream, body = self._wire.stream, self._body
        stream.deadline = deadline
        stream.idle_s = None
        try:
            if not body:
                stream.send_all(self._head)
            elif len(body) <= ONE_SEND_BYTES:
                stream.send_all(b"".join((self._head, body)))
            else:
                stream.send_all(self._head, True)
                stream.send_all(body)
        except (PeerGone, DeadlinePassed) as error:
            raise self._fault(error, "taking the request") from None
        self._sent = len(body)

    def _start_again(self, deadline: float | None) -> None:
        """On a connection of its own. Raises PeerUnreachable, PeerTimeout, PeerBroke."""
        self._wire.close()
        self._wire = self._connect_anew(self._wire.address)
        self._send_beginning(deadline)

    def _may_start_again(self) -> bool:
        if not self._wire.reused or self._sent != len(self._body):
            return False
        whole = self._declared == self._sent
        return self._idempotent or not whole

    def _next_head(self, deadline: float | None) -> AnswerHead:
        wire = self._wire
        wire.stream.deadline = deadline
        try:
            head = wire.incoming.head(_HEAD_BYTES_MAX)
            if head is None:
                raise PeerGone
            return answer_head(head, to_head=self._to_head)
        except PeerGone:
            if not self._may_start_again():
                wire.close()
                raise PeerBroke(wire.address, "it closed without an answer") from None
        except DeadlinePassed:
            raise PeerTimeout(wire.address, "no answer in time") from None
        except Malformed as error:
            wire.close()
            raise PeerBroke(wire.address, error.sentence) from None
        self.repeated = True
        self._start_again(deadline)
        return self._next_head(deadline)

    def _final(self, head: AnswerHead) -> Answer:
        wire = self._wire
        self._answered = True
        wire.request_complete = self._sent == self._declared
        wire.keep = head.keep
        stream = wire.stream
        stream.deadline = None
        stream.idle_s = self._read_timeout
        return Answer(head.status, head.reason, head.headers, wire, head.framing)

    def _fault(self, error: PeerGone | DeadlinePassed, doing: str) -> PeerFault:
        address = self._wire.address
        if isinstance(error, DeadlinePassed):
            return PeerTimeout(address, f"too slow at {doing}")
        return PeerBroke(address, f"it closed the connection while {doing}")
