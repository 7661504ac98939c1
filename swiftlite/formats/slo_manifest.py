"""The manifest of a static large object: the form clients send, the form stored, the ETag.

Both are JSON lists with one object per segment. Knows nothing of whether the segments exist: a
caller asks for them and makes `Segment`s of the answers.
Source: doc/formats/slo-manifest.md.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import md5

from swiftlite.formats.json_input import JsonRefused, decode_json
from swiftlite.vocab.byte_ranges import Range, parse_range
from swiftlite.vocab.names import check_utf8

PATH_KEYS = frozenset(("path", "etag", "size_bytes", "range"))
DATA_KEYS = frozenset(("data",))
SIZE_STOP = 1 << 63
ERRORS_SHOWN = 100  # of one manifest; a thousand bad lines need no longer answer


class ManifestInvalid(ValueError):
    """A client's manifest cannot be used; `problems` are sentences for the client."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems[:3]))
        self.problems = problems


class ManifestUnreadable(ValueError):
    """A stored manifest is damaged."""


@dataclass(frozen=True, slots=True)
class WantedSegment:
    """What a client wants in one place: an object (with what it must be), or bytes of its own."""

    path: str = ""  # `/container/object`, text
    etag: str | None = None
    size: int | None = None
    range: Range | None = None
    data: bytes | None = None


@dataclass(frozen=True, slots=True)
class Segment:
    """One entry of a stored manifest.

    size is that of the whole segment object; first and last, inclusive, cut it when given.
    """

    name: str
    etag: str
    size: int
    content_type: str = "application/octet-stream"
    last_modified: str = ""
    first: int | None = None
    last: int | None = None
    is_manifest: bool = False
    data: bytes | None = None

    @property
    def start(self) -> int:
        """Where in the segment object its part of the large object starts."""
        return self.first or 0

    @property
    def length(self) -> int:
        """Bytes that this segment adds to the large object."""
        if self.first is None or self.last is None:
            return self.size
        return self.last + 1 - self.first

    @property
    def range_text(self) -> str | None:
        return None if self.first is None else f"{self.first}-{self.last}"


def data_segment(data: bytes) -> Segment:
    """An entry that holds its bytes itself."""
    return Segment("", md5(data, usedforsecurity=False).hexdigest(), len(data), data=data)


def total_length(segments: Iterable[Segment]) -> int:
    return sum(segment.length for segment in segments)


def slo_etag(segments: Iterable[Segment]) -> str:
    """MD5 over the segments' etags, each followed by `:range;` when it is cut."""
    digest = md5(usedforsecurity=False)
    for segment in segments:
        cut = segment.range_text
        digest.update((f"{segment.etag}:{cut};" if cut else segment.etag).encode())
    return digest.hexdigest()


# What clients send


def parse_wanted(document: bytes) -> list[WantedSegment]:
    """Read the body of a `multipart-manifest=put`. Raises ManifestInvalid with all that is wrong.

    Limits of number and of existence are the caller's.
    """
    try:
        value = decode_json(document)
    except JsonRefused as error:
        raise ManifestInvalid([f"Manifest must be valid JSON: {error}."]) from None
    if not isinstance(value, list):
        raise ManifestInvalid(["Manifest must be a list."])
    wanted: list[WantedSegment] = []
    problems: list[str] = []
    for index, entry in enumerate(value):
        try:
            wanted.append(_wanted(entry))
        except ValueError as error:
            problems.append(f"Index {index}: {error}")
            if len(problems) == ERRORS_SHOWN:
                break
    if wanted and not problems and all(segment.data is not None for segment in wanted):
        problems.append("Inline data segments require at least one object-backed segment.")
    if problems:
        raise ManifestInvalid(problems)
    return wanted


def _wanted(entry: object) -> WantedSegment:
    if not isinstance(entry, dict):
        raise ValueError("not a JSON object")
    allowed = DATA_KEYS if "data" in entry else PATH_KEYS
    if strange := sorted(str(key) for key in entry.keys() - allowed):
        raise ValueError("extraneous keys " + ", ".join(repr(key) for key in strange[:5]))
    if "data" in entry:
        return WantedSegment(data=_inline_data(entry["data"]))
    size = _size(entry.get("size_bytes"))
    return WantedSegment(
        path=_segment_path(entry.get("path")),
        etag=_etag(entry.get("etag")),
        size=size,
        range=_range(entry.get("range"), size),
    )


def _inline_data(value: object) -> bytes:
    if not isinstance(value, str):
        raise ValueError("data must be a string of base64")
    try:
        data = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("data must be valid base64") from None
    if not data:
        raise ValueError("too small; each segment must be at least 1 byte")
    return data


def _segment_path(value: object) -> str:
    if value is None:
        raise ValueError('expected keys to include one of "path" or "data"')
    if not isinstance(value, str):
        raise ValueError("path must be a string")
    if not check_utf8(value):
        raise ValueError("path is not valid UTF-8 or holds a null byte")
    container, slash, name = value.lstrip("/").partition("/")
    if not (container and slash and name):
        raise ValueError(
            "path does not refer to an object; it must be of the form /container/object"
        )
    return f"/{container}/{name}"


def _etag(value: object) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise ValueError("etag must be a string")
    return value.strip('"') or None


def _size(value: object) -> int | None:
    """Swift takes numbers written as strings too."""
    if value is None:
        return None
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or value >= SIZE_STOP:
        raise ValueError("invalid size_bytes")
    if value < 1:
        raise ValueError("too small; each segment must be at least 1 byte")
    return value


def _range(value: object, size: int | None) -> Range | None:
    if value is None:
        return None
    span = parse_range(f"bytes={value}") if isinstance(value, str) else None
    if span is None:
        raise ValueError("invalid range")
    if len(span.ranges) > 1:
        raise ValueError("multiple ranges (only one allowed)")
    if size is not None and not span.for_length(size):
        raise ValueError("unsatisfiable range")
    return span


# What is stored


def encode_manifest(segments: Iterable[Segment]) -> bytes:
    """The stored body, to the byte as Swift makes it; its MD5 is the manifest's ETag."""
    return json.dumps([_stored(segment) for segment in segments]).encode("ascii")


def _stored(segment: Segment) -> dict[str, object]:
    if segment.data is not None:
        return {"data": base64.b64encode(segment.data).decode("ascii")}
    entry: dict[str, object] = {
        "name": segment.name,
        "bytes": segment.size,
        "hash": segment.etag,
        "content_type": segment.content_type,
        "last_modified": segment.last_modified,
    }
    if segment.first is not None:
        entry["range"] = segment.range_text
    if segment.is_manifest:
        entry["sub_slo"] = True
    return entry


def decode_manifest(document: bytes) -> list[Segment]:
    """Read a stored body, of any age and of either house. Raises ManifestUnreadable."""
    try:
        value = decode_json(document)
        if not isinstance(value, list):
            raise ValueError("not a list")
        return [_segment(entry) for entry in value]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ManifestUnreadable(f"stored manifest is damaged: {error}") from None


def _segment(entry: dict[str, object]) -> Segment:
    if "data" in entry:
        return data_segment(base64.b64decode(str(entry["data"]), validate=True))
    name, etag, size = str(entry["name"]), str(entry["hash"]), entry["bytes"]
    if not isinstance(size, int) or size < 0:
        raise ValueError(f"size of {name!r}")
    first = last = None
    if cut := entry.get("range"):
        span = parse_range(f"bytes={cut}")
        spans = span.for_length(size) if span else []
        if len(spans) != 1:
            raise ValueError(f"range of {name!r}")
        first, last = spans[0][0], spans[0][1] - 1
    return Segment(
        name=name if name.startswith("/") else "/" + name,
        etag=etag,
        size=size,
        content_type=str(entry.get("content_type") or "application/octet-stream"),
        last_modified=str(entry.get("last_modified") or ""),
        first=first,
        last=last,
        is_manifest=bool(entry.get("sub_slo")),
    )


def encode_as_sent(segments: Iterable[Segment]) -> bytes:
    """The form that may be PUT again (`format=raw`)."""
    return json.dumps(list(_as_sent(segments)), sort_keys=True).encode("ascii")


def _as_sent(segments: Iterable[Segment]) -> Iterator[dict[str, object]]:
    for segment in segments:
        if segment.data is not None:
            yield {"data": base64.b64encode(segment.data).decode("ascii")}
            continue
        entry: dict[str, object] = {
            "path": segment.name,
            "etag": segment.etag,
            "size_bytes": segment.size,
        }
        if segment.first is not None:
            entry["range"] = segment.range_text
        yield entry
