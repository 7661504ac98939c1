"""The sender's side of SSYNC: what the receiver's lines mean, in the order they may come."""

from __future__ import annotations

from enum import Enum, auto

from swiftlite.formats.ssync_lines import (
    CHANGES_END,
    CHANGES_START,
    OFFERS_END,
    OFFERS_START,
    Wish,
    decode_error,
    decode_wish,
)
from swiftlite.vocab.errors import SwiftliteError


class SsyncBroken(SwiftliteError):
    """The other side gave up, or said what it may not; what it has got of this is not known."""


class SsyncBusy(SsyncBroken):
    """It gave up before it had begun, because others were there first."""


class Expected(Enum):
    """What the receiver says next."""

    WISHES_START = auto()
    WISHES = auto()
    RESULT_START = auto()
    RESULT_END = auto()
    NOTHING = auto()


_NEXT = {
    (Expected.WISHES_START, OFFERS_START): Expected.WISHES,
    (Expected.WISHES, OFFERS_END): Expected.RESULT_START,
    (Expected.RESULT_START, CHANGES_START): Expected.RESULT_END,
    (Expected.RESULT_END, CHANGES_END): Expected.NOTHING,
}


class Sending:
    """Fed with the receiver's lines, one at a time."""

    def __init__(self) -> None:
        self.expected = Expected.WISHES_START

    @property
    def wishes_are_known(self) -> bool:
        return self.expected in (Expected.RESULT_START, Expected.RESULT_END, Expected.NOTHING)

    @property
    def done(self) -> bool:
        """Everything has arrived, and is kept there."""
        return self.expected is Expected.NOTHING

    def receive(self, line: bytes) -> Wish | None:
        """A wish, or None for a line that only leads on. b"" is the end of the stream.

        Raises SsyncBroken, LineUnreadable.
        """
        if not line:
            raise SsyncBroken("it ended the conversation too early")
        text = line.strip()
        if not text:
            return None
        following = _NEXT.get((self.expected, text))
        if following is not None:
            self.expected = following
            return None
        error = decode_error(text)
        if error is not None:
            busy = error.status == 503 and self.expected is Expected.WISHES_START
            kind = SsyncBusy if busy else SsyncBroken
            raise kind(f"it gave up with {error.status}: {error.text}")
        if self.expected is Expected.WISHES:
            return decode_wish(text)
        raise SsyncBroken(f"it said {text[:200]!r}")
