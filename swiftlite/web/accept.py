"""Content negotiation: which of the forms that we offer a client's Accept header wants.

The header is cut at its commas once and each piece looked at once, so that no header, however
made, takes longer than its length (CVE-2026-71190 was a regular expression that did).
"""

from __future__ import annotations

from collections.abc import Sequence

PIECES_MAX = 200  # media ranges in one header; who sends more gets a 400
_TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")


class AcceptInvalid(ValueError):
    """The header is not a list of media ranges (RFC 9110, 12.5.1)."""


def best_match(header: str | None, offers: Sequence[str]) -> str | None:
    """The offer that the client likes best, the earliest of equals; None when it takes none.

    No header, or an empty one, takes anything. Raises AcceptInvalid.
    """
    if not header or header.isspace():
        return offers[0]
    ranges = _parse(header)
    best: str | None = None
    best_quality = 0.0
    for offer in offers:
        quality = _quality(offer, ranges)
        if quality > best_quality:
            best, best_quality = offer, quality
    return best


def _quality(offer: str, ranges: list[tuple[str, str, float]]) -> float:
    """What the most exact range that covers the offer says of it."""
    kind, _, subkind = offer.partition("/")
    exactness, found = -1, 0.0
    for range_kind, range_subkind, quality in ranges:
        if range_kind == "*":
            covers = 0
        elif range_kind != kind:
            continue
        elif range_subkind == "*":
            covers = 1
        elif range_subkind != subkind:
            continue
        else:
            covers = 2
        if covers > exactness:
            exactness, found = covers, quality
    return found


def _parse(header: str) -> list[tuple[str, str, float]]:
    pieces = header.split(",", PIECES_MAX)
    if len(pieces) > PIECES_MAX:
        raise AcceptInvalid("the Accept header names too many media types")
    return [_parse_range(piece.strip()) for piece in pieces if piece and not piece.isspace()]


def _parse_range(piece: str) -> tuple[str, str, float]:
    media, *parameters = piece.split(";")
    kind, slash, subkind = media.strip().lower().partition("/")
    if not slash or not (_is_token(kind) and _is_token(subkind)):
        raise AcceptInvalid(f"not a media type in the Accept header: {piece[:80]!r}")
    if kind == "*" and subkind != "*":
        raise AcceptInvalid(f"not a media type in the Accept header: {piece[:80]!r}")
    quality = 1.0
    for parameter in parameters:
        name, _, value = parameter.strip().partition("=")
        if name.strip().lower() == "q":
            quality = _parse_quality(value.strip())
    return kind, subkind, quality


def _parse_quality(text: str) -> float:
    """`0`, `0.5`, `1.000`; an empty value counts as none given."""
    if not text:
        return 1.0
    digits = text.replace(".", "", 1)
    if len(text) > 16 or not (digits.isascii() and digits.isdigit()):
        raise AcceptInvalid(f"not a quality in the Accept header: {text[:16]!r}")
    return min(float(text), 1.0)


def _is_token(text: str) -> bool:
    return bool(text) and _TOKEN.issuperset(text)
