"""The ring file, versions 1 and 2: bytes to a RingImage and back.

Knows the bytes (doc/formats/ring-file.md) and, as ring_parts does, trusts none of them: ids are
counted. Refuses to know what a device is; device dictionaries pass through as they are.
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

from swiftlite.formats.ring_parts import (
    ASSIGNMENTS,
    DEVICES,
    MAGIC,
    METADATA,
    TABLE_BYTES_MAX,
    Inflater,
    RingFileUnreadable,
    bounded,
    device_list,
    format_version,
    header,
    index_of,
    indexed,
    json_object,
    json_value,
    optional_whole,
)
from swiftlite.vocab.errors import SwiftliteError

GZIP_MTIME = 1300507380  # Constant, so that equal rings give equal bytes. Swift's number.
LEVEL, LEVEL_LARGE, LARGE_BYTES = 9, 6, 16 << 20
"""Swift's level gives Swift's bytes; on a table of 50 MB it would cost 19 s instead of 6."""
TYPE_OF_ID_BYTES = {2: "H", 4: "I"}


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
    stream = Inflater(blob)
    version = format_version(stream)
    return _decode_v1(stream) if version == 1 else _decode_v2(blob)


def _decode_v1(stream: Inflater) -> RingImage:
    fields = header(stream)
    part_shift = bounded(fields, "part_shift", 0, 32)
    row_count = bounded(fields, "replica_count", 0, 1 << 16)
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
        devices=device_list(fields.get("devs")),
        rows=rows,
        version=optional_whole(fields, "version"),
        next_part_power=optional_whole(fields, "next_part_power"),
        id_bytes=2,
        format_version=1,
    )


def _last_row(stream: Inflater, size: int) -> bytes:
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


def _decode_v2(blob: bytes) -> RingImage:
    index = index_of(blob)
    metadata = json_object(indexed(blob, index, METADATA), METADATA)
    part_shift = bounded(metadata, "part_shift", 0, 32)
    id_bytes = metadata.get("dev_id_bytes", 2)
    if id_bytes not in TYPE_OF_ID_BYTES:
        raise RingFileUnreadable(f"device ids of {id_bytes!r} bytes are not known here (2, 4)")
    table = indexed(blob, index, ASSIGNMENTS)
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
        devices=device_list(json_value(indexed(blob, index, DEVICES), DEVICES)),
        rows=rows,
        version=optional_whole(metadata, "version"),
        next_part_power=optional_whole(metadata, "next_part_power"),
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


def _ids(data: bytes, type_code: str, order: str) -> array[int]:
    row = array(type_code)
    assert row.itemsize == {"H": 2, "I": 4}[type_code]
    row.frombytes(data)
    if order != sys.byteorder:
        row.byteswap()
    return row


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
