"""What a container server says of a container: headers, and listings in three forms."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import cast

from swiftlite.dbstore.facts import ContainerFacts
from swiftlite.dbstore.folding import Entry, Folder
from swiftlite.formats.listings import (
    ObjectRow,
    object_entries,
    render_object_rows,
    render_object_xml,
)
from swiftlite.vocab.headers import is_sys_or_user_meta
from swiftlite.vocab.http_date import format_http_date
from swiftlite.vocab.timestamp import Timestamp
from swiftlite.web.listing_request import JSON, TEXT
from swiftlite.web.response import Response, text_headers
from swiftlite.web.wsgi import HeaderList

UNSHARDED = "unsharded"


def state_headers(facts: ContainerFacts) -> HeaderList:
    """What is said even of a deleted container, to other servers only."""
    return [
        ("X-Backend-Timestamp", _internal(facts.created_at)),
        ("X-Backend-Put-Timestamp", _internal(facts.put_timestamp)),
        ("X-Backend-Delete-Timestamp", _internal(facts.delete_timestamp)),
        ("X-Backend-Status-Changed-At", _internal(facts.status_changed_at)),
        ("X-Backend-Storage-Policy-Index", str(facts.storage_policy_index)),
    ]


ABSENT_HEADERS: HeaderList = [
    ("X-Backend-Timestamp", "0000000000.00000"),
    ("X-Backend-Put-Timestamp", "0000000000.00000"),
    ("X-Backend-Delete-Timestamp", "0000000000.00000"),
    ("X-Backend-Status-Changed-At", "0000000000.00000"),
    ("X-Backend-Storage-Policy-Index", "0"),
]
"""The same for a container that this server has never heard of."""


def container_headers(facts: ContainerFacts, kept: frozenset[str]) -> HeaderList:
    """Counts, timestamps and metadata. kept: lower-case names kept beside metadata."""
    put = Timestamp.from_text(facts.put_timestamp)
    headers = [
        *state_headers(facts),
        ("X-Container-Object-Count", str(facts.object_count)),
        ("X-Container-Bytes-Used", str(facts.bytes_used)),
        ("X-Timestamp", Timestamp.from_text(facts.created_at).normal),
        ("X-Put-Timestamp", put.normal),
        ("X-Backend-Sharding-State", UNSHARDED),
        ("Last-Modified", format_http_date(put.ceil())),
    ]
    metadata = [
        (name, value)
        for name, (value, _) in facts.metadata.items()
        if value and (name.lower() in kept or is_sys_or_user_meta("container", name))
    ]
    return headers + text_headers(metadata)


def listing_response(
    facts: ContainerFacts,
    entries: Sequence[Entry],
    content_type: str,
    headers: HeaderList,
) -> Response:
    """200, or 204 for a plain listing of nothing."""
    folded = any(type(entry) is Folder for entry in entries)
    # A row is texts, its size in digits, which is how the renderers show it.
    rows = cast(Iterable[ObjectRow], map(_row, entries) if folded else entries)
    if content_type == TEXT:
        body = "".join([f"{row[0]}\n" for row in rows]).encode("utf-8", "surrogateescape")
    elif content_type == JSON:
        body = render_object_rows(rows)
    else:
        body = render_object_xml(facts.container, object_entries(rows))
    headers.append(("Content-Type", f"{content_type}; charset=utf-8"))
    return Response(200 if body else 204, headers, body)


def _row(entry: Entry) -> tuple[str, ...] | tuple[str, str, int, None, str]:
    return (entry.name, "0", 0, None, "") if isinstance(entry, Folder) else tuple(entry)


def _internal(timestamp: str) -> str:
    return Timestamp.from_text(timestamp).internal
