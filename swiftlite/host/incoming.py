"""What has arrived on a stream and was not yet asked for: heads, lines, and bytes that follow.

Both ends of HTTP read through this: a head and the first bytes of its body, or of the next head,
come in one piece. Keeps at most one receive (16 KiB) beyond what was asked for.
"""

from __future__ import annotations

from swiftlite.host.conduit import Conduit
from swiftlite.host.net import Stream
from swiftlite.protocols.http1.errors import Malformed
from swiftlite.protocols.http1.heads import END_OF_HEAD, head_can_still_be_good

RECV_BYTES = 65536  # of a body; above this, allocating costs more
_HEAD_RECV_BYTES = 16384
"""Of heads, and what comes behind them. All of it is allocated, and all but some hundred bytes are
given back at once: gaps among what stays, which would fill the heap for hours if they were larger.
"""


class Incoming:
    """Buffered reading. An end of stream is given as b"", 0 or None, never raised."""

    __slots__ = ("_at", "_data", "_recv", "_stream")

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._recv = stream.recv
        self._data = b""
        self._at = 0  # what stands before it has been taken

    @property
    def is_empty(self) -> bool:
        return self._at == len(self._data)

    @property
    def has_line(self) -> bool:
        """line() would not wait."""
        return self._data.find(b"\n", self._at) >= 0

    def head_that_is_here(self) -> bytes | None:
        """As head(), but None instead of waiting for the rest of it."""
        data, start = self._data, self._at
        if data.startswith(b"\r\n", start):
            start += 2
        end = data.find(END_OF_HEAD, start)
        if end < 0:
            return None
        if end + 4 == len(data):
            self._data, self._at = b"", 0
        else:
            self._at = end + 4
        return data[start:end]

    def head(self, bytes_max: int) -> bytes | None:
        """The bytes before the next blank line, which is taken too; None at the end of the stream
        (PeerGone in the middle of a head is for the caller to see as None, too).

        Raises Malformed when it is too long, or cannot become a head any more.
        """
        data = self._data
        if self._at:
            data = data[self._at :]
        elif not data:
            data = self._recv(_HEAD_RECV_BYTES)
        if data[:2] == b"\r\n":  # some clients end a body with one line end too many
            data = data[2:]
        end = data.find(END_OF_HEAD)
        while end < 0:
            head_can_still_be_good(data)
            if len(data) > bytes_max:
                raise Malformed(f"The head of this message is longer than {bytes_max} bytes.")
            more = self._recv(_HEAD_RECV_BYTES)
            if not more:
                self._data, self._at = b"", 0
                return None
            searched = max(0, len(data) - 3)
            data += more
            if data[:2] == b"\r\n":
                data = data[2:]
                searched = 0
            end = data.find(END_OF_HEAD, searched)
        if end + 4 == len(data):
            self._data, self._at = b"", 0
        else:
            self._data, self._at = data, end + 4
        return data[:end]

    def line(self, bytes_max: int) -> bytes | None:
        """The next line without its CR LF; None at the end. Raises Malformed for a bare LF."""
        end = self._data.find(b"\n", self._at)
        while end < 0:
            if len(self._data) - self._at > bytes_max:
                raise Malformed(f"A line is longer than {bytes_max} bytes.")
            more = self._recv(_HEAD_RECV_BYTES)
            if not more:
                return None
            searched = len(self._data) - self._at
            self._data, self._at = self._data[self._at :] + more, 0
            end = self._data.find(b"\n", searched)
        line = self._data[self._at : end]
        self._at = end + 1
        if line[-1:] != b"\r":
            raise Malformed("Lines must end with CR LF; there is a bare LF.")
        if len(line) > bytes_max:
            raise Malformed(f"A line is longer than {bytes_max} bytes.")
        return line[:-1]

    def peek(self) -> bytes:
        """Some bytes, which stay; waits for them if there are none."""
        if self._at == len(self._data):
            self._data, self._at = self._recv(_HEAD_RECV_BYTES), 0
        elif self._at:
            self._data, self._at = self._data[self._at :], 0
        return self._data

    def skip(self, count: int) -> None:
        """Take bytes that peek has shown."""
        self._at += count
        assert self._at <= len(self._data)
        if self._at == len(self._data):
            self._data, self._at = b"", 0

    def take(self, count: int) -> bytes:
        """Some bytes, at most count and at most RECV_BYTES."""
        if self._at == len(self._data):
            return self._recv(count if count < RECV_BYTES else RECV_BYTES)
        data = self._data[self._at : self._at + count]
        self.skip(len(data))
        return data

    def take_into(self, view: memoryview) -> int:
        """Some bytes, at most len(view); directly from the stream when nothing is buffered."""
        if self._at == len(self._data):
            return self._stream.recv_into(view)
        data = self._data[self._at : self._at + len(view)]
        view[: len(data)] = data
        self.skip(len(data))
        return len(data)

    def move_into(self, conduit: Conduit, count: int) -> int:
        """Some bytes, at most count, into an empty conduit, without a look at them."""
        if self._at == len(self._data):
            return conduit.fill(self._stream, count)
        data = self.take(count)
        conduit.put(data)
        return len(data)
