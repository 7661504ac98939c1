"""multipart/form-data (RFC 7578), read part by part as it arrives.

A part ends at its boundary and nowhere else: where the body stops before one, reading raises
FormCutOff, so that half a file is never taken for a file.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from swiftlite.vocab.content_type import parse_content_type
from swiftlite.vocab.errors import ClientGone

BOUNDARY_MAX = 200
HEADERS_MAX = 8192
READ_BYTES = 65536

Read = Callable[[int], bytes]
"""Up to n bytes; b"" at the end."""

_parameter = re.compile(r';\s*([A-Za-z0-9_*-]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^;\s]*)').finditer


class FormCutOff(ClientGone):
    """The body ended in the middle of a part."""


class FormMalformed(ValueError):
    """The body is no multipart/form-data; a sentence for the client."""


@dataclass(frozen=True, slots=True)
class PartHead:
    """name and filename are None where Content-Disposition has none. Header names lower case."""

    name: str | None
    filename: str | None
    headers: dict[str, str] = field(default_factory=dict)


def boundary_of(content_type: str) -> bytes | None:
    """The boundary that a Content-Type names; None when it is not that of a form."""
    kind, parameters = parse_content_type(content_type)
    if kind.lower() != "multipart/form-data":
        return None
    boundary = {name.lower(): value for name, value in parameters}.get("boundary", "").strip('"')
    if not boundary or len(boundary) > BOUNDARY_MAX:
        return None
    return boundary.encode("latin-1", "replace")


class MultipartReader:
    """Parts one after the other; what is left of one is skipped by the next next()."""

    def __init__(self, read: Read, boundary: bytes) -> None:
        self._source = read
        self._delimiter = b"\r\n--" + boundary
        self._buffer = b"\r\n"  # the first boundary may have nothing before it
        self._in_part = False
        self._begun = False

    def next(self) -> PartHead | None:
        """The next part's head; None after the last. Raises FormMalformed, FormCutOff."""
        if not self._begun:
            self._begun = True
            self._in_part = True  # what stands before the first boundary is nobody's
        while self.read(READ_BYTES):
            pass
        if self._take(2) == b"--":
            return None
        return self._head()

    def read(self, n: int) -> bytes:
        """Up to n bytes of the part; b"" at its end."""
        if not self._in_part or n <= 0:
            return b""
        while True:
            found = self._buffer.find(self._delimiter)
            if found == 0:
                self._buffer = self._buffer[len(self._delimiter) :]
                self._in_part = False
                return b""
            # Without a boundary in sight the last bytes may be the start of one.
            ready = found if found > 0 else len(self._buffer) - len(self._delimiter) + 1
            if ready > 0:
                ready = min(ready, n)
                block, self._buffer = self._buffer[:ready], self._buffer[ready:]
                return block
            self._more()

    def _head(self) -> PartHead:
        while (end := self._buffer.find(b"\r\n\r\n")) < 0:
            if len(self._buffer) > HEADERS_MAX:
                raise FormMalformed("The headers of a part are too long.")
            self._more()
        if end > HEADERS_MAX:
            raise FormMalformed("The headers of a part are too long.")
        # The line end before the boundary of an empty part is the last of the head's.
        lines, self._buffer = self._buffer[:end], self._buffer[end + 2 :]
        self._in_part = True
        self._drop_line_end()
        headers = _headers(lines)
        kind, name, filename = _disposition(headers.get("content-disposition", ""))
        if kind != "form-data":
            return PartHead(None, None, headers)
        return PartHead(name, filename, headers)

    def _drop_line_end(self) -> None:
        """The empty line's own end, unless it begins the boundary already."""
        while len(self._buffer) < len(self._delimiter):
            self._more()
        if not self._buffer.startswith(self._delimiter):
            self._buffer = self._buffer[2:]

    def _take(self, n: int) -> bytes:
        while len(self._buffer) < n:
            self._more()
        data, self._buffer = self._buffer[:n], self._buffer[n:]
        if data not in (b"--", b"\r\n"):
            raise FormMalformed("A boundary is not followed by a line end.")
        return data

    def _more(self) -> None:
        block = self._source(READ_BYTES)
        if not block:
            raise FormCutOff("The form ends in the middle of a part.")
        self._buffer += block


def _headers(lines: bytes) -> dict[str, str]:
    """Header lines as text; bytes that are not UTF-8 become surrogates."""
    found = {}
    for line in lines.split(b"\r\n"):
        name, colon, value = line.decode("utf-8", "surrogateescape").partition(":")
        if not colon:
            if line.strip():
                raise FormMalformed("A part has a line that is no header.")
            continue
        found[name.strip().lower()] = value.strip()
    return found


def _disposition(value: str) -> tuple[str, str | None, str | None]:
    """Kind, name and filename of a Content-Disposition."""
    kind = value.partition(";")[0].strip().lower()
    found = {}
    for match in _parameter(value[len(value.partition(";")[0]) :]):
        text = match[2]
        if len(text) > 1 and text[0] == text[-1] == '"':
            text = re.sub(r"\\(.)", r"\1", text[1:-1])
        found[match[1].lower()] = text
    return kind, found.get("name"), found.get("filename")
