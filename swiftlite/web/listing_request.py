"""What a listing request asks for: the window of names, and the form of the answer."""

from __future__ import annotations

from dataclasses import dataclass

from swiftlite.web.accept import AcceptInvalid, best_match
from swiftlite.web.checks import int_param
from swiftlite.web.refusals import Refusal
from swiftlite.web.request import TRUE_WORDS, Request

TEXT, JSON, XML = "text/plain", "application/json", "application/xml"
OFFERS = (TEXT, JSON, XML, "text/xml")
FORMATS = {"plain": TEXT, "json": JSON, "xml": XML}


@dataclass(frozen=True, slots=True)
class ListingParams:
    """The query parameters of a listing, as text. path is None when it was not given."""

    limit: int
    marker: str
    end_marker: str
    prefix: str
    delimiter: str
    path: str | None
    reverse: bool


def listing_params(request: Request, maximum: int) -> ListingParams:
    """Refusal 400 for what is not UTF-8, 412 for a limit above maximum or no number."""
    params = request.params_text
    return ListingParams(
        limit=int_param(params, "limit", maximum, maximum),
        marker=params.get("marker", ""),
        end_marker=params.get("end_marker", ""),
        prefix=params.get("prefix", ""),
        delimiter=params.get("delimiter", ""),
        path=params.get("path"),
        reverse=params.get("reverse", "").strip().lower() in TRUE_WORDS,
    )


def wanted_type(request: Request) -> str:
    """The content type of the answer, by `format=` or else by Accept; Refusal 400 or 406."""
    named = request.params_text.get("format")
    if named:
        return FORMATS.get(named.lower(), TEXT)
    try:
        chosen = best_match(request.get_header("Accept"), OFFERS)
    except AcceptInvalid as error:
        raise Refusal(400, f"Invalid Accept header: {error}.") from None
    if chosen is None:
        raise Refusal(406, f"A listing can be had as {', '.join(OFFERS)}.")
    return chosen
