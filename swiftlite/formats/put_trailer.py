"""What a proxy of ours sends behind the body of a PUT: checksums of its blocks, and its MD5.

With it the MD5 is computed once, in the proxy, instead of on every node; a node checks what it
received block by block, at a tenth of the price, and keeps that list with the object. Its length
follows from the body's, so that both sides know where it ends. Source: doc/formats/put-trailer.md.
"""

from __future__ import annotations

from typing import NamedTuple

from swiftlite.formats.block_checksums import (
    BlockChecksums,
    BlocksUnreadable,
    attribute_bytes,
    decode_blocks,
    encode_blocks,
)
from swiftlite.formats.crc import crc32

_DIGEST_BYTES = 16
_SUM_BYTES = 4


class PutTrailer(NamedTuple):
    blocks: BlockChecksums
    etag: str  # hex MD5


def trailer_bytes(length: int) -> int:
    """How long the trailer of a body of this length is."""
    return attribute_bytes(length) + _DIGEST_BYTES + _SUM_BYTES


def encode_trailer(trailer: PutTrailer) -> bytes:
    digest = bytes.fromhex(trailer.etag)
    assert len(digest) == _DIGEST_BYTES
    return encode_blocks(trailer.blocks) + digest + crc32(digest).to_bytes(_SUM_BYTES, "little")


def decode_trailer(blob: bytes) -> PutTrailer:
    """Undo encode_trailer. Raises BlocksUnreadable."""
    blocks, digest = blob[: -_DIGEST_BYTES - _SUM_BYTES], blob[-_DIGEST_BYTES - _SUM_BYTES :]
    if crc32(digest[:_DIGEST_BYTES]) != int.from_bytes(digest[_DIGEST_BYTES:], "little"):
        raise BlocksUnreadable("the MD5 behind a body is damaged")
    return PutTrailer(decode_blocks(blocks), digest[:_DIGEST_BYTES].hex())
