"""From a name to its digest, its suffix and its partition.

The cluster's prefix and suffix are a value handed in, never a module's global.
Source: doc/formats/path-hash.md.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from struct import unpack_from
from typing import Protocol


class _Digest(Protocol):
    def digest(self) -> bytes: ...
    def hexdigest(self) -> str: ...


def _short_md5() -> Callable[[bytes], _Digest]:
    """CPython's own MD5: 0.36 µs for a short name where OpenSSL's set-up makes it 0.61.

    An interpreter built without it, or told to forbid it, has hashlib's, marked as no security.
    """
    try:
        from _md5 import md5  # type: ignore[import-not-found]  # typeshed has no stub for it
    except ImportError:
        return lambda data: hashlib.md5(data, usedforsecurity=False)
    made: Callable[[bytes], _Digest] = md5
    return made


short_md5 = _short_md5()


class HashPath:
    """The name hash of one cluster. Names are text; bytes that were not UTF-8 are surrogates."""

    __slots__ = ("_head", "prefix", "suffix")

    def __init__(self, prefix: bytes, suffix: bytes) -> None:
        self.prefix = prefix
        self.suffix = suffix
        self._head = prefix + b"/"

    def digest(self, account: str, container: str | None = None, obj: str | None = None) -> bytes:
        """Sixteen raw bytes for an account, a container or an object."""
        return short_md5(self._named(account, container, obj)).digest()

    def hex(self, account: str, container: str | None = None, obj: str | None = None) -> str:
        """The same as 32 lower-case hex digits: the name of the hash dir."""
        return short_md5(self._named(account, container, obj)).hexdigest()

    def hex_of_path(self, path: str) -> str:
        """The same for `/account[/container[/object]]` in one piece."""
        named = self.prefix + path.encode("utf-8", "surrogateescape") + self.suffix
        return short_md5(named).hexdigest()

    def _named(self, account: str, container: str | None, obj: str | None) -> bytes:
        if obj is not None:
            if container is None:
                raise ValueError("an object's hash needs its container")
            name = f"{account}/{container}/{obj}"
        elif container is not None:
            name = f"{account}/{container}"
        else:
            name = account
        return self._head + name.encode("utf-8", "surrogateescape") + self.suffix

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, HashPath):
            return NotImplemented
        return (self.prefix, self.suffix) == (other.prefix, other.suffix)

    def __hash__(self) -> int:
        return hash((self.prefix, self.suffix))

    def __repr__(self) -> str:
        return "HashPath(…)"  # what it holds keeps outsiders from choosing partitions


def partition_of(digest: bytes, part_shift: int) -> int:
    """The top `32 - part_shift` bits of a raw digest."""
    number: int = unpack_from(">I", digest)[0]
    return number >> part_shift


def suffix_of(hex_digest: str) -> str:
    """The last three hex digits: the directory above the hash dir."""
    return hex_digest[-3:]
