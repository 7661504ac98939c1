"""The MIME document of a PUT, whole and cut anywhere."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swiftlite.protocols.mime_put import (
    BadDocument,
    Event,
    PartBegins,
    PartBytes,
    PartEnds,
    PartSplitter,
)

BOUNDARY = b"0f" * 32
Parts = list[tuple[dict[str, str], bytes]]


def document(*parts: tuple[bytes, bytes]) -> bytes:
    return (
        b"".join(
            b"%b--%b\r\n%b\r\n\r\n%b" % (b"\r\n" if index else b"", BOUNDARY, head, body)
            for index, (head, body) in enumerate(parts)
        )
        + b"\r\n--%b--" % BOUNDARY
    )


def parts_of(events: list[Event]) -> Parts:
    parts: Parts = []
    for event in events:
        if isinstance(event, PartBegins):
            parts.append((event.headers, b""))
        elif isinstance(event, PartBytes):
            parts[-1] = (parts[-1][0], parts[-1][1] + event.data)
    assert sum(isinstance(event, PartEnds) for event in events) == len(parts)
    return parts


def split(pieces: list[bytes]) -> Parts:
    splitter = PartSplitter(BOUNDARY)
    events = [event for piece in pieces for event in splitter.feed(piece)]
    return parts_of(events)


TWO = document((b"X-Document: object body", b"body\r\n--0f"), (b"A: b\r\nC:  d ", b"{}"))
EXPECTED: Parts = [({"x-document": "object body"}, b"body\r\n--0f"), ({"a": "b", "c": "d"}, b"{}")]


def test_whole() -> None:
    assert split([TWO]) == EXPECTED


def test_byte_by_byte() -> None:
    assert split([TWO[at : at + 1] for at in range(len(TWO))]) == EXPECTED


@given(st.lists(st.integers(min_value=0, max_value=len(TWO)), max_size=6))
def test_cut_anywhere(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(TWO)]
    assert split([TWO[a:b] for a, b in pairwise(edges)]) == EXPECTED


@given(st.binary(max_size=300), st.integers(min_value=1, max_value=50))
def test_any_body(body: bytes, step: int) -> None:
    whole = document((b"A: b", body))
    parts = split([whole[at : at + step] for at in range(0, len(whole), step)])
    assert parts == [({"a": "b"}, body)]


@pytest.mark.parametrize("body", [b"", b"\r\n", b"\r\n--", b"--" + BOUNDARY[:-1], b"\r"])
def test_bodies_that_look_like_boundaries(body: bytes) -> None:
    assert split([document((b"A: b", body))]) == [({"a": "b"}, body)]


def test_what_follows_the_end_means_nothing() -> None:
    assert split([TWO + b"\r\nepilogue"]) == EXPECTED


@pytest.mark.parametrize(
    "bad",
    [
        b"x",
        b"--other",
        b"--" + BOUNDARY + b"x\r\n",
        b"--" + BOUNDARY + b"\r\nno colon\r\n\r\n",
        b"--" + BOUNDARY + b"\r\n" + b"A" * 9000,
    ],
)
def test_what_is_no_document(bad: bytes) -> None:
    with pytest.raises(BadDocument):
        split([bad, b"."])
