"""Chunked bodies: a machine that is given lines and counts bytes.

Its driver reads: while there is no chunk to take from, a line (without its CR LF) for take_line;
then up to `remaining` bytes of data, reported to take_data; until `done`. What the machine refuses:
sizes that are not plain hex digits, control characters anywhere in a line, data that is not
followed by a line end, extensions and trailers that never end.
"""

from __future__ import annotations

import re

from swiftlite.protocols.http1.errors import Malformed
from swiftlite.protocols.http1.heads import check_trailer_line

LINE_BYTES_MAX = 4096
"""A driver refuses a longer line before it has all of it."""
EXTENSION_BYTES_TOTAL_MAX = 16384  # over the whole body: extensions carry nothing for us
TRAILER_COUNT_MAX = 64
TRAILER_BYTES_TOTAL_MAX = 16384

# Sixteen digits are 2**64, beyond any body; more would be an int() that costs.
_SIZE_LINE = re.compile(
    rb"([0-9A-Fa-f]{1,15})"
    rb"((?:[ \t]*;[ \t]*[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
    rb'(?:[ \t]*=[ \t]*(?:[!#$%&\'*+\-.^_`|~0-9A-Za-z]+|"(?:[^"\\\x00-\x08\x0a-\x1f\x7f]|'
    rb'\\[^\x00-\x08\x0a-\x1f\x7f])*"))?)*)'
).fullmatch

LAST_CHUNK = b"0\r\n\r\n"


class ChunkedBody:
    """Progress through one chunked body."""

    __slots__ = (
        "_extension_bytes",
        "_in_trailers",
        "_needs_line_end",
        "_trailer_bytes",
        "_trailers",
        "done",
        "remaining",
    )

    def __init__(self) -> None:
        self.remaining = 0  # data bytes still to come in this chunk
        self.done = False
        self._needs_line_end = False
        self._in_trailers = False
        self._extension_bytes = 0
        self._trailers = 0
        self._trailer_bytes = 0

    def take_line(self, line: bytes) -> None:
        """The next line. Raises Malformed."""
        assert self.remaining == 0
        assert not self.done
        if self._needs_line_end:
            if line:
                raise Malformed("The data of a chunk is longer than its size.")
            self._needs_line_end = False
        elif self._in_trailers:
            self._take_trailer(line)
        else:
            self._take_size(line)

    def take_data(self, count: int) -> None:
        """The driver has taken so many bytes of the current chunk."""
        assert 0 < count <= self.remaining
        self.remaining -= count
        if self.remaining == 0:
            self._needs_line_end = True

    def _take_size(self, line: bytes) -> None:
        match = _SIZE_LINE(line)
        if match is None:
            raise Malformed("This is not the size of a chunk in hexadecimal digits.")
        if match[2]:
            self._extension_bytes += len(match[2])
            if self._extension_bytes > EXTENSION_BYTES_TOTAL_MAX:
                raise Malformed("The chunk extensions are too long.")
        self.remaining = int(match[1], 16)
        if self.remaining == 0:
            self._in_trailers = True

    def _take_trailer(self, line: bytes) -> None:
        if not line:
            self.done = True
            return
        self._trailers += 1
        self._trailer_bytes += len(line)
        if self._trailers > TRAILER_COUNT_MAX or self._trailer_bytes > TRAILER_BYTES_TOTAL_MAX:
            raise Malformed("There are too many trailers.")
        check_trailer_line(line)


def chunk_head(size: int) -> bytes:
    """What precedes the data of a chunk; CR LF follows it. A size of 0 would end the body."""
    assert size > 0
    return b"%x\r\n" % size
