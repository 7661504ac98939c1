"""Listing rows as object servers send them: one by one, or many in one call."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from swiftlite.dbstore import ContainerBroker
from swiftlite.dbstore.errors import DatabaseExists, DatabaseMissing
from swiftlite.dbstore.rows import (
    ObjectRow,
    deleted_object_row,
    object_row,
    object_row_from_json,
)
from swiftlite.formats.json_input import JsonRefused, decode_json
from swiftlite.vocab.timestamp import Timestamp
from swiftlite.web.refusals import Refusal
from swiftlite.web.request import Request

BATCH_BYTES = 64 << 20


def put_row(request: Request, name: str, policy: int) -> ObjectRow:
    """The row that a PUT stands for; Refusal 400."""
    timestamp = request.timestamp
    values = [request.text_header(header) for header in ("X-Size", "X-Content-Type", "X-Etag")]
    if None in values:
        raise Refusal(400, "A listing row needs X-Size, X-Content-Type and X-Etag.")
    size, content_type, etag = values
    try:
        return object_row(
            name,
            timestamp.internal,
            size,
            content_type,
            etag,
            0,
            policy,
            request.get_header("X-Content-Type-Timestamp"),
            request.get_header("X-Meta-Timestamp"),
        )
    except ValueError as error:
        raise Refusal(400, f"Invalid listing row: {error}.") from None


def delete_row(request: Request, name: str, policy: int) -> ObjectRow:
    """The row that a DELETE leaves."""
    return deleted_object_row(name, request.timestamp.internal, policy)


def rows_of_body(body: bytes, is_policy: Callable[[int], bool]) -> list[ObjectRow]:
    """The rows of an UPDATE: a JSON list of objects. Refusal 400, all or nothing."""
    try:
        items = decode_json(body)
        if not isinstance(items, list):
            raise ValueError("the body must be a JSON list")
        rows = [object_row_from_json(item) for item in items]
    except (JsonRefused, ValueError) as error:
        raise Refusal(400, f"Invalid rows: {error}.") from None
    for row in rows:
        if not is_policy(row.storage_policy_index):
            raise Refusal(400, f"There is no storage policy of index {row.storage_policy_index}.")
    return rows


def merge_or_create(
    broker: ContainerBroker,
    rows: Sequence[ObjectRow],
    *,
    room: bool,
    create: Callable[[], None] | None,
) -> None:
    """Merge rows, durably; where there is no database `create` makes one, if given.

    Raises DatabaseMissing.
    """
    while True:
        try:
            return broker.merge_rows(rows, room=room)
        except DatabaseMissing:
            if create is None:
                raise
        try:
            create()
        except DatabaseExists:
            continue


def creation_time(rows: Sequence[ObjectRow]) -> Timestamp:
    """When a container that is made for these rows shall have been made."""
    return min(Timestamp.from_text(row.created_at[:16]) for row in rows)
