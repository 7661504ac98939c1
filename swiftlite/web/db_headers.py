"""Metadata headers of requests for accounts and containers."""

from __future__ import annotations

from collections.abc import Iterable

from swiftlite.vocab.headers import sysmeta_prefix, user_meta_prefix
from swiftlite.vocab.names import check_utf8, wsgi_to_text
from swiftlite.web.refusals import Refusal
from swiftlite.web.request import Request


def metadata_of(request: Request, kind: str, extra: Iterable[str] = ()) -> dict[str, str]:
    """User and system metadata of "account" or "container", and extra headers, as text.

    An empty value takes an item away. Refusal 400 for what is not UTF-8.
    """
    found: dict[str, str] = {}
    for prefix in (user_meta_prefix(kind), sysmeta_prefix(kind)):
        for name, value in request.header_items(prefix):
            if len(name) > len(prefix):
                found[wsgi_to_text(name)] = wsgi_to_text(value)
    for name in extra:
        given = request.get_header(name)
        if given is not None:
            found[name] = wsgi_to_text(given)
    for name, value in found.items():
        if not check_utf8(name) or (value and not check_utf8(value)):
            raise Refusal(400, "Metadata must be valid UTF-8.")
    return found
