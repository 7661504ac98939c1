"""What an account server says of an account: headers, and listings in three forms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from swiftlite.dbstore.account import AccountState
from swiftlite.dbstore.folding import Entry, Folder
from swiftlite.formats.listings import (
    ContainerRow,
    container_entries,
    render_container_rows,
    render_container_xml,
    render_text,
)
from swiftlite.vocab.timestamp import Timestamp
from swiftlite.web.listing_request import JSON, TEXT
from swiftlite.web.response import Response, text_headers
from swiftlite.web.wsgi import HeaderList


def account_headers(state: AccountState, policy_names: Mapping[int, str]) -> HeaderList:
    """Counts in all and per policy, timestamps, metadata."""
    facts = state.facts
    headers = [
        ("X-Account-Container-Count", str(facts.container_count)),
        ("X-Account-Object-Count", str(facts.object_count)),
        ("X-Account-Bytes-Used", str(facts.bytes_used)),
        ("X-Timestamp", Timestamp.from_text(facts.created_at).normal),
        ("X-Put-Timestamp", Timestamp.from_text(facts.put_timestamp).normal),
    ]
    for index, counts in sorted(state.policies.items()):
        if index not in policy_names:
            continue
        prefix = f"X-Account-Storage-Policy-{policy_names[index]}"
        headers += [
            (f"{prefix}-Container-Count", str(counts.containers)),
            (f"{prefix}-Object-Count", str(counts.objects)),
            (f"{prefix}-Bytes-Used", str(counts.bytes_used)),
        ]
    metadata = [(name, value) for name, (value, _) in facts.metadata.items() if value]
    return headers + text_headers(metadata)


def listing_response(
    account: str,
    state: AccountState,
    entries: Iterable[Entry],
    content_type: str,
    policy_names: Mapping[int, str],
) -> Response:
    """200, or 204 for a plain listing of nothing."""
    rows = [_row(entry) for entry in entries]
    if content_type == JSON:
        body = render_container_rows(rows, policy_names)
    elif content_type == TEXT:
        body = render_text(container_entries(rows, policy_names))
    else:
        body = render_container_xml(account, container_entries(rows, policy_names))
    headers = account_headers(state, policy_names)
    headers.append(("Content-Type", f"{content_type}; charset=utf-8"))
    return Response(200 if body else 204, headers, body)


def _row(entry: Entry) -> ContainerRow:
    if isinstance(entry, Folder):
        return entry.name, 0, 0, "0", -1, True
    name, count, size, put_timestamp, policy = entry
    return name, int(count or 0), int(size or 0), put_timestamp, int(policy or 0), False
