"""Tar archives from strangers, read as they come: ustar, GNU and pax headers, files alone.

Python's own tarfile believes sizes: a header that claims 99 TB, or a negative size, keeps it busy
for good (CVE-2025-8194). Here a size is only ever a promise: what is not there ends the archive.
"""

from __future__ import annotations

import base64
import binascii
import bz2
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NoReturn
from urllib.parse import unquote

BLOCK = 512
SIZE_STOP = 1 << 63
LONG_NAME_MAX = 32 * 1024
PAX_MAX = 256 * 1024
HEADERS_MAX = 16  # headers about one file before the file itself
INPUT_BYTES = 64 * 1024

_FILE_TYPES = (b"0", b"\0", b"7")
_DIRECTORY, _SPARSE = b"5", b"S"
_LONG_NAME, _LONG_LINK, _PAX, _PAX_OLD, _PAX_GLOBAL = b"L", b"K", b"x", b"X", b"g"

Read = Callable[[int], bytes]
"""Up to n bytes; b"" at the end."""


class ArchiveInvalid(ValueError):
    """What was sent is no archive of the kind it is said to be; a sentence for the client."""


@dataclass(frozen=True, slots=True)
class Member:
    """One entry. name: text, bytes that are not UTF-8 as surrogates. attributes: the extended
    attributes of namespace `user`, without that word."""

    name: str
    size: int
    is_file: bool
    is_sparse: bool = False
    attributes: dict[str, str] = field(default_factory=dict)


class TarStream:
    """Members one after the other; the data of each is read, or skipped by the next next()."""

    def __init__(self, read: Read) -> None:
        self._source = read
        self._left = 0
        self._padding = 0
        self._globals: dict[str, bytes] = {}

    def next(self) -> Member | None:
        """The next member; None at the end. Raises ArchiveInvalid."""
        self._skip_rest()
        extended: dict[str, bytes] = {}
        long_name: bytes | None = None
        for _ in range(HEADERS_MAX):
            block = self._exactly(BLOCK, may_end=True)
            if not block or block.count(0) == BLOCK:
                return None
            kind, name, size = parse_header(block)
            if kind == _LONG_NAME:
                long_name = self._content(size, LONG_NAME_MAX).partition(b"\0")[0]
            elif kind == _LONG_LINK:
                self._content(size, LONG_NAME_MAX)
            elif kind in (_PAX, _PAX_OLD):
                extended.update(parse_pax(self._content(size, PAX_MAX)))
            elif kind == _PAX_GLOBAL:
                self._globals.update(parse_pax(self._content(size, PAX_MAX)))
                if len(self._globals) > 1000:
                    raise ArchiveInvalid("too many global headers")
            else:
                return self._member(kind, long_name or name, size, {**self._globals, **extended})
        raise ArchiveInvalid("too many headers before a file")

    def read(self, n: int) -> bytes:
        """Up to n bytes of the current member; b"" at its end. Raises ArchiveInvalid when the
        archive ends before."""
        if not self._left or n <= 0:
            return b""
        block = self._source(min(n, self._left))
        if not block:
            raise ArchiveInvalid("the archive ends in the middle of a file")
        self._left -= len(block)
        return block

    def _member(self, kind: bytes, name: bytes, size: int, pax: dict[str, bytes]) -> Member:
        name = pax.get("path", name)
        if "size" in pax:
            size = _decimal(pax["size"])
        old_directory = kind == b"\0" and name.endswith(b"/")
        is_file = kind in _FILE_TYPES and not old_directory
        is_sparse = kind == _SPARSE or any(key.startswith("GNU.sparse.") for key in pax)
        if not is_file and kind in (b"1", b"2", b"3", b"4", _DIRECTORY, b"6"):
            size = 0  # links, devices and directories have no data, whatever they claim
        self._left = size
        self._padding = -size % BLOCK
        return Member(
            name=name.decode("utf-8", "surrogateescape"),
            size=size,
            is_file=is_file,
            is_sparse=is_sparse,
            attributes=_user_attributes(pax),
        )

    def _skip_rest(self) -> None:
        while self.read(INPUT_BYTES):
            pass
        padding, self._padding = self._padding, 0
        if padding:
            self._exactly(padding, may_end=True)

    def _content(self, size: int, most: int) -> bytes:
        """The whole data of a header's own member."""
        if size > most:
            raise ArchiveInvalid("an extended header is too long")
        data = self._exactly(size)
        self._exactly(-size % BLOCK)
        return data

    def _exactly(self, n: int, *, may_end: bool = False) -> bytes:
        """n bytes; with may_end, b"" when the archive ends right here."""
        data = b""
        while len(data) < n:
            block = self._source(n - len(data))
            if not block:
                if may_end and not data:
                    return b""
                raise ArchiveInvalid("the archive ends in the middle of a header")
            data += block
        return data


def parse_header(block: bytes) -> tuple[bytes, bytes, int]:
    """Type, name and size of a header block. Raises ArchiveInvalid."""
    told = _octal(block[148:156], "checksum")
    plain = sum(block) - sum(block[148:156]) + 8 * 0x20
    signed = plain - 256 * sum(byte >= 0x80 for byte in block[:148] + block[156:])
    if told not in (plain, signed):
        raise ArchiveInvalid("a header's checksum is wrong")
    name = block[:100].partition(b"\0")[0]
    if block[257:263] == b"ustar\0":
        prefix = block[345:500].partition(b"\0")[0]
        name = prefix + b"/" + name if prefix else name
    return block[156:157], name, _octal(block[124:136], "size")


def parse_pax(data: bytes) -> dict[str, bytes]:
    """Records `<length> <key>=<value>\\n` of a pax header. Raises ArchiveInvalid."""
    found: dict[str, bytes] = {}
    at = 0
    while at < len(data):
        digits, blank, _ = data[at : at + 20].partition(b" ")
        if not blank or not digits.isdigit():
            _refuse_pax()
        stop = at + int(digits)
        start = at + len(digits) + 1
        if stop > len(data) or stop <= start or data[stop - 1 : stop] != b"\n":
            _refuse_pax()
        key, equals, value = data[start : stop - 1].partition(b"=")
        if not key or not equals:
            _refuse_pax()
        found[key.decode("utf-8", "surrogateescape")] = value
        at = stop
    return found


def _refuse_pax() -> NoReturn:
    raise ArchiveInvalid("an extended header cannot be read")


def _decimal(text: bytes) -> int:
    if not text.isdigit() or len(text) > 18:
        raise ArchiveInvalid("a size is no number")
    return int(text)


def _octal(digits: bytes, what: str) -> int:
    """A number of a header: octal digits, or base 256 after a byte 0x80."""
    if digits[:1] == b"\x80":
        number = int.from_bytes(digits[1:], "big")
    else:
        text = digits.strip(b" \0")
        if any(byte not in b"01234567" for byte in text):
            raise ArchiveInvalid(f"a {what} is no number")
        number = int(text, 8) if text else 0
    if number >= SIZE_STOP:
        raise ArchiveInvalid(f"a {what} is too large")
    return number


def _user_attributes(pax: dict[str, bytes]) -> dict[str, str]:
    """Extended attributes as tar (SCHILY) and libarchive write them."""
    found = {}
    for key, value in pax.items():
        if key.startswith("SCHILY.xattr.user."):
            found[key[18:]] = value.decode("utf-8", "surrogateescape")
        elif key.startswith("LIBARCHIVE.xattr.user."):
            try:
                raw = base64.b64decode(value + b"=" * (-len(value) % 4), validate=True)
            except (binascii.Error, ValueError):
                continue
            found[unquote(key[22:])] = raw.decode("utf-8", "surrogateescape")
    return found


class Inflated:
    """The bytes behind a compressed stream, a little at a time, however much they swell."""

    def __init__(self, read: Read, make: Callable[[], _Stretch]) -> None:
        self._source = read
        self._make = make
        self._stretch = make()
        self._ended = False
        self._begun = False

    def read(self, n: int) -> bytes:
        """Up to n bytes; b"" at the end. Raises ArchiveInvalid."""
        while not self._ended:
            data = self._stretch.take(n)
            if data:
                return data
            if self._stretch.eof:
                self._restart(self._stretch.rest)
                continue
            block = self._source(INPUT_BYTES)
            if not block:
                self._ended = True
                if self._begun:
                    raise ArchiveInvalid("the compressed data end too early")
                return b""
            self._begun = True
            self._stretch.put(block)
        return b""

    def _restart(self, rest: bytes) -> None:
        """Another compressed stream may follow the one that ended."""
        self._stretch = self._make()
        self._begun = bool(rest)
        if rest:
            self._stretch.put(rest)


class _Stretch:
    """One compressed stream: bytes put in, bytes taken out within a bound."""

    eof = False
    rest = b""

    def put(self, data: bytes) -> None:
        raise AssertionError("a subclass takes them")

    def take(self, n: int) -> bytes:
        raise AssertionError("a subclass gives them")


class Gzip(_Stretch):
    def __init__(self) -> None:
        self._engine = zlib.decompressobj(16 + zlib.MAX_WBITS)
        self._waiting = b""

    def put(self, data: bytes) -> None:
        self._waiting += data

    def take(self, n: int) -> bytes:
        if self.eof:
            return b""
        try:
            data = self._engine.decompress(self._waiting, n)
        except zlib.error as error:
            raise ArchiveInvalid(f"not gzip data: {error}") from None
        self._waiting = self._engine.unconsumed_tail
        self.eof, self.rest = self._engine.eof, self._engine.unused_data
        return data


class Bzip2(_Stretch):
    def __init__(self) -> None:
        self._engine = bz2.BZ2Decompressor()
        self._waiting = b""

    def put(self, data: bytes) -> None:
        self._waiting += data

    def take(self, n: int) -> bytes:
        if self.eof or (not self._waiting and self._engine.needs_input):
            return b""
        try:
            data = self._engine.decompress(self._waiting, n)
        except (OSError, ValueError) as error:
            raise ArchiveInvalid(f"not bzip2 data: {error}") from None
        self._waiting = b""
        self.eof, self.rest = self._engine.eof, self._engine.unused_data
        return data


FORMATS: dict[str, Callable[[Read], Read]] = {
    "tar": lambda read: read,
    "tar.gz": lambda read: Inflated(read, Gzip).read,
    "tar.bz2": lambda read: Inflated(read, Bzip2).read,
}
"""Name of `extract-archive` to what opens it."""
