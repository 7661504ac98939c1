"""A node's answer: its head as values, its body as it comes.

Once the body has been read to its end the connection goes back to the pool by itself. A body left
half-way is drained when little of it is missing; otherwise its connection is closed, never kept.
"""

from __future__ import annotations

from collections.abc import Iterator

from swiftlite.host.conduit import Conduit
from swiftlite.host.net import DeadlinePassed, PeerGone
from swiftlite.peers.errors import PeerBroke, PeerFault, PeerTimeout
from swiftlite.peers.headers import Headers
from swiftlite.peers.wire import Wire
from swiftlite.protocols.http1.chunked import LINE_BYTES_MAX, ChunkedBody
from swiftlite.protocols.http1.errors import Malformed
from swiftlite.protocols.http1.framing import CHUNKED, UNTIL_CLOSE

_DRAIN_BYTES = 65536
_DRAIN_S = 0.5
_BLOCK_BYTES = 65536
_UNBOUNDED = 1 << 30


class Answer:
    """Owned by one task; close() it, or read it to its end."""

    __slots__ = (
        "_address",
        "_chunks",
        "_left",
        "_wire",
        "headers",
        "length",
        "reason",
        "status",
    )

    def __init__(
        self,
        status: int,
        reason: str,
        headers: Headers,
        wire: Wire,
        framing: int,
    ) -> None:
        self.status = status
        self.reason = reason
        self.headers = headers
        self.length = None if framing < 0 else framing
        self._wire: Wire | None = wire
        self._address = wire.address
        self._chunks = ChunkedBody() if framing == CHUNKED else None
        self._left = framing  # of a known length; UNTIL_CLOSE or CHUNKED otherwise
        if framing == 0:
            self._finish()

    @property
    def idle_s(self) -> float | None:
        """Longest pause within the body, in seconds; the pool's read_timeout unless set."""
        return None if self._wire is None else self._wire.stream.idle_s

    @idle_s.setter
    def idle_s(self, seconds: float | None) -> None:
        if self._wire is not None:
            self._wire.stream.idle_s = seconds

    @property
    def ended(self) -> bool:
        """The whole body has been read, or the answer closed."""
        return self._wire is None

    def readinto(self, view: memoryview) -> int:
        """Some bytes of the body, 0 at its end. Raises PeerTimeout, PeerBroke."""
        if self._wire is None or not len(view):
            return 0
        try:
            room = self._room()
            if room == 0:
                return 0
            count = self._wire.incoming.take_into(view[:room] if 0 < room < len(view) else view)
        except (PeerGone, DeadlinePassed, Malformed) as error:
            raise self._fault(error) from None
        self._taken(count)
        return count

    def move_into(self, conduit: Conduit) -> int:
        """As readinto, into an empty conduit."""
        if self._wire is None:
            return 0
        try:
            room = self._room()
            if room == 0:
                return 0
            count = self._wire.incoming.move_into(conduit, room if room > 0 else _UNBOUNDED)
        except (PeerGone, DeadlinePassed, Malformed) as error:
            raise self._fault(error) from None
        self._taken(count)
        return count

    def read(self, n: int = -1) -> bytes:
        """As readinto: some bytes, at most n and at most 64 KiB; b"" at the end."""
        if self._wire is None or n == 0:
            return b""
        try:
            room = self._room()
            if room == 0:
                return b""
            wanted = _BLOCK_BYTES if n < 0 else n
            block = self._wire.incoming.take(room if 0 < room < wanted else wanted)
        except (PeerGone, DeadlinePassed, Malformed) as error:
            raise self._fault(error) from None
        self._taken(len(block))
        return block

    def read_all(self, limit: int) -> bytes:
        """The whole body of at most limit bytes; PeerBroke above."""
        block = self.read(limit + 1)
        blocks = [block]
        total = len(block)
        while self._wire is not None and block and total <= limit:
            block = self.read(limit + 1 - total)
            blocks.append(block)
            total += len(block)
        if total > limit:
            raise self._broke(f"its answer is longer than {limit} bytes")
        return blocks[0] if len(blocks) == 1 else b"".join(blocks)

    def __iter__(self) -> Iterator[bytes]:
        while block := self.read(_BLOCK_BYTES):
            yield block

    def close(self) -> None:
        """Let go of the connection: kept if little is missing, closed otherwise."""
        wire = self._wire
        if wire is None:
            return
        if wire.request_complete and self._left <= _DRAIN_BYTES and self._left != UNTIL_CLOSE:
            wire.stream.idle_s = _DRAIN_S
            wire.stream.deadline = wire.monotonic() + _DRAIN_S
            left = _DRAIN_BYTES
            try:
                while left > 0 and (block := self.read(left)):
                    left -= len(block)
            except PeerFault:
                pass
        if self._wire is not None:
            self._wire = None
            wire.close()

    def _room(self) -> int:
        """Bytes that may be taken now; 0 at the end, negative when there is no bound."""
        chunks = self._chunks
        if chunks is None:
            return self._left
        assert self._wire is not None
        while not chunks.remaining:
            if chunks.done:
                self._finish()
                return 0
            line = self._wire.incoming.line(LINE_BYTES_MAX)
            if line is None:
                raise PeerGone
            chunks.take_line(line)
        return chunks.remaining

    def _taken(self, count: int) -> None:
        if self._left == UNTIL_CLOSE:
            if not count:
                self._finish()
        elif not count:
            raise self._broke("it closed the connection in the middle of its answer")
        elif self._chunks is not None:
            self._chunks.take_data(count)
            if not self._chunks.remaining:
                self._end_of_chunk()
        else:
            self._left -= count
            if not self._left:
                self._finish()

    def _end_of_chunk(self) -> None:
        """Take what follows if it is here already, so that a full read frees the connection; but
        never wait for it, because the other side may be waiting for us."""
        wire, chunks = self._wire, self._chunks
        assert wire is not None
        assert chunks is not None
        try:
            while not chunks.remaining and wire.incoming.has_line:
                line = wire.incoming.line(LINE_BYTES_MAX)
                assert line is not None
                chunks.take_line(line)
                if chunks.done:
                    self._finish()
                    return
        except Malformed as error:
            raise self._fault(error) from None

    def _finish(self) -> None:
        wire, self._wire = self._wire, None
        if wire is not None:
            wire.release()

    def _broke(self, reason: str) -> PeerBroke:
        wire, self._wire = self._wire, None
        if wire is not None:
            wire.close()
        return PeerBroke(self._address, reason)

    def _fault(self, error: PeerGone | DeadlinePassed | Malformed) -> PeerFault:
        wire = self._wire
        assert wire is not None
        if isinstance(error, DeadlinePassed):
            self._wire = None
            wire.close()
            return PeerTimeout(wire.address, "its answer stopped coming")
        if isinstance(error, Malformed):
            return self._broke(error.sentence)
        return self._broke("it closed the connection in the middle of its answer")
