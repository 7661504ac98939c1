"""What both versions of the ring file are made of, read with suspicion; and the devices alone.

Lengths are bounded before anything is inflated, checksums are verified, JSON is looked at. Whoever
needs nothing but the devices of a ring need not inflate its table: see devices(). Kept free of all
that takes long to import, for the sake of commands.
"""

from __future__ import annotations

import hashlib
import json
import struct
import zlib
from typing import Any

from swiftlite.vocab.errors import SwiftliteError

MAGIC = b"R1NG"
DEVICES_BYTES_MAX = 256 << 20  # JSON of a million devices; a bound, not a guess at real rings.
TABLE_BYTES_MAX = 16 << 30
TAIL_BYTES = 31  # start of the index (18), end of the stream (5), CRC32 and length (8)
DIGESTS = {"md5", "sha1", "sha256", "sha512"}

METADATA, DEVICES, ASSIGNMENTS = (
    "swift/ring/metadata",
    "swift/ring/devices",
    "swift/ring/assignments",
)


class RingFileUnreadable(SwiftliteError):
    """These bytes are not a ring that can be trusted; the message is one sentence."""


def devices(blob: bytes) -> list[dict[str, Any] | None]:
    """The devices of a ring file, and no more of it than that. Raises RingFileUnreadable."""
    stream = Inflater(blob)
    if format_version(stream) == 1:
        return device_list(header(stream).get("devs"))
    return device_list(json_value(indexed(blob, index_of(blob), DEVICES), DEVICES))


def format_version(stream: Inflater) -> int:
    """1 or 2, by what the file begins with."""
    magic = stream.read(6, "the magic")
    if magic[:4] != MAGIC:
        if magic[:1] == b"\x80":
            raise RingFileUnreadable(
                "a ring of format 0 (a pickle); have Swift 2.35 or older write it again"
            )
        raise RingFileUnreadable("not a ring file (it does not begin with R1NG)")
    (version,) = struct.unpack(">H", magic[4:])
    if version not in (1, 2):
        raise RingFileUnreadable(f"ring format {version} is not known here (1 and 2 are)")
    return int(version)


def header(stream: Inflater) -> dict[str, Any]:
    """Of version 1: all that comes before the table."""
    (length,) = struct.unpack(">I", stream.read(4, "the header"))
    if length > DEVICES_BYTES_MAX:
        raise RingFileUnreadable(f"the device list claims {length} bytes")
    return json_object(stream.read(length, "the device list"), "the header")


def index_of(blob: bytes) -> dict[str, Any]:
    """Of version 2: at the end, where a file that was compressed again does not have it."""
    tail = zlib.decompressobj(-15)
    try:
        (start,) = struct.unpack(">Q", tail.decompress(blob[-TAIL_BYTES:]))
    except (zlib.error, struct.error):
        start = 0
    if not start or not tail.eof or len(tail.unused_data) != 8:
        raise RingFileUnreadable("no index at its end: cut off, or compressed again")
    return json_object(_section(blob, start, len(blob), "the index")[8:], "the index")


class Inflater:
    """A gzip stream read forwards, never inflating more than was asked for."""

    def __init__(self, blob: bytes) -> None:
        if blob[:2] != b"\x1f\x8b":
            raise RingFileUnreadable("not a ring file (it is not gzip data)")
        self._inflate = zlib.decompressobj(31)
        self._input: bytes = blob

    def read(self, count: int, what: str) -> bytes:
        pieces: list[bytes] = []
        missing = count
        while missing:
            if self._inflate.eof or not self._input:
                raise RingFileUnreadable(f"the file ends within {what}")
            try:
                piece = self._inflate.decompress(self._input, missing)
            except zlib.error as fault:
                raise RingFileUnreadable(f"damaged gzip data ({fault})") from None
            self._input = self._inflate.unconsumed_tail
            if not piece and not self._input:
                raise RingFileUnreadable(f"the file ends within {what}")
            pieces.append(piece)
            missing -= len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def finish(self) -> None:
        """Nothing may follow, and the gzip checksum must be right."""
        try:
            extra = self._inflate.decompress(self._input, 1)
            if not extra and not self._inflate.eof:
                extra = self._inflate.decompress(self._inflate.unconsumed_tail, 1)
        except zlib.error as fault:
            raise RingFileUnreadable(f"damaged gzip data ({fault})") from None
        if extra:
            raise RingFileUnreadable("there is data beyond the end of the ring")
        if not self._inflate.eof:
            raise RingFileUnreadable("the file is cut off before its checksum")


def _section(blob: bytes, start: int, stop: int, what: str) -> bytes:
    """The length-prefixed payload whose deflate blocks begin at `start`, prefix included."""
    if not 0 < start < stop <= len(blob):
        raise RingFileUnreadable(f"the place given for {what} is not in the file")
    inflate = zlib.decompressobj(-15)
    try:
        prefix = inflate.decompress(memoryview(blob)[start:stop], 8)
        if len(prefix) < 8:
            raise RingFileUnreadable(f"the file ends within {what}")
        (length,) = struct.unpack(">Q", prefix)
        if length > TABLE_BYTES_MAX:
            raise RingFileUnreadable(f"{what} claims {length} bytes")
        payload = inflate.decompress(inflate.unconsumed_tail, length) if length else b""
    except zlib.error as fault:
        raise RingFileUnreadable(f"damaged data in {what} ({fault})") from None
    if len(payload) != length:
        raise RingFileUnreadable(f"the file ends within {what}")
    return prefix + payload


def indexed(blob: bytes, index: dict[str, Any], name: str) -> bytes:
    entry = index.get(name)
    if entry is None:
        raise RingFileUnreadable(f"it has no section {name}")
    if not isinstance(entry, list) or len(entry) != 6:
        raise RingFileUnreadable(f"the index entry of {name} is not understood")
    start, _, stop, _, algorithm, wanted = entry
    if not isinstance(start, int) or not isinstance(stop, int):
        raise RingFileUnreadable(f"the index entry of {name} is not understood")
    if algorithm not in DIGESTS:
        raise RingFileUnreadable(f"the checksum of {name} is of unknown kind {algorithm!r}")
    content = _section(blob, start, stop, name)
    if hashlib.new(algorithm, content, usedforsecurity=False).hexdigest() != wanted:
        raise RingFileUnreadable(f"the checksum of {name} is wrong")
    return content[8:]


def json_value(data: bytes, what: str) -> Any:  # noqa: ANN401 - any JSON value
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        raise RingFileUnreadable(f"{what} is not JSON") from None


def json_object(data: bytes, what: str) -> dict[str, Any]:
    value = json_value(data, what)
    if not isinstance(value, dict):
        raise RingFileUnreadable(f"{what} is not a JSON object")
    return value


def bounded(fields: dict[str, Any], key: str, least: int, most: int) -> int:
    value = fields.get(key)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise RingFileUnreadable(f"{key} is {value!r}, not a number from {least} to {most}")
    return value


def optional_whole(fields: dict[str, Any], key: str) -> int | None:
    value = fields.get(key)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
        raise RingFileUnreadable(f"{key} is {value!r}, not a whole number")
    return value


def device_list(value: object) -> list[dict[str, Any] | None]:
    if not isinstance(value, list) or not all(d is None or isinstance(d, dict) for d in value):
        raise RingFileUnreadable("its devices are not a list of objects and nulls")
    return value
