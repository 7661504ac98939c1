"""The ring file, versions 1 and 2: bytes to a RingImage and back.

Knows the bytes (doc/formats/ring-file.md) and trusts none of them: lengths are bounded before
anything is inflated, checksums are verified, ids are counted. Refuses to know what a device is;
device dictionaries pass through as they are.
"""

from __future__ import annotations

import hashlib
import json
import struct
import sys
import zlib
from array import array
from dataclasses import dataclass
from typing import Any

from swiftlite.vocab.errors import SwiftliteError

MAGIC = b"R1NG"
GZIP_MTIME = 1300507380  # Constant, so that equal rings give equal bytes. Swift's number.
DEVICES_BYTES_MAX = 256 << 20  # JSON of a million devices; a bound, not a guess at real rings.
TABLE_BYTES_MAX = 16 << 30
LEVEL, LEVEL_LARGE, LARGE_BYTES = 9, 6, 16 << 20
"""Swift's level gives Swift's bytes; on a table of 50 MB it would cost 19 s instead of 6."""
TAIL_BYTES = 31  # start of the index (18), end of the stream (5), CRC32 and length (8)
TYPE_OF_ID_BYTES = {2: "H", 4: "I"}
DIGESTS = {"md5", "sha1", "sha256", "sha512"}

METADATA, DEVICES, ASSIGNMENTS = (
    "swift/ring/metadata",
    "swift/ring/devices",
    "swift/ring/assignments",
)


class RingFileUnreadable(SwiftliteError):
    """These bytes are not a ring that can be trusted; the message is one sentence."""


class RingFileUnwritable(SwiftliteError):
    """This ring does not fit the format asked for."""


@dataclass(slots=True)
class RingImage:
    """What a ring file says. `rows[r][p]` is the device id of replica r of partition p.

    Every row is `2 ** (32 - part_shift)` long; only the last may be shorter.
    """

    part_shift: int
    devices: list[dict[str, Any] | None]
    rows: list[array[int]]
    version: int | None = None
    next_part_power: int | None = None
    id_bytes: int = 2
    format_version: int = 1

    @property
    def replica_count(self) -> float:
        if not self.rows:
            return 0.0
        return len(self.rows) - 1 + len(self.rows[-1]) / (1 << (32 - self.part_shift))


def decode(blob: bytes) -> RingImage:
    """A ring file's bytes, gzip and all. Raises RingFileUnreadable."""
    if blob[:2] != b"\x1f\x8b":
        raise RingFileUnreadable("not a ring file (it is not gzip data)")
    stream = _Inflater(blob)
    magic = stream.read(6, "the magic")
    if magic[:4] != MAGIC:
        if magic[:1] == b"\x80":
            raise RingFileUnreadable(
                "a ring of format 0 (a pickle); have Swift 2.35 or older write it again"
            )
        raise RingFileUnreadable("not a ring file (it does not begin with R1NG)")
    (version,) = struct.unpack(">H", magic[4:])
    if version == 1:
        return _decode_v1(stream)
    if version == 2:
        return _decode_v2(blob, stream)
    raise RingFileUnreadable(f"ring format {version} is not known here (1 and 2 are)")


class _Inflater:
    """A gzip stream read forwards, never inflating more than was asked for."""

    def __init__(self, blob: bytes) -> None:
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


def _decode_v1(stream: _Inflater) -> RingImage:
    (length,) = struct.unpack(">I", stream.read(4, "the header"))
    if length > DEVICES_BYTES_MAX:
        raise RingFileUnreadable(f"the device list claims {length} bytes")
    fields = _json_object(stream.read(length, "the device list"), "the header")
    part_shift = _bounded(fields, "part_shift", 0, 32)
    row_count = _bounded(fields, "replica_count", 0, 1 << 16)
    order = fields.get("byteorder", sys.byteorder)
    if order not in ("little", "big"):
        raise RingFileUnreadable(f"unknown byteorder {order!r}")
    partitions = 1 << (32 - part_shift)
    if partitions * row_count * 2 > TABLE_BYTES_MAX:
        raise RingFileUnreadable("the table would be larger than any machine that reads it")
    rows: list[array[int]] = []
    for number in range(row_count):
        last = number == row_count - 1
        data = (
            _last_row(stream, partitions * 2) if last else stream.read(partitions * 2, "the table")
        )
        rows.append(_ids(data, "H", order))
    if not rows:
        stream.finish()
    return RingImage(
        part_shift=part_shift,
        devices=_device_list(fields.get("devs")),
        rows=rows,
        version=_optional_whole(fields, "version"),
        next_part_power=_optional_whole(fields, "next_part_power"),
        id_bytes=2,
        format_version=1,
    )


def _last_row(stream: _Inflater, size: int) -> bytes:
    """The last row may be short (a fractional replica count): it goes to the end of the stream."""
    pieces: list[bytes] = []
    held = 0
    inflate = stream._inflate
    try:
        while held <= size and not inflate.eof:
            piece = inflate.decompress(stream._input, size + 1 - held)
            stream._input = inflate.unconsumed_tail
            pieces.append(piece)
            held += len(piece)
            if not piece and not stream._input and not inflate.eof:
                raise RingFileUnreadable("the file ends within the table")
    except zlib.error as fault:
        raise RingFileUnreadable(f"damaged gzip data ({fault})") from None
    if held > size:
        raise RingFileUnreadable("there is data beyond the end of the ring")
    if held % 2 or held == 0:
        raise RingFileUnreadable("the last row of the table has no whole number of ids")
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _decode_v2(blob: bytes, stream: _Inflater) -> RingImage:
    """By the index at the end, which a file that was compressed again does not have."""
    tail = zlib.decompressobj(-15)
    try:
        (start,) = struct.unpack(">Q", tail.decompress(blob[-TAIL_BYTES:]))
    except (zlib.error, struct.error):
        start = 0
    if not start or not tail.eof or len(tail.unused_data) != 8:
        raise RingFileUnreadable("no index at its end: cut off, or compressed again")
    index = _json_object(_section(blob, start, len(blob), "the index")[8:], "the index")
    metadata = _json_object(_indexed(blob, index, METADATA), METADATA)
    part_shift = _bounded(metadata, "part_shift", 0, 32)
    id_bytes = metadata.get("dev_id_bytes", 2)
    if id_bytes not in TYPE_OF_ID_BYTES:
        raise RingFileUnreadable(f"device ids of {id_bytes!r} bytes are not known here (2, 4)")
    table = _indexed(blob, index, ASSIGNMENTS)
    partitions = 1 << (32 - part_shift)
    row_bytes = partitions * id_bytes
    if len(table) % id_bytes:
        raise RingFileUnreadable("the table does not hold a whole number of ids")
    rows = [
        _ids(table[at : at + row_bytes], TYPE_OF_ID_BYTES[id_bytes], "big")
        for at in range(0, len(table), row_bytes)
    ]
    claimed = metadata.get("replica_count")
    image = RingImage(
        part_shift=part_shift,
        devices=_device_list(_json_value(_indexed(blob, index, DEVICES), DEVICES)),
        rows=rows,
        version=_optional_whole(metadata, "version"),
        next_part_power=_optional_whole(metadata, "next_part_power"),
        id_bytes=id_bytes,
        format_version=2,
    )
    if (
        not isinstance(claimed, int | float)
        or abs(claimed - image.replica_count) > 1e-6 + 1 / partitions
    ):
        raise RingFileUnreadable(
            f"it says {claimed!r} replicas but its table holds {image.replica_count}"
        )
    return image


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


def _indexed(blob: bytes, index: dict[str, Any], name: str) -> bytes:
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


def _ids(data: bytes, type_code: str, order: str) -> array[int]:
    row = array(type_code)
    assert row.itemsize == {"H": 2, "I": 4}[type_code]
    row.frombytes(data)
    if order != sys.byteorder:
        row.byteswap()
    return row


def _json_value(data: bytes, what: str) -> Any:  # noqa: ANN401 - any JSON value
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        raise RingFileUnreadable(f"{what} is not JSON") from None


def _json_object(data: bytes, what: str) -> dict[str, Any]:
    value = _json_value(data, what)
    if not isinstance(value, dict):
        raise RingFileUnreadable(f"{what} is not a JSON object")
    return value


def _bounded(fields: dict[str, Any], key: str, least: int, most: int) -> int:
    value = fields.get(key)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise RingFileUnreadable(f"{key} is {value!r}, not a number from {least} to {most}")
    return value


def _optional_whole(fields: dict[str, Any], key: str) -> int | None:
    value = fields.get(key)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
        raise RingFileUnreadable(f"{key} is {value!r}, not a whole number")
    return value


def _device_list(value: object) -> list[dict[str, Any] | None]:
    if not isinstance(value, list) or not all(d is None or isinstance(d, dict) for d in value):
        raise RingFileUnreadable("its devices are not a list of objects and nulls")
    return value


# --- writing ---------------------------------------------------------------------------------


def encode(image: RingImage, name: str, format_version: int = 1) -> bytes:
    """The file's bytes. `name` is the ring file's name, without `.gz`, for the gzip header."""
    if format_version == 1:
        return _encode_v1(image, name)
    if format_version == 2:
        return _encode_v2(image, name)
    raise RingFileUnwritable(f"ring format {format_version} cannot be written (1 and 2 can)")


def _gzip_header(name: str) -> bytes:
    latin = name.encode("latin-1", "replace").replace(b"\0", b"")
    return struct.pack("<BBBBIBB", 0x1F, 0x8B, 8, 8, GZIP_MTIME, 2, 255) + latin + b"\0"


def _json_bytes(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, ensure_ascii=True).encode("ascii")


def _encode_v1(image: RingImage, name: str) -> bytes:
    if image.id_bytes != 2:
        raise RingFileUnwritable("ring format 1 has no room for 4-byte device ids; use format 2")
    fields: dict[str, Any] = {
        "devs": image.devices,
        "part_shift": image.part_shift,
        "replica_count": len(image.rows),
        "byteorder": sys.byteorder,
    }
    if image.version is not None:
        fields["version"] = image.version
    if image.next_part_power is not None:
        fields["next_part_power"] = image.next_part_power
    text = _json_bytes(fields)
    magic = MAGIC + struct.pack(">H", 1)
    stored = zlib.compressobj(0, zlib.DEFLATED, -15)
    pieces = [_gzip_header(name), stored.compress(magic), stored.flush(zlib.Z_FULL_FLUSH)]
    deflate = zlib.compressobj(_level(image.rows), zlib.DEFLATED, -15)
    crc, size = zlib.crc32(magic), len(magic)
    head = struct.pack(">I", len(text)) + text
    for part in [memoryview(head), *(memoryview(row).cast("B") for row in image.rows)]:
        pieces.append(deflate.compress(part))
        crc, size = zlib.crc32(part, crc), size + part.nbytes
    pieces.append(deflate.flush())
    pieces.append(struct.pack("<II", crc, size & 0xFFFFFFFF))
    return b"".join(pieces)


class _SectionWriter:
    """A gzip stream whose sections can be inflated on their own."""

    def __init__(self, name: str) -> None:
        self.pieces = [_gzip_header(name)]
        self.compressed = len(self.pieces[0])
        self.uncompressed = 0
        self.crc = 0
        self.index: dict[str, list[object]] = {}

    def _add(self, packed: bytes) -> None:
        self.pieces.append(packed)
        self.compressed += len(packed)

    def write(self, parts: list[bytes | memoryview], level: int) -> None:
        """Blocks that depend on nothing before them, ended by a full flush."""
        deflate = zlib.compressobj(level, zlib.DEFLATED, -15)
        for part in parts:
            self._add(deflate.compress(part))
            self.crc = zlib.crc32(part, self.crc)
            self.uncompressed += memoryview(part).nbytes
        self._add(deflate.flush(zlib.Z_FULL_FLUSH))

    def section(self, name: str, parts: list[bytes | memoryview], level: int = LEVEL) -> None:
        length = sum(memoryview(part).nbytes for part in parts)
        parts = [struct.pack(">Q", length), *parts]
        digest = hashlib.sha256()
        for part in parts:
            digest.update(part)
        begin = self.compressed, self.uncompressed
        self.write(parts, level)
        self.index[name] = [
            *begin,
            self.compressed,
            self.uncompressed,
            "sha256",
            digest.hexdigest(),
        ]

    def finish(self) -> bytes:
        begin = self.compressed, self.uncompressed
        text = _json_bytes(self.index)
        self.write([struct.pack(">Q", len(text)) + text], 9)
        self.write([struct.pack(">Q", begin[1])], 0)
        self.write([struct.pack(">Q", begin[0])], 0)
        self.pieces.append(b"\x01\x00\x00\xff\xff")  # an empty stored block, marked as the last
        self.pieces.append(struct.pack("<II", self.crc, self.uncompressed & 0xFFFFFFFF))
        return b"".join(self.pieces)


def _encode_v2(image: RingImage, name: str) -> bytes:
    metadata: dict[str, Any] = {
        "part_shift": image.part_shift,
        "dev_id_bytes": image.id_bytes,
        "replica_count": image.replica_count,
        "version": image.version,
    }
    if image.next_part_power is not None:
        metadata["next_part_power"] = image.next_part_power
    writer = _SectionWriter(name)
    writer.write([MAGIC + struct.pack(">H", 2)], 0)
    writer.section(METADATA, [_json_bytes(metadata)])
    writer.section(DEVICES, [_json_bytes(image.devices)])
    rows: list[bytes | memoryview] = [memoryview(_big_endian(row)).cast("B") for row in image.rows]
    writer.section(ASSIGNMENTS, rows, _level(image.rows))
    return writer.finish()


def _level(rows: list[array[int]]) -> int:
    size = sum(len(row) * row.itemsize for row in rows)
    return LEVEL if size < LARGE_BYTES else LEVEL_LARGE


def _big_endian(row: array[int]) -> array[int]:
    if sys.byteorder == "big":
        return row
    swapped = array(row.typecode, row)
    swapped.byteswap()
    return swapped
