"""The receiver's side of SSYNC: what the sender's lines mean, and what to wish for."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto

from swiftlite.formats.ssync_lines import (
    CHANGES_END,
    CHANGES_START,
    OFFERS_END,
    OFFERS_START,
    LineUnreadable,
    Offer,
    Wish,
    decode_change_line,
    decode_header,
    decode_offer,
)
from swiftlite.vocab.timestamp import Timestamp

_HEADERS_MAX = 1000
_LENGTH_DIGITS_MAX = 18


@dataclass(frozen=True, slots=True)
class Local:
    """What is here of an object. data may be a tombstone's time, and then there is no newest.

    newest: of the last PUT or POST. content_type: when the content type was set.
    """

    data: Timestamp
    newest: Timestamp | None = None
    content_type: Timestamp | None = None


def wish_for(offer: Offer, local: Local | None) -> Wish | None:
    """What of an offer is news; None when nothing is."""
    if local is None:
        return Wish(offer.hash, data=True, meta=True)
    data = offer.data > local.data
    offered_newest = offer.meta or offer.data
    offered_type = offer.content_type or offer.data
    if local.newest is None:
        meta = data and offer.meta is not None
    else:
        meta = offered_newest > local.newest
    if local.content_type is not None and offered_type > local.content_type:
        meta = meta or offered_type > offer.data
    return Wish(offer.hash, data=data, meta=meta) if data or meta else None


@dataclass(frozen=True, slots=True)
class Change:
    """The whole head of a change; length bytes of body follow it at once.

    target: the quoted path. headers: WSGI strings, in the order sent.
    """

    verb: str
    target: str
    headers: list[tuple[str, str]]
    length: int


class Turn(Enum):
    """The sender has said all it has to say for now."""

    OFFERS_END = auto()
    CHANGES_END = auto()


class _State(Enum):
    START = auto()
    OFFERS = auto()
    BETWEEN = auto()
    CHANGES = auto()
    HEAD = auto()
    END = auto()


@dataclass
class Receiving:
    """Fed with the sender's lines, one at a time; bodies do not go through it."""

    _state: _State = _State.START
    _verb: str = ""
    _target: str = ""
    _headers: list[tuple[str, str]] = field(default_factory=list)

    def receive(self, line: bytes) -> Offer | Change | Turn | None:
        """What a line brings; None when it only leads on. Raises LineUnreadable.

        b"", the end of the stream, ends offers or changes: the sender has left, or is an old one.
        """
        state = self._state
        if state is _State.HEAD:
            return self._head_line(line)
        text = line.strip()
        if state is _State.START:
            self._begin(text, OFFERS_START, _State.OFFERS)
            return None
        if state is _State.OFFERS:
            if not text or text == OFFERS_END:
                self._state = _State.BETWEEN
                return Turn.OFFERS_END
            return decode_offer(text)
        if state is _State.BETWEEN:
            self._begin(text, CHANGES_START, _State.CHANGES)
            return None
        if state is _State.CHANGES and text and text != CHANGES_END:
            self._verb, self._target = decode_change_line(text)
            self._headers = []
            self._state = _State.HEAD
            return None
        self._state = _State.END
        return Turn.CHANGES_END

    def _begin(self, text: bytes, mark: bytes, following: _State) -> None:
        if text != mark:
            raise LineUnreadable(f"{text[:200]!r} where {mark.decode()} must be")
        self._state = following

    def _head_line(self, line: bytes) -> Change | None:
        if not line:
            raise LineUnreadable(f"the head of {self._verb} {self._target} has no end")
        if line.strip():
            if len(self._headers) >= _HEADERS_MAX:
                raise LineUnreadable(f"{self._verb} {self._target} has too many headers")
            self._headers.append(decode_header(line))
            return None
        self._state = _State.CHANGES
        return Change(self._verb, self._target, self._headers, self._body_length())

    def _body_length(self) -> int:
        lengths = {value for name, value in self._headers if name.lower() == "content-length"}
        text = lengths.pop() if lengths else ""
        usable = text.isascii() and text.isdigit() and len(text) <= _LENGTH_DIGITS_MAX
        if lengths or (text and not usable):
            raise LineUnreadable(f"the length of {self._verb} {self._target} cannot be read")
        length = int(text) if usable else 0
        if self._verb == "PUT":
            if not usable:
                raise LineUnreadable(f"PUT {self._target} has no Content-Length")
        elif length:
            raise LineUnreadable(f"{self._verb} {self._target} has a body")
        return length


@dataclass
class Tally:
    """How the changes of one conversation went. limit, ratio: when it is no use to go on."""

    limit: int
    ratio: float
    successes: int = 0
    failures: int = 0

    def count(self, status: int) -> None:
        """404 is a success: what should be changed or deleted is gone."""
        if 200 <= status < 300 or status == 404:
            self.successes += 1
        else:
            self.failures += 1

    @property
    def hopeless(self) -> bool:
        if self.failures < self.limit:
            return False
        return not self.successes or self.failures / self.successes > self.ratio
