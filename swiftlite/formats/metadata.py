"""Object metadata as extended attributes: two forms told apart by magic, chunks, checksum.

`msgpack` is the house's form. `swift` is the pickle that OpenStack Swift writes and reads; its
text is what Swift holds in memory, WSGI strings, encoded as UTF-8 once more, save for `name`.
Either is read, whoever wrote it. Source: doc/formats/object-metadata.md.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping

from swiftlite.formats import metadata_msgpack, swift_pickle
from swiftlite.vocab.errors import SwiftliteError
from swiftlite.vocab.names import text_to_wsgi, wsgi_to_text

ATTRIBUTE = "user.swift.metadata"
CHECKSUM_ATTRIBUTE = "user.swift.metadata_checksum"
CHUNK_BYTES = 65_536  # of one attribute; what does not fit goes on in `…metadata1` and so on
CHUNKS_MAX = 16  # far above what the limits on metadata allow
MSGPACK, SWIFT = "msgpack", "swift"
FORMATS = (MSGPACK, SWIFT)
_PICKLE = b"\x80\x02"  # a msgpack map may begin 0x80 too, hence a magic of four bytes


class MetadataUnreadable(SwiftliteError):
    """The attribute is damaged or of no known form; the object is to be quarantined."""


def encode_metadata(metadata: Mapping[str, str], form: str = MSGPACK) -> bytes:
    """One blob, to be stored by attributes_of. form is the option metadata_format."""
    assert "name" in metadata
    if form == MSGPACK:
        return metadata_msgpack.encode(metadata)
    assert form == SWIFT
    return swift_pickle.dumps({_swift_bytes(k): _swift_value(k, metadata[k]) for k in metadata})


def decode_metadata(blob: bytes) -> dict[str, str]:
    """Undo encode_metadata, whichever form it is. Raises MetadataUnreadable."""
    try:
        if blob.startswith(metadata_msgpack.MAGIC):
            return metadata_msgpack.decode(blob)
        if blob.startswith(_PICKLE):
            return _decode_swift(blob)
    except (ValueError, swift_pickle.PickleUnreadable) as error:
        raise MetadataUnreadable(f"metadata cannot be read: {error}") from error
    raise MetadataUnreadable(f"unknown metadata format, starts {blob[:4]!r}")


def attributes_of(blob: bytes, chunk_bytes: int = CHUNK_BYTES) -> list[tuple[str, bytes]]:
    """The attributes to set, in this order. Swift's form has its checksum beside it."""
    starts = range(0, len(blob), chunk_bytes)
    chunks = [
        (attribute_name(index), blob[at : at + chunk_bytes]) for index, at in enumerate(starts)
    ]
    if blob.startswith(metadata_msgpack.MAGIC):
        return chunks
    return [*chunks, (CHECKSUM_ATTRIBUTE, checksum_of(blob))]


def gather_blob(
    read: Callable[[str], bytes | None], chunk_bytes: int = CHUNK_BYTES
) -> bytes | None:
    """The blob back from its attributes; None when there is none. Raises MetadataUnreadable.

    read gives an attribute's value, None where there is no such attribute. A chunk that is not
    full is the last, so the house's form is one call. A checksum that is absent is not missed:
    objects of Swift before 2.19 have none.
    """
    blob = read(ATTRIBUTE)
    if blob is None:
        return None
    last, index = blob, 1
    while len(last) >= chunk_bytes and index < CHUNKS_MAX:
        following = read(attribute_name(index))
        if following is None:
            break
        blob, last, index = blob + following, following, index + 1
    if not blob.startswith(metadata_msgpack.MAGIC):
        checksum = read(CHECKSUM_ATTRIBUTE)
        if checksum is not None and checksum != checksum_of(blob):
            raise MetadataUnreadable("the checksum of the metadata does not match")
    return blob


def is_whole(blob: bytes) -> bool:
    """Whether the first attribute alone is all that gather_blob() would give."""
    return blob.startswith(metadata_msgpack.MAGIC) and len(blob) < CHUNK_BYTES


def attribute_name(index: int) -> str:
    """`user.swift.metadata`, `user.swift.metadata1`, …"""
    return f"{ATTRIBUTE}{index}" if index else ATTRIBUTE


def checksum_of(blob: bytes) -> bytes:
    """What CHECKSUM_ATTRIBUTE holds: hex MD5 of the whole blob, as ASCII."""
    return hashlib.md5(blob, usedforsecurity=False).hexdigest().encode("ascii")


def _swift_bytes(text: str) -> bytes:
    return text_to_wsgi(text).encode("utf-8", "surrogateescape")


def _swift_value(key: str, value: str) -> bytes:
    return value.encode("utf-8", "surrogateescape") if key == "name" else _swift_bytes(value)


def _decode_swift(blob: bytes) -> dict[str, str]:
    """Swift on Python 2 pickled raw bytes, on Python 3 the UTF-8 of a WSGI string.

    The second kind names the function `_codecs.encode` near its start, which is how Swift itself
    tells them apart.
    """
    found = swift_pickle.loads(blob)
    if not isinstance(found, dict):
        raise ValueError("it is not a dict")
    wsgi_inside = b"_codecs\nencode" in blob[:32]
    metadata: dict[str, str] = {}
    for raw_key, raw_value in found.items():
        key = _swift_text(raw_key, wsgi_inside)
        metadata[key] = _swift_text(raw_value, wsgi_inside and key != "name")
    return metadata


def _swift_text(value: object, wsgi_inside: bool) -> str:
    if isinstance(value, str):
        text = value
    elif isinstance(value, bytes):
        text = value.decode("utf-8", "surrogateescape")
    else:
        raise ValueError(f"a {type(value).__name__} where text was expected")
    if not wsgi_inside:
        return text
    try:
        return wsgi_to_text(text)
    except UnicodeEncodeError:
        return text  # not a WSGI string after all: text that a middleware put there itself
