"""What a POST changes of an object's metadata, and what it cannot. Pure.

User metadata, transient system metadata and the allowed headers come from the last POST alone.
Size, ETag, system metadata and the mark of a static large object stay the PUT's. The content type
is that with the later time. Source: doc/formats/object-files.md.
"""

from __future__ import annotations

from collections.abc import Mapping

from swiftlite.vocab.headers import is_sysmeta
from swiftlite.vocab.timestamp import Timestamp

_OF_THE_PUT = frozenset(("content-length", "deleted", "etag", "x-static-large-object"))


def merged(
    data: Mapping[str, str], meta: Mapping[str, str] | None, data_timestamp: Timestamp
) -> dict[str, str]:
    """The object's metadata: the PUT's, under that of a later POST."""
    if meta is None:
        return dict(data)
    found = dict(meta)
    found.update((key, value) for key, value in data.items() if _stays(key))
    posted = content_type_time(meta)
    if "Content-Type" in data and (posted is None or data_timestamp > posted):
        found["Content-Type"] = data["Content-Type"]
        found.pop("Content-Type-Timestamp", None)
    return found


def _stays(key: str) -> bool:
    return key.lower() in _OF_THE_PUT or is_sysmeta("object", key)


def take_content_type(metadata: dict[str, str], second: Mapping[str, str]) -> None:
    """A second `.meta` is kept because its content type is newer than the first one's."""
    here, there = content_type_time(metadata), content_type_time(second)
    if "Content-Type" in second and there is not None and (here is None or there > here):
        metadata["Content-Type"] = second["Content-Type"]
        metadata["Content-Type-Timestamp"] = second["Content-Type-Timestamp"]


def content_type_time(metadata: Mapping[str, str]) -> Timestamp | None:
    """When a POST set the content type; None when none did, or when it cannot be read."""
    text = metadata.get("Content-Type-Timestamp")
    if text is None:
        return None
    try:
        return Timestamp.from_text(text)
    except ValueError:
        return None
