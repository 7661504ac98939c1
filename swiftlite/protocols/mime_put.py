"""The MIME document that carries an object's body and, behind it, its metadata: taking it apart.

    --boundary CRLF headers CRLF CRLF body CRLF
    --boundary CRLF headers CRLF CRLF body CRLF
    --boundary--

A machine without I/O: bytes of any cut in, events out. The boundary is 64 random hex digits, so
that no body holds it. Source: doc/formats/mime-put.md.
"""

from __future__ import annotations

from dataclasses import dataclass

from swiftlite.vocab.errors import SwiftliteError

_HEAD_BYTES_MAX = 8192


class BadDocument(SwiftliteError):
    """What came is not such a document; the sentence is for the sender."""


@dataclass(frozen=True, slots=True)
class PartBegins:
    """headers by lower-case name."""

    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class PartBytes:
    data: bytes


@dataclass(frozen=True, slots=True)
class PartEnds:
    pass


Event = PartBegins | PartBytes | PartEnds
_START, _HEAD, _BODY, _AFTER, _END = range(5)


class PartSplitter:
    """Feed it a document."""

    def __init__(self, boundary: bytes) -> None:
        self._first = b"--" + boundary
        self._between = b"\r\n--" + boundary
        self._held = b""  # bytes that may be the beginning of something
        self._state = _START
        self._lead = 0  # bytes at the front of _held that are not the part's

    def feed(self, data: bytes) -> list[Event]:
        """What the next bytes complete, in order. Raises BadDocument."""
        events: list[Event] = []
        self._held += data
        while self._step(events):
            pass
        return events

    def _step(self, events: list[Event]) -> bool:
        """One part of the grammar; False when more bytes are needed."""
        if self._state == _BODY:
            return self._take_body(events)
        if self._state == _HEAD:
            return self._take_head(events)
        if self._state == _START:
            return self._take_start()
        if self._state == _AFTER:
            return self._take_after()
        self._held = b""  # whatever follows the last boundary means nothing
        return False

    def _take_start(self) -> bool:
        held = self._held.lstrip(b"\r\n")
        if len(held) < len(self._first):
            if not self._first.startswith(held):
                raise BadDocument("The MIME document does not begin with its boundary.")
            return False
        if not held.startswith(self._first):
            raise BadDocument("The MIME document does not begin with its boundary.")
        self._held = held[len(self._first) :]
        self._state = _AFTER
        return True

    def _take_after(self) -> bool:
        """Behind a boundary: a new line and a part, or two dashes and the end."""
        if len(self._held) < 2:
            return False
        if self._held.startswith(b"--"):
            self._state = _END
        elif self._held.startswith(b"\r\n"):
            self._held = self._held[2:]
            self._state = _HEAD
        else:
            raise BadDocument("A MIME boundary is followed by something else than a line end.")
        return True

    def _take_head(self, events: list[Event]) -> bool:
        if self._held.startswith(b"\r\n"):
            head, self._held = b"", self._held[2:]
        else:
            head, found, rest = self._held.partition(b"\r\n\r\n")
            if not found:
                if len(self._held) > _HEAD_BYTES_MAX:
                    raise BadDocument("The headers of a MIME part are too long.")
                return False
            self._held = rest
        events.append(PartBegins(_headers(head)))
        # A boundary may follow at once: the line end before it then belongs to the head.
        self._held = b"\r\n" + self._held
        self._state = _BODY
        self._lead = 2
        return True

    def _take_body(self, events: list[Event]) -> bool:
        at = self._held.find(self._between)
        stop = at if at >= 0 else len(self._held) - len(self._between) + 1
        if stop > 0:
            data = self._held[min(self._lead, stop) : stop]
            self._lead = max(0, self._lead - stop)
            if data:
                events.append(PartBytes(data))
            self._held = self._held[stop:]
        if at < 0:
            return False
        self._held = self._held[len(self._between) :]
        events.append(PartEnds())
        self._state = _AFTER
        return True


def _headers(head: bytes) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in head.split(b"\r\n"):
        if not line:
            continue
        name, colon, value = line.partition(b":")
        if not colon:
            raise BadDocument("A MIME part has a header line without a colon.")
        headers[name.decode("latin-1").strip().lower()] = value.decode("latin-1").strip()
    return headers
