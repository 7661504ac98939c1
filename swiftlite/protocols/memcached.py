"""The conversation with a memcached server, in its text protocol: bytes in, replies out.

Knows how commands look and how replies end; knows no socket, no server choice and no expiry rule
of the cache above it. Values are JSON under Swift's flag, so that a cluster shares its cache with
OpenStack Swift proxies.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from hashlib import md5
from typing import Any

JSON_FLAG = 2
PICKLE_FLAG = 1  # written by Swift before 2.0; never read
RELATIVE_EXPIRY_MAX = 30 * 24 * 60 * 60  # beyond this memcached takes a number for a date
LINE_BYTES_MAX = 2048
VALUE_BYTES_MAX = 64 * 1024 * 1024


class MemcachedBroke(Exception):
    """The server said something that is not its protocol; the connection is of no more use."""


def cache_key(key: str) -> bytes:
    """What is sent as the memcache key: 32 hex digits, whatever the caller's key holds."""
    return md5(key.encode("utf-8", "surrogateescape"), usedforsecurity=False).hexdigest().encode()


def expiry(seconds: float, now: float) -> int:
    """The exptime field: 0 for ever, relative up to 30 days, else a date."""
    if seconds <= 0:
        return 0
    if seconds > RELATIVE_EXPIRY_MAX:
        return int(now + seconds)
    return max(1, int(seconds))


def encode_value(value: object, serialize: bool) -> tuple[int, bytes]:
    """Flags and bytes of a value; unserialised ones are text or bytes already."""
    if serialize:
        return JSON_FLAG, json.dumps(value, separators=(",", ":")).encode("ascii")
    if isinstance(value, bytes):
        return 0, value
    return 0, str(value).encode("utf-8", "surrogateescape")


def decode_value(flags: int, data: bytes) -> Any:  # noqa: ANN401  # whatever JSON holds
    """The value, or None for one that must not or cannot be read (pickles, broken JSON)."""
    if flags & PICKLE_FLAG:
        return None
    try:
        if flags & JSON_FLAG:
            return json.loads(data)
        return data.decode("utf-8", "surrogateescape")
    except (ValueError, RecursionError):
        return None


def render_get(keys: Sequence[bytes]) -> bytes:
    return b"get " + b" ".join(keys) + b"\r\n"


def render_store(verb: bytes, key: bytes, flags: int, exptime: int, data: bytes) -> bytes:
    """verb: b"set" or b"add". Answered STORED or NOT_STORED."""
    return b"%s %s %d %d %d\r\n%s\r\n" % (verb, key, flags, exptime, len(data), data)


def render_delete(key: bytes) -> bytes:
    return b"delete " + key + b"\r\n"


def render_count(key: bytes, delta: int) -> bytes:
    """incr or decr by the sign of delta; memcached never counts below zero."""
    verb = b"decr" if delta < 0 else b"incr"
    return b"%s %s %d\r\n" % (verb, key, abs(delta))


class LineReply:
    """Any number of one-line replies, in order: feed bytes until enough came."""

    def __init__(self, count: int = 1) -> None:
        self.lines: list[bytes] = []
        self._wanted = count
        self._buffer = b""

    def feed(self, data: bytes) -> bool:
        """Take bytes off the connection; True once every reply is there."""
        buffer = self._buffer + data if self._buffer else data
        while len(self.lines) < self._wanted:
            line, newline, rest = buffer.partition(b"\r\n")
            if not newline:
                if len(buffer) > LINE_BYTES_MAX:
                    raise MemcachedBroke("a reply line without end")
                self._buffer = buffer
                return False
            self.lines.append(line)
            buffer = rest
        if buffer:
            raise MemcachedBroke(f"bytes after a reply: {buffer[:40]!r}")
        return True


class ValuesReply:
    """The reply to a get: VALUE blocks up to END."""

    def __init__(self) -> None:
        self.values: dict[bytes, tuple[int, bytes]] = {}
        self._buffer = bytearray()
        self._need = 0  # bytes without which trying again is of no use

    def feed(self, data: bytes) -> bool:
        """Take bytes off the connection; True once END was read."""
        buffer = self._buffer
        buffer += data
        while len(buffer) >= self._need:
            stop = buffer.find(b"\r\n")
            if stop < 0:
                if len(buffer) > LINE_BYTES_MAX:
                    raise MemcachedBroke("a reply line without end")
                return False
            line = bytes(buffer[:stop])
            if line == b"END":
                if len(buffer) > stop + 2:
                    raise MemcachedBroke("bytes after a reply")
                return True
            key, flags, size = _value_line(line)
            end = stop + 2 + size
            if len(buffer) < end + 2:
                self._need = end + 2
                return False
            if buffer[end : end + 2] != b"\r\n":
                raise MemcachedBroke("a value that is longer than it says")
            self.values[key] = (flags, bytes(buffer[stop + 2 : end]))
            del buffer[: end + 2]
            self._need = 0
        return False


def _value_line(line: bytes) -> tuple[bytes, int, int]:
    """Key, flags and size out of `VALUE <key> <flags> <bytes>[ <cas>]`."""
    words = line.split(b" ")
    numbers = words[2:4]
    usable = len(words) in (4, 5) and words[0] == b"VALUE"
    if not usable or not all(word.isdigit() and len(word) <= 10 for word in numbers):
        raise MemcachedBroke(f"not a reply to a get: {line[:80]!r}")
    flags, size = int(numbers[0]), int(numbers[1])
    if size > VALUE_BYTES_MAX:
        raise MemcachedBroke(f"a value of {size} bytes")
    return words[1], flags, size
