"""Deletes of what has expired (X-If-Delete-At), as expirers ask for them.

Such a delete bears the time of the expiry, which was set when the object was written: its
tombstone undoes whatever was written between the two. An object server refuses it for a version
that expires at another time or never; one that missed that version still has the old one and would
carry it out. So the newest version is looked for first, on most of the primaries at least.
"""

from __future__ import annotations

from swiftlite.proxy.context import Context
from swiftlite.proxy.reading import ReadPlan, Search
from swiftlite.web import Refusal, Request
from swiftlite.web.conditional import check_delete_at, if_delete_at


def check_expiry(context: Context, request: Request, plan: ReadPlan) -> None:
    """plan: a HEAD of the newest version. Raises Refusal: 412 when that expires at another time
    than the request says, 503 when too few nodes can tell. What is not there is theirs to say."""
    expected = if_delete_at(request)
    search = Search(context, plan)
    found = search.first()
    stored = ""
    if found is not None:
        stored = found.answer.headers.get("X-Delete-At", "")
        found.answer.close()
    if not search.is_sure:
        raise Refusal(503, "Too few nodes can tell which version of this object is the newest.")
    if found is not None:
        check_delete_at(stored, expected)
