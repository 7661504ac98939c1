"""The suffix hashes of a partition: `hashes.pkl`, `hashes.invalid`, the REPLICATE body.

A suffix's value is a hex MD5 (replication), a dict by fragment index (erasure codes), or None
for "compute again". What is hashed is defined here as well, because two nodes must agree on it
bit for bit. Source: doc/formats/suffix-hashes.md.
"""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from swiftlite.formats import swift_pickle
from swiftlite.formats.ondisk_names import DATA, META, TOMBSTONE, is_suffix
from swiftlite.vocab.errors import SwiftliteError
from swiftlite.vocab.timestamp import Timestamp

SuffixHash = str | dict[int | None, str] | None


class HashesUnreadable(SwiftliteError):
    """The cache or the answer makes no sense: list the partition again, or ask again."""


@dataclass(frozen=True, slots=True)
class SuffixHashes:
    """The cache of one partition. updated is the wall time of the last write, -1 if never."""

    hashes: dict[str, SuffixHash] = field(default_factory=dict)
    updated: float = -1.0
    valid: bool = True


# A pickle of nothing but suffixes and their MD5s, `updated` and `valid`, as nearly all are: matched
# as a whole and taken apart in a third of the time that the reader takes.
_MEMO = rb"(?:q.|r.{4})"
_ENTRY = rb"X\x03\0\0\0([0-9a-f]{3})" + _MEMO + rb"(?:X\x20\0\0\0([0-9a-f]{32})" + _MEMO + rb"|N)"
_UPDATED = rb"X\x07\0\0\0updated" + _MEMO + rb"G(.{8})"
_VALID = rb"X\x05\0\0\0valid" + _MEMO + rb"\x88"
_is_plain = re.compile(
    rb"\x80\x02\}q\0(?:\((?:"
    + rb"|".join((_ENTRY.replace(b"([", b"(?:["), _UPDATED.replace(b"(.", b"(?:."), _VALID))
    + rb")*u)*\.",
    re.DOTALL,
).fullmatch
_plain_entries = re.compile(_ENTRY, re.DOTALL).findall
_plain_updated = re.compile(_UPDATED, re.DOTALL).findall
_double = struct.Struct(">d")


def encode_hashes(cache: SuffixHashes) -> bytes:
    """Content of hashes.pkl, which Swift reads."""
    return swift_pickle.dumps({**cache.hashes, "updated": cache.updated, "valid": cache.valid})


def decode_hashes(blob: bytes) -> SuffixHashes:
    """Undo encode_hashes. Raises HashesUnreadable, also for a cache marked invalid."""
    if _is_plain(blob):
        times = _plain_updated(blob)
        return SuffixHashes(_plain_hashes(blob), _double.unpack(times[-1])[0] if times else -1.0)
    content = _content(blob)
    updated, valid = content.pop("updated", -1.0), content.pop("valid", True)
    if valid is not True or not isinstance(updated, int | float):
        raise HashesUnreadable("the cached hashes are marked as not valid")
    return SuffixHashes(_checked(content), float(updated))


def encode_invalidation(suffix: str) -> bytes:
    """One line of hashes.invalid; appended under the partition's lock."""
    assert is_suffix(suffix)
    return f"{suffix}\n".encode("ascii")


def decode_invalidations(blob: bytes) -> list[str]:
    """Suffixes named in hashes.invalid, sorted, each once. A torn or strange line is left out."""
    lines = {line.decode("latin-1").strip() for line in blob.split(b"\n")}
    return sorted(line for line in lines if is_suffix(line))


def encode_replicate_answer(hashes: Mapping[str, SuffixHash] | None) -> bytes:
    """Body of the answer to REPLICATE; None when suffixes were only marked."""
    return swift_pickle.dumps(None if hashes is None else dict(hashes))


def decode_replicate_answer(blob: bytes) -> dict[str, SuffixHash]:
    """Another node's hashes. Raises HashesUnreadable."""
    if _is_plain(blob):
        return _plain_hashes(blob)
    return _checked(_content(blob))


def _plain_hashes(blob: bytes) -> dict[str, SuffixHash]:
    return {
        suffix.decode("ascii"): digest.decode("ascii") or None
        for suffix, digest in _plain_entries(blob)
    }


def partition_digest(hashes: Mapping[str, SuffixHash]) -> str | None:
    """The hashes of a partition in short, `<count>:<MD5>`, equal where all of them are.

    None while any is unknown, and for erasure codes. Ours alone; nothing of Swift's sees it.
    """
    lines = []
    for suffix, value in sorted(hashes.items()):
        if not isinstance(value, str):
            return None
        lines.append(f"{suffix} {value}\n")
    return f"{len(lines)}:{hashlib.md5(''.join(lines).encode(), usedforsecurity=False).hexdigest()}"


def _content(blob: bytes) -> dict[object, object]:
    try:
        content = swift_pickle.loads(blob)
    except swift_pickle.PickleUnreadable as error:
        raise HashesUnreadable(str(error)) from error
    if not isinstance(content, dict):
        raise HashesUnreadable(f"suffix hashes are a {type(content).__name__}")
    return {_ascii(key): value for key, value in content.items()}


def _checked(content: dict[object, object]) -> dict[str, SuffixHash]:
    hashes: dict[str, SuffixHash] = {}
    for suffix, value in content.items():
        if not isinstance(suffix, str) or not is_suffix(suffix):
            raise HashesUnreadable(f"{suffix!r} is no suffix")
        hashes[suffix] = _checked_value(suffix, _ascii(value))
    return hashes


def _checked_value(suffix: str, value: object) -> SuffixHash:
    if value is None or isinstance(value, str):
        return value
    if not isinstance(value, dict):
        raise HashesUnreadable(f"the hash of suffix {suffix} is a {type(value).__name__}")
    fragments: dict[int | None, str] = {}
    for index, raw_digest in value.items():
        digest = _ascii(raw_digest)
        if not (index is None or isinstance(index, int)) or not isinstance(digest, str):
            raise HashesUnreadable(f"the hash of suffix {suffix} has strange fragments")
        fragments[index] = digest
    return fragments


def _ascii(value: object) -> object:
    """Python 2 nodes pickle byte strings."""
    return value.decode("latin-1") if isinstance(value, bytes) else value


@dataclass(frozen=True, slots=True)
class HashedFiles:
    """The files in use of one hash dir, as far as they count for a suffix hash.

    content_type is the content-type time of a second `.meta` that is kept for it alone.
    fragments are the erasure-coded data files as (index, time), in the order of listing: newest
    first, then by index; durable is the time of the durable set.
    """

    meta: Timestamp | None = None
    tombstone: Timestamp | None = None
    data: Timestamp | None = None
    content_type: Timestamp | None = None
    fragments: tuple[tuple[int, Timestamp], ...] = ()
    durable: Timestamp | None = None

    def common(self) -> str:
        """What both kinds of policy hash for metadata and tombstones."""
        parts = []
        if self.meta is not None:
            parts.append(self.meta.internal + META)
        if self.tombstone is not None:
            parts.append(self.tombstone.internal + TOMBSTONE)
        return "".join(parts)

    def ctype(self) -> str:
        return "" if self.content_type is None else self.content_type.internal + "_ctype"


def replicated_suffix_hash(hash_dirs: Iterable[HashedFiles]) -> str:
    """The value of a suffix under replication; hash_dirs in sorted order of their names."""
    digest = hashlib.md5(usedforsecurity=False)
    for files in hash_dirs:
        data = "" if files.data is None else files.data.internal + DATA
        digest.update(f"{files.common()}{data}{files.ctype()}".encode("ascii"))
    return digest.hexdigest()


def erasure_suffix_hash(hash_dirs: Iterable[HashedFiles]) -> dict[int | None, str]:
    """The value of a suffix under erasure coding: by fragment index, None for what is shared."""
    texts: dict[int | None, list[str]] = {}
    for files in hash_dirs:
        shared = files.common()
        for index, timestamp in files.fragments:
            texts.setdefault(index, []).append(timestamp.internal)
        if files.durable is not None:
            shared += files.durable.internal + ".durable"
        shared += files.ctype()
        if shared:
            texts.setdefault(None, []).append(shared)
    return {
        index: hashlib.md5("".join(parts).encode("ascii"), usedforsecurity=False).hexdigest()
        for index, parts in texts.items()
    }
