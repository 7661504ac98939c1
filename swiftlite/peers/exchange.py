"""One request to a node and its answer, on one connection.

A kept connection may have been closed by the other side just when we used it. Then, and only if no
byte of an answer has come, the request is sent once more on a new one; this is done when the caller
has called it idempotent, or when the request was never whole on the other side.
"""

from __future__ import annotations

from collections.abc import Callable

from swiftlite.host.net import Address, Bytes, DeadlinePassed, PeerGone, Stream
from swiftlite.peers.answer import Answer
from swiftlite.peers.call import declared_body
from swiftlite.peers.errors import PeerBroke, PeerFault, PeerTimeout
from swiftlite.peers.headers import Headers
from swiftlite.peers.wire import Wire
from swiftlite.protocols.http1.chunked import LAST_CHUNK, chunk_head
from swiftlite.protocols.http1.connection import client_keeps
from swiftlite.protocols.http1.errors import Malformed
from swiftlite.protocols.http1.framing import UNTIL_CLOSE, answer_body
from swiftlite.protocols.http1.heads import read_answer_head

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
        "_wire",
        "continue_headers",
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
        status, reason, http11, headers = self._next_head(deadline)
        while status < 200 and status != 100:
            status, reason, http11, headers = self._next_head(deadline)
        if status == 100:
            self.continue_headers = Headers(headers)
            return None
        return self._final(status, reason, http11, headers)

    def answer(self, deadline: float | None) -> Answer:
        """The final answer; any 1xx before it is skipped. Raises PeerTimeout, PeerBroke."""
        status, reason, http11, headers = self._next_head(deadline)
        while status < 200:
            self.continue_headers = Headers(headers)
            status, reason, http11, headers = self._next_head(deadline)
        return self._final(status, reason, http11, headers)

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

    def _next_head(self, deadline: float | None) -> tuple[int, str, bool, dict[str, str]]:
        wire = self._wire
        wire.stream.deadline = deadline
        try:
            head = wire.incoming.head(_HEAD_BYTES_MAX)
            if head is None:
                raise PeerGone
            return read_answer_head(head)
        except PeerGone:
            if not self._may_start_again():
                wire.close()
                raise PeerBroke(wire.address, "it closed without an answer") from None
        except DeadlinePassed:
            raise PeerTimeout(wire.address, "no answer in time") from None
        except Malformed as error:
            wire.close()
            raise PeerBroke(wire.address, error.sentence) from None
        self._start_again(deadline)
        return self._next_head(deadline)

    def _final(self, status: int, reason: str, http11: bool, headers: dict[str, str]) -> Answer:
        wire = self._wire
        method = "HEAD" if self._head.startswith(b"HEAD ") else ""
        get = headers.get
        try:
            framing = answer_body(method, status, get("Transfer-Encoding"), get("Content-Length"))
        except Malformed as error:
            wire.close()
            raise PeerBroke(wire.address, error.sentence) from None
        self._answered = True
        wire.request_complete = self._sent == self._declared
        wire.keep = framing != UNTIL_CLOSE and client_keeps(http11, get("Connection"))
        wire.stream.deadline = None
        wire.stream.idle_s = self._read_timeout
        return Answer(status, reason, Headers(headers), wire, framing)

    def _fault(self, error: PeerGone | DeadlinePassed, doing: str) -> PeerFault:
        address = self._wire.address
        if isinstance(error, DeadlinePassed):
            return PeerTimeout(address, f"too slow at {doing}")
        return PeerBroke(address, f"it closed the connection while {doing}")
