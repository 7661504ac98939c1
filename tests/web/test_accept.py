"""Accept headers: choice, refusal, and time that grows with their length alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swiftlite.web.accept import PIECES_MAX, AcceptInvalid, best_match

OFFERS = ("text/plain", "application/json", "application/xml", "text/xml")


@pytest.mark.parametrize(
    ("header", "chosen"),
    [
        (None, "text/plain"),
        ("", "text/plain"),
        ("  ", "text/plain"),
        ("*/*", "text/plain"),
        ("application/json", "application/json"),
        ("Application/JSON", "application/json"),
        ("application/*", "application/json"),
        ("text/xml", "text/xml"),
        ("text/*;q=0.5, text/xml", "text/xml"),
        ("application/json;q=0.5,application/xml;q=0.9", "application/xml"),
        ("application/json; q = 0.5, */*; q=0.1", "application/json"),
        ("*/*, text/plain;q=0", "application/json"),
        ("text/plain;q=0,*/*;q=0.1", "application/json"),
        ("application/json;version=2;q=0.3, text/xml;q=0.2", "application/json"),
        ("application/json;q=", "application/json"),
        ("application/json;q=7", "application/json"),
        (",, application/json ,,", "application/json"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "application/xml"),
        ("image/png", None),
        ("text/plain;q=0", None),
        ("text/*;q=0.0", None),
    ],
)
def test_the_choice(header: str | None, chosen: str | None) -> None:
    assert best_match(header, OFFERS) == chosen


@pytest.mark.parametrize(
    "header",
    [
        "text",
        "text/",
        "/plain",
        "*",
        "*/plain",
        "text/plain/x",
        "text plain",
        "te xt/plain",
        "text/plain;q=x",
        "text/plain;q=0.5.5",
        "text/plain;q=-1",
        "text/plain;q=1_0",
        "text/plain;q=²",
        "text/plain;q=1e5",
        "text/plain;q=" + "1" * 5000,
        "text/plä\xffin",
        "text/plain, \x00/\x00",
        "a/b," * (PIECES_MAX + 1),
    ],
)
def test_what_is_no_list_of_media_types_is_refused(header: str) -> None:
    with pytest.raises(AcceptInvalid):
        best_match(header, OFFERS)


@given(st.text(max_size=200))
def test_no_text_does_worse(header: str) -> None:
    try:
        chosen = best_match(header, OFFERS)
    except AcceptInvalid:
        return
    assert chosen is None or chosen in OFFERS


@pytest.mark.parametrize("piece", [" ", ";", "a/b;", "\t;", '"', "a/b;q", ";q=", "!/!;", "*"])
def test_a_header_of_a_mebibyte_is_dealt_with_in_few_steps(piece: str) -> None:
    """Counted in calls, not in seconds: a quadratic reader would need millions."""
    import sys

    calls = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")
        assert calls < 2_000_000, "far more steps than the header has characters"

    header = piece * (1_000_000 // len(piece))
    sys.setprofile(count)
    try:
        best_match(header, OFFERS)
    except AcceptInvalid:
        pass
    finally:
        sys.setprofile(None)
