"""The rows of both kinds of database, and their forms on the wire and in pending files.

What peers and pending files hold is validated here; whatever passes is fit to be stored.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from swiftlite.vocab.timestamp import Timestamp, parse_combined, render_combined

DELETED_TYPE = "application/deleted"
DELETED_ETAG = "noetag"
_MAX_INTEGER = (1 << 63) - 1
_is_normal = re.compile(r"[0-9]{10}\.[0-9]{5}\Z").match


class ObjectRow(NamedTuple):
    """A row of a container: an object, or what is left of one.

    created_at is a combined timestamp: of the data, the content type and the metadata. In this
    form there is one spelling of it, so that equal rows have equal text.
    """

    name: str
    created_at: str
    size: int
    content_type: str
    etag: str
    deleted: int
    storage_policy_index: int


class ContainerRow(NamedTuple):
    """A row of an account: what one container last reported. Timestamps keep their spelling."""

    name: str
    put_timestamp: str
    delete_timestamp: str
    object_count: int
    bytes_used: int
    deleted: int
    storage_policy_index: int


def object_row(
    name: str,
    created_at: str,
    size: object,
    content_type: object,
    etag: object,
    deleted: object = 0,
    storage_policy_index: object = 0,
    ctype_timestamp: str | None = None,
    meta_timestamp: str | None = None,
) -> ObjectRow:
    """A row from what a peer says of it. Raises ValueError with a sentence.

    The last two times, where given, stand in for those inside created_at.
    """
    if len(created_at) != 16 or ctype_timestamp or meta_timestamp:
        data, ctype, meta = parse_combined(created_at)
        if ctype_timestamp:
            ctype = meta = Timestamp.from_text(ctype_timestamp)
        if meta_timestamp:
            meta = Timestamp.from_text(meta_timestamp)
        created_at = render_combined(data, ctype, meta)
    elif not _is_normal(created_at):
        created_at = Timestamp.from_text(created_at).normal
    return ObjectRow(
        _text(name, "name"),
        created_at,
        _whole(size, "size"),
        _text(content_type, "content_type"),
        _text(etag, "etag"),
        1 if _whole(deleted, "deleted") else 0,
        _whole(storage_policy_index, "storage_policy_index"),
    )


def deleted_object_row(name: str, created_at: str, storage_policy_index: int) -> ObjectRow:
    """What an object leaves in its container's listing when it goes."""
    return object_row(name, created_at, 0, DELETED_TYPE, DELETED_ETAG, 1, storage_policy_index)


def container_row(
    name: str,
    put_timestamp: str,
    delete_timestamp: str,
    object_count: object,
    bytes_used: object,
    storage_policy_index: object = 0,
) -> ContainerRow:
    """A row from a container's report. Raises ValueError with a sentence.

    A container counts as deleted when it was deleted last and reports no objects.
    """
    count = _whole(object_count, "object_count")
    put_at, deleted_at = Timestamp.from_text(put_timestamp), Timestamp.from_text(delete_timestamp)
    deleted = not count and deleted_at > put_at
    return ContainerRow(
        _text(name, "name"),
        put_timestamp,
        delete_timestamp,
        count,
        _whole(bytes_used, "bytes_used"),
        int(deleted),
        _whole(storage_policy_index, "storage_policy_index"),
    )


def object_row_from_json(item: object) -> ObjectRow:
    """A row as UPDATE and REPLICATE carry it: a JSON object. Raises ValueError."""
    if not isinstance(item, dict):
        raise ValueError("a row must be a JSON object")
    return object_row(
        _text(item.get("name"), "name"),
        _text(item.get("created_at"), "created_at"),
        item.get("size"),
        item.get("content_type"),
        item.get("etag"),
        item.get("deleted", 0),
        item.get("storage_policy_index", 0),
        _optional_text(item.get("ctype_timestamp"), "ctype_timestamp"),
        _optional_text(item.get("meta_timestamp"), "meta_timestamp"),
    )


def container_row_from_json(item: object) -> ContainerRow:
    """The same for a row of an account."""
    if not isinstance(item, dict):
        raise ValueError("a row must be a JSON object")
    return container_row(
        _text(item.get("name"), "name"),
        _text(item.get("put_timestamp"), "put_timestamp"),
        _text(item.get("delete_timestamp"), "delete_timestamp"),
        item.get("object_count"),
        item.get("bytes_used"),
        item.get("storage_policy_index", 0),
    )


def object_row_from_pending(entry: Sequence[object]) -> ObjectRow:
    """A row as Swift leaves it in a pending file; old versions left shorter tuples out."""
    if not 6 <= len(entry) <= 9:
        raise ValueError(f"a pending object row has 6 to 9 fields, not {len(entry)}")
    name, created_at, size, content_type, etag, deleted, *rest = entry
    absent: tuple[object, ...] = (0, None, None)
    policy, ctype, meta = (*rest, *absent[len(rest) :])
    return object_row(
        _text(name, "name"),
        _text(created_at, "created_at"),
        size,
        content_type,
        etag,
        deleted,
        policy,
        _optional_text(ctype, "ctype_timestamp"),
        _optional_text(meta, "meta_timestamp"),
    )


def container_row_from_pending(entry: Sequence[object]) -> ContainerRow:
    """The same for a row of an account. Whether it is deleted follows from its timestamps."""
    if not 6 <= len(entry) <= 7:
        raise ValueError(f"a pending container row has 6 or 7 fields, not {len(entry)}")
    name, put, delete, count, size, _deleted, *rest = entry
    return container_row(
        _text(name, "name"),
        _text(put, "put_timestamp"),
        _text(delete, "delete_timestamp"),
        count,
        size,
        rest[0] if rest else 0,
    )


def _text(value: object, what: str) -> str:
    if isinstance(value, str):
        if value.isascii():
            return value
        try:
            value.encode()
        except UnicodeEncodeError:
            raise ValueError(f"{what} must be valid Unicode") from None
        return value
    raise ValueError(f"{what} must be text")


def _optional_text(value: object, what: str) -> str | None:
    return None if value is None or value == "" else _text(value, what)


def _whole(value: object, what: str) -> int:
    """A count, as a number or in digits; peers send both. None counts as nothing."""
    if type(value) is int and 0 <= value <= _MAX_INTEGER:  # nearly always
        return value
    if isinstance(value, int):
        number = int(value)
    elif value is None or value == "":
        number = 0
    elif isinstance(value, str) and len(value) <= 19 and value.isascii() and value.isdigit():
        number = int(value)
    else:
        raise ValueError(f"{what} must be a whole number")
    if not 0 <= number <= _MAX_INTEGER:
        raise ValueError(f"{what} is out of range")
    return number
