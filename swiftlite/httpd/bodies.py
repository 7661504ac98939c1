"""wsgi.input: the request's body, of a known length or in chunks, and nothing beyond it.

Client faults raise vocab.errors.Client*; after one the connection carries no further request. The
first read sends the 100 that the client may be waiting for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from swiftlite.host.incoming import Incoming
from swiftlite.host.net import DeadlinePassed, PeerGone
from swiftlite.protocols.http1.chunked import LINE_BYTES_MAX, ChunkedBody
from swiftlite.protocols.http1.errors import Malformed
from swiftlite.protocols.http1.framing import CHUNKED
from swiftlite.vocab.errors import ClientBadFraming, ClientFault, ClientGone, ClientTooSlow


class Body:
    """A body whose bytes are on the wire. Subclasses know where it ends.

    read(n) gives all n bytes unless the body ends before; readinto gives what is there.
    """

    __slots__ = ("_before_first_read", "_incoming", "broken")

    def __init__(self, incoming: Incoming, before_first_read: Callable[[], None] | None) -> None:
        self._incoming = incoming
        self._before_first_read = before_first_read
        self.broken: ClientFault | None = None  # the fault that ended it, raised again by any read

    @property
    def left(self) -> int:
        """Bytes not yet read; CHUNKED while that is unknown."""
        raise AssertionError("a subclass knows")

    def readinto(self, view: memoryview, /) -> int:
        """Some bytes, directly into the view; 0 at the end of the body."""
        if not len(view):
            return 0
        self._begin()
        try:
            room = self._room()
            if not room:
                return 0
            count = self._incoming.take_into(view[:room] if room < len(view) else view)
        except (PeerGone, DeadlinePassed, Malformed) as error:
            raise self._fault(error) from None
        if not count:
            raise self._fault(PeerGone())
        self._taken(count)
        return count

    def read(self, size: int | None = -1, /) -> bytes:
        wanted = -1 if size is None else size
        if wanted == 0:
            return b""
        block = self._some(wanted)
        if not block or len(block) == wanted:
            return block
        blocks = [block]
        while wanted < 0 or (wanted := wanted - len(block)) > 0:
            block = self._some(wanted)
            if not block:
                break
            blocks.append(block)
        return b"".join(blocks)

    def readline(self, size: int | None = -1, /) -> bytes:
        wanted = -1 if size is None else size
        line = b""
        self._begin()
        while wanted < 0 or len(line) < wanted:
            try:
                room = self._room()
                if not room:
                    break
                seen = self._incoming.peek()
            except (PeerGone, DeadlinePassed, Malformed) as error:
                raise self._fault(error) from None
            if not seen:
                raise self._fault(PeerGone())
            stop = min(room, len(seen), len(seen) if wanted < 0 else wanted - len(line))
            stop = seen.find(b"\n", 0, stop) + 1 or stop
            line += seen[:stop]
            self._incoming.skip(stop)
            self._taken(stop)
            if line.endswith(b"\n"):
                break
        return line

    def readlines(self, hint: int | None = -1, /) -> list[bytes]:
        lines, total = [], 0
        for line in self:
            lines.append(line)
            total += len(line)
            if hint is not None and 0 < hint <= total:
                break
        return lines

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.readline, b"")

    def drain(self, bytes_max: int) -> bool:
        """Read what is left, if that is not too much; true if the body has ended."""
        while bytes_max >= 0:
            block = self._some(bytes_max + 1)
            if not block:
                return True
            bytes_max -= len(block)
        return False

    def _some(self, wanted: int) -> bytes:
        """What one receive brings, at most wanted (if not negative); b"" at the end."""
        self._begin()
        try:
            room = self._room()
            if not room:
                return b""
            block = self._incoming.take(room if wanted < 0 or room < wanted else wanted)
        except (PeerGone, DeadlinePassed, Malformed) as error:
            raise self._fault(error) from None
        if not block:
            raise self._fault(PeerGone())
        self._taken(len(block))
        return block

    def _begin(self) -> None:
        if self.broken is not None:
            raise self.broken
        if self._before_first_read is not None:
            before, self._before_first_read = self._before_first_read, None
            if self.left:
                try:
                    before()
                except (PeerGone, DeadlinePassed) as error:
                    raise self._fault(error) from None

    def _room(self) -> int:
        """Bytes that may be taken now; 0 at the end of the body."""
        raise AssertionError("a subclass knows")

    def _taken(self, count: int) -> None:
        raise AssertionError("a subclass counts")

    def _fault(self, error: PeerGone | DeadlinePassed | Malformed) -> ClientFault:
        fault: ClientFault
        if isinstance(error, Malformed):
            fault = ClientBadFraming(error.sentence)
        elif isinstance(error, DeadlinePassed):
            fault = ClientTooSlow("The client sent nothing for too long.")
        else:
            fault = ClientGone("The client closed the connection before its body ended.")
        self.broken = fault
        return fault


class LengthBody(Body):
    """A body of as many bytes as Content-Length says."""

    __slots__ = ("_left",)

    def __init__(
        self, incoming: Incoming, length: int, before_first_read: Callable[[], None] | None
    ) -> None:
        super().__init__(incoming, before_first_read)
        self._left = length

    @property
    def left(self) -> int:
        return self._left

    def extend(self, count: int) -> None:
        """More bytes follow than Content-Length says, as a 100 of the app's has agreed."""
        self._left += count

    def _room(self) -> int:
        return self._left

    def _taken(self, count: int) -> None:
        self._left -= count


class ChunkedInput(Body):
    """A body in chunks; its trailers are checked and dropped."""

    __slots__ = ("_machine",)

    def __init__(self, incoming: Incoming, before_first_read: Callable[[], None] | None) -> None:
        super().__init__(incoming, before_first_read)
        self._machine = ChunkedBody()

    @property
    def left(self) -> int:
        return 0 if self._machine.done else CHUNKED

    def _room(self) -> int:
        machine = self._machine
        while not machine.remaining:
            if machine.done:
                return 0
            line = self._incoming.line(LINE_BYTES_MAX)
            if line is None:
                raise PeerGone
            machine.take_line(line)
        return machine.remaining

    def _taken(self, count: int) -> None:
        self._machine.take_data(count)


class NoBody:
    """The body of a request that has none; one for all of them."""

    broken: ClientFault | None = None
    left = 0

    def read(self, _: int | None = -1, /) -> bytes:
        return b""

    def readinto(self, _: memoryview, /) -> int:
        return 0

    def readline(self, _: int | None = -1, /) -> bytes:
        return b""

    def readlines(self, _: int | None = -1, /) -> list[bytes]:
        return []

    def __iter__(self) -> Iterator[bytes]:
        return iter(())


NO_BODY = NoBody()
