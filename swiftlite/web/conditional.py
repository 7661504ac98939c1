"""Conditional requests: whether what the client already knows makes the answer shorter.

Follows RFC 9110, 13.2.2: If-Match, else If-Unmodified-Since; then If-None-Match, else
If-Modified-Since. (OpenStack Swift looks at all four; see doc/decisions/http-conditionals.md.)
"""

from __future__ import annotations

from collections.abc import Mapping

from swiftlite.vocab.http_date import parse_http_date
from swiftlite.vocab.timestamp import ZERO, Timestamp
from swiftlite.web.refusals import Refusal
from swiftlite.web.request import Request

_CONDITION_KEYS = (
    "HTTP_IF_NONE_MATCH",
    "HTTP_IF_MATCH",
    "HTTP_IF_MODIFIED_SINCE",
    "HTTP_IF_UNMODIFIED_SINCE",
)


def judge(request: Request, *, etag: str | None, last_modified: float | None) -> int | None:
    """The status that a condition asks for (304 or 412), or None to go on.

    etag: of the resource as it is, without quotes; None when there is no resource.
    last_modified: seconds, as the Last-Modified header tells them; None as above.
    """
    environ = request.environ
    if not any(key in environ for key in _CONDITION_KEYS):
        return None
    if_match = environ.get("HTTP_IF_MATCH")
    if if_match is not None:
        if not names_etag(if_match, etag, strong=True):
            return 412
    elif _compared(environ.get("HTTP_IF_UNMODIFIED_SINCE"), last_modified) > 0:
        return 412
    reading = request.verb in ("GET", "HEAD")
    if_none_match = environ.get("HTTP_IF_NONE_MATCH")
    if if_none_match is not None:
        if names_etag(if_none_match, etag):
            return 304 if reading else 412
    elif reading and _compared(environ.get("HTTP_IF_MODIFIED_SINCE"), last_modified) < 0:
        return 304
    return None


def names_etag(header: str, etag: str | None, *, strong: bool = False) -> bool:
    """Whether a list of entity tags holds this one; `*` stands for any that exists.

    Quotes are optional, because clients of object stores often leave them out. A weak tag never
    matches strongly.
    """
    if etag is None:
        return False
    for item in header.split(","):
        tag = item.strip()
        if tag == "*":
            return True
        if tag.startswith(("W/", "w/")):
            if strong:
                continue
            tag = tag[2:]
        if tag.strip('"') == etag:
            return True
    return False


def wants_no_overwrite(request: Request) -> bool:
    """Whether a PUT carries `If-None-Match: *`; Refusal 400 for any other If-None-Match."""
    header = request.environ.get("HTTP_IF_NONE_MATCH")
    if header is None:
        return False
    if header.strip() != "*":
        raise Refusal(400, "If-None-Match of a PUT may only be *.")
    return True


def if_delete_at(request: Request) -> Timestamp:
    """When the object has to expire for it to be deleted (X-If-Delete-At). Refusal 400."""
    text = request.get_header("X-If-Delete-At") or ""
    try:
        return Timestamp.from_text(text)
    except ValueError:
        raise Refusal(400, f"X-If-Delete-At is not a timestamp: {text!r}") from None


def check_delete_at(stored: str, expected: Timestamp) -> None:
    """stored: X-Delete-At of what is there, or nothing. Refusal 412 when that is another time."""
    if (Timestamp.from_text(stored) if stored.isdigit() else ZERO) != expected:
        raise Refusal(412, "X-If-Delete-At and X-Delete-At do not match.")


def etag_for_conditions(request: Request, metadata: Mapping[str, str], etag: str) -> str:
    """The ETag that conditions compare with: the first that X-Backend-Etag-Is-At names, or ours.

    Middleware that changes what the client sees (encryption, large objects) stores the client's
    ETag under a name of its own and says here where to look, in order of preference.
    """
    names = request.environ.get("HTTP_X_BACKEND_ETAG_IS_AT")
    if names:
        wanted = [name.strip().lower() for name in names.split(",")]
        stored = {name.lower(): value for name, value in metadata.items()}
        for name in wanted:
            if name in stored:
                return stored[name]
    return etag


def _compared(header: str | None, last_modified: float | None) -> int:
    """1: modified after the date in the header; -1: not; 0: one of the two is missing."""
    date = parse_http_date(header) if header else None
    if date is None or last_modified is None:
        return 0
    return 1 if int(last_modified) > date else -1
