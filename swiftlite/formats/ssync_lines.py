"""The lines of an SSYNC conversation: what is offered, what is wanted, the heads of changes.

    <hash> <data time>[ m:<hex>[__<hex>][,t:<hex>[__<hex>]][,durable:False]]        an offer
    <hash>[ d|m|dm]                                                                 a wish
    PUT|POST|DELETE <quoted path> CRLF  name: value CRLF ...  CRLF                  a change
    :ERROR: <status> <text>

Times of metadata and content type are differences to the data time, in units of 10 microseconds;
behind `__` comes their offset. Values and names of headers travel as UTF-8. Which line may follow
which is protocols.ssync's. Source: doc/formats/ssync.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from swiftlite.formats.ondisk_names import is_hash
from swiftlite.vocab.errors import SwiftliteError
from swiftlite.vocab.names import quote_path, unquote_path
from swiftlite.vocab.timestamp import Timestamp

OFFERS_START, OFFERS_END = b":MISSING_CHECK: START", b":MISSING_CHECK: END"
CHANGES_START, CHANGES_END = b":UPDATES: START", b":UPDATES: END"
LINE_END = b"\r\n"
LINE_BYTES_MAX = 65_536
VERBS = ("PUT", "POST", "DELETE")

_difference = re.compile(r"(-?[0-9a-f]{1,20})(?:__([0-9a-f]{1,16}))?", re.ASCII).fullmatch
_error = re.compile(rb":ERROR: (\d{1,3}) ?(.*)", re.DOTALL).fullmatch
_unprintable = re.compile(r"[\0\r\n]").search


class LineUnreadable(SwiftliteError):
    """A line that is none of those above; the message says why."""


@dataclass(frozen=True, slots=True)
class Offer:
    """An object that the sender has. meta and content_type: None where no POST came after the
    data; durable is false for a fragment that waits for its commit."""

    hash: str
    data: Timestamp
    meta: Timestamp | None = None
    content_type: Timestamp | None = None
    durable: bool = True


@dataclass(frozen=True, slots=True)
class Wish:
    """What the receiver wants of an object that was offered."""

    hash: str
    data: bool
    meta: bool


@dataclass(frozen=True, slots=True)
class ErrorLine:
    """The receiver gives up."""

    status: int
    text: str


def encode_offer(offer: Offer) -> bytes:
    extras = []
    if offer.meta is not None and offer.meta != offer.data:
        extras.append("m:" + _difference_text(offer.meta, offer.data))
        if offer.content_type is not None and offer.content_type != offer.data:
            extras.append("t:" + _difference_text(offer.content_type, offer.data))
    if not offer.durable:
        extras.append("durable:False")
    line = f"{offer.hash} {offer.data.internal}"
    return f"{line} {','.join(extras)}".encode() if extras else line.encode()


def decode_offer(line: bytes) -> Offer:
    """Raises LineUnreadable. Extras that are not known are left out, for peers to come."""
    parts = unquote_path(line.decode("latin-1")).split()
    if len(parts) < 2 or not is_hash(parts[0]):
        raise LineUnreadable(f"not an offer: {line[:200]!r}")
    data = _timestamp(parts[1], line)
    meta = content_type = None
    durable = True
    for item in parts[2].split(",") if len(parts) > 2 else ():
        key, _, value = item.partition(":")
        if key == "m":
            meta = _later(data, value, line)
        elif key == "t":
            content_type = _later(data, value, line)
        elif key == "durable":
            durable = value.lower() in ("true", "1", "yes", "on", "t", "y")
    return Offer(parts[0], data, meta, content_type, durable)


def encode_wish(wish: Wish) -> bytes:
    return f"{wish.hash} {'d' if wish.data else ''}{'m' if wish.meta else ''}".encode()


def decode_wish(line: bytes) -> Wish:
    """A receiver that names no part is an old one and takes data alone. Raises LineUnreadable."""
    parts = unquote_path(line.decode("latin-1")).split()
    if not parts or not is_hash(parts[0]):
        raise LineUnreadable(f"not a wish: {line[:200]!r}")
    named = parts[1] if len(parts) > 1 else ""
    data, meta = "d" in named, "m" in named
    return Wish(parts[0], data or not meta, meta)


def encode_change(verb: str, path: str, headers: Iterable[tuple[str, str]]) -> bytes:
    """The head of a PUT, POST or DELETE; path is `/a/c/o`. All are text."""
    assert verb in VERBS
    lines = [f"{verb} {quote_path(path)}"]
    for name, value in headers:
        if _unprintable(name) or _unprintable(value):
            raise LineUnreadable(f"{path}: the metadata {name!r} cannot be sent in a line")
        lines.append(f"{name}: {value}")
    return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape")


def decode_change_line(line: bytes) -> tuple[str, str]:
    """Verb and quoted path of a change. Raises LineUnreadable."""
    verb, _, target = line.decode("latin-1").partition(" ")
    if verb not in VERBS or not target.startswith("/"):
        raise LineUnreadable(f"not the beginning of a change: {line[:200]!r}")
    return verb, target.strip()


def decode_header(line: bytes) -> tuple[str, str]:
    """Name and value as WSGI strings. Raises LineUnreadable."""
    name, colon, value = line.decode("latin-1").partition(":")
    name = name.strip()
    if not colon or not name:
        raise LineUnreadable(f"not a header: {line[:200]!r}")
    return name, value.strip()


def encode_error(status: int, text: str) -> bytes:
    flat = " ".join(text.split())[:1024]
    return f":ERROR: {status} {flat!r}\n".encode("utf-8", "replace")


def decode_error(line: bytes) -> ErrorLine | None:
    """None for any other line."""
    found = _error(line.strip())
    if found is None:
        return None
    return ErrorLine(int(found[1]), found[2].decode("utf-8", "replace"))


def _difference_text(time: Timestamp, data: Timestamp) -> str:
    text = f"{time.raw - data.raw:x}"
    return f"{text}__{time.offset:x}" if time.offset else text


def _later(data: Timestamp, text: str, line: bytes) -> Timestamp:
    found = _difference(text)
    if found is None:
        raise LineUnreadable(f"not a difference of times in {line[:200]!r}")
    try:
        return Timestamp(data.raw + int(found[1], 16), int(found[2] or "0", 16))
    except ValueError as error:
        raise LineUnreadable(f"{error} in {line[:200]!r}") from None


def _timestamp(text: str, line: bytes) -> Timestamp:
    try:
        return Timestamp.from_text(text)
    except ValueError:
        raise LineUnreadable(f"not a timestamp in {line[:200]!r}") from None
