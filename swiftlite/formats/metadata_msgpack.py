"""Object metadata in the house's own form: magic, checksum, one msgpack map of text to text.

`SLM\\x01`, CRC32 of the rest as four little-endian bytes, the map. Six keys take 191 bytes. The
checksum is inside, so that one attribute is read and written where Swift's form needs two.
Source: doc/formats/object-metadata.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from zlib import crc32

import msgpack

MAGIC = b"SLM\x01"
_HEAD = 8
_TEXT = frozenset((str,))


def encode(metadata: Mapping[str, str]) -> bytes:
    packed: bytes = msgpack.packb(dict(metadata), unicode_errors="surrogateescape")
    return MAGIC + crc32(packed).to_bytes(4, "little") + packed


def decode(blob: bytes) -> dict[str, str]:
    """Undo encode. Raises ValueError for damage; the caller has looked at the magic."""
    assert blob.startswith(MAGIC)
    packed = blob[_HEAD:]
    if int.from_bytes(blob[4:_HEAD], "little") != crc32(packed):
        raise ValueError("its checksum does not match")
    try:
        found = msgpack.unpackb(packed, unicode_errors="surrogateescape")
    except (ValueError, msgpack.UnpackException) as error:
        raise ValueError(f"it is not msgpack: {error}") from error
    if not isinstance(found, dict) or not _TEXT.issuperset(map(type, found.values())):
        raise ValueError("it is not a map of text")
    return found
