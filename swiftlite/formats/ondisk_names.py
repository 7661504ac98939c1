"""Names on a device: directories per policy, hash dirs, and the files of one object.

A file's name carries its timestamp and, for `.meta`, the content type's time; for erasure codes
the fragment index and whether it is durable. What the files mean together is not known here
(objectstore.fileset). Source: doc/formats/object-files.md.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from swiftlite.vocab.timestamp import Timestamp, parse_combined_explicit, render_combined

DATA, META, TOMBSTONE, DURABLE = ".data", ".meta", ".ts", ".durable"
OBJECTS, ASYNC_PENDING, TMP, QUARANTINED = "objects", "async_pending", "tmp", "quarantined"
HASHES_FILE, INVALIDATIONS_FILE = "hashes.pkl", "hashes.invalid"
PARTITION_LOCK, REPLICATION_LOCK = ".lock", ".lock-replication"

_policy_dir = re.compile(r"(objects|async_pending|tmp)(?:-([1-9][0-9]{0,8}))?", re.ASCII).fullmatch
_rsync_temporary = re.compile(r"\..+\.[A-Za-z0-9]{6}", re.ASCII | re.DOTALL).fullmatch
_hash = re.compile(r"[0-9a-f]{32}").fullmatch
_suffix = re.compile(r"[0-9a-f]{3}").fullmatch


class NameUnreadable(ValueError):
    """A name in a hash dir that is not one of an object's files; the message says why."""


@dataclass(slots=True)  # never changed; frozen, it would take twice as long to make
class ObjectFile:
    """One file of a hash dir, as its name tells.

    content_type_timestamp is that of a `.meta` whose POST set a content type, else None.
    frag_index is None except for erasure-coded data; durable is true for `#d`.
    """

    name: str
    extension: str
    timestamp: Timestamp
    content_type_timestamp: Timestamp | None = None
    frag_index: int | None = None
    durable: bool = False


def parse_object_file(name: str, *, fragments: bool = False) -> ObjectFile:
    """Read a file's name; fragments is true under an erasure-coding policy.

    Raises NameUnreadable for temporaries and strangers, and for data of the other kind of policy.
    """
    stem, dot, ending = name.rpartition(".")
    extension = dot + ending
    try:
        if extension == META:
            timestamp, content_type, _ = parse_combined_explicit(stem)
            return ObjectFile(name, META, timestamp, content_type)
        if extension == TOMBSTONE or (extension == DURABLE and fragments):
            return ObjectFile(name, extension, Timestamp.from_text(stem))
        if extension == DATA:
            return _parse_fragment(name, stem) if fragments else _parse_data(name, stem)
    except ValueError as error:
        raise NameUnreadable(f"{name!r} in a hash dir: {error}") from error
    raise NameUnreadable(f"{name!r} in a hash dir has an unknown extension")


def _parse_data(name: str, stem: str) -> ObjectFile:
    return ObjectFile(name, DATA, Timestamp.from_text(stem))


def _parse_fragment(name: str, stem: str) -> ObjectFile:
    parts = stem.split("#")
    if not 2 <= len(parts) <= 3:
        raise NameUnreadable(f"{name!r} has no fragment index")
    if not (parts[1].isascii() and parts[1].isdigit()):
        raise NameUnreadable(f"{name!r} has no fragment index")
    durable = len(parts) == 3
    if durable and parts[2] != "d":
        raise NameUnreadable(f"{name!r} has an unknown mark behind its fragment index")
    return ObjectFile(name, DATA, Timestamp.from_text(parts[0]), None, int(parts[1]), durable)


def data_name(timestamp: Timestamp, frag_index: int | None = None, durable: bool = False) -> str:
    """`<ts>.data`, or `<ts>#<fragment>[#d].data`."""
    if frag_index is None:
        return timestamp.internal + DATA
    return f"{timestamp.internal}#{frag_index}{'#d' if durable else ''}{DATA}"


def tombstone_name(timestamp: Timestamp) -> str:
    return timestamp.internal + TOMBSTONE


def meta_name(timestamp: Timestamp, content_type_timestamp: Timestamp | None = None) -> str:
    """`<ts>[±<hex>].meta`; the difference is written even when zero, if there is a content type."""
    return render_combined(timestamp, content_type_timestamp, explicit=True) + META


def policy_dir(base: str, policy_index: int) -> str:
    """`objects` for policy 0, `objects-2` for policy 2; base may be async_pending or tmp too."""
    return base if policy_index == 0 else f"{base}-{policy_index}"


def parse_policy_dir(name: str) -> tuple[str, int] | None:
    """`objects-2` -> ("objects", 2); None for other entries of a device."""
    found = _policy_dir(name)
    return (found[1], int(found[2] or 0)) if found else None


def hash_dir(partition: int, name_hash: str) -> str:
    """`<partition>/<suffix>/<hash>`, below the policy's objects directory."""
    return f"{partition}/{name_hash[-3:]}/{name_hash}"


def is_hash(name: str) -> bool:
    return _hash(name) is not None


def is_suffix(name: str) -> bool:
    return _suffix(name) is not None


def is_partition(name: str) -> bool:
    return name.isascii() and name.isdigit()


def is_rsync_temporary(name: str) -> bool:
    """`.<name>.<six characters>`: a file on its way in, which everybody ignores."""
    return _rsync_temporary(name) is not None
