"""Range headers: what is read, what is ignored, what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swiftlite.vocab.byte_ranges import parse_range


@pytest.mark.parametrize(
    ("header", "length", "expected"),
    [
        ("bytes=0-4", 10, [(0, 5)]),
        ("bytes=5-", 10, [(5, 10)]),
        ("bytes=-3", 10, [(7, 10)]),
        ("bytes=-30", 10, [(0, 10)]),
        ("bytes=8-100", 10, [(8, 10)]),
        ("bytes=0-0, 9-9", 10, [(0, 1), (9, 10)]),
        ("bytes=10-", 10, []),
        ("bytes=10-,-1", 10, [(9, 10)]),
        ("bytes=-0", 10, []),
        ("bytes=0-", 0, []),
        ("bytes=-5", 0, []),
    ],
)
def test_ranges_of_a_body(header: str, length: int, expected: list[tuple[int, int]]) -> None:
    found = parse_range(header)
    assert found is not None
    assert found.for_length(length) == expected


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=5",
        "bytes=4-3",
        "bytes=a-b",
        "bytes=1-2,",
        "items=1-2",
        "bytes=1-2-3",
        "bytes=+1-2",
        "bytes=١-٢",
        "bytes=0x1-2",
        "bytes=" + "9" * 5000,
    ],
)
def test_what_is_no_byte_range_is_ignored(header: str | None) -> None:
    assert parse_range(header) is None


def _count(header: str, length: int = 10_000) -> int:
    found = parse_range(header)
    assert found is not None
    return len(found.for_length(length))


def test_egregious_sets_are_refused() -> None:
    many = ",".join(f"{n * 10}-{n * 10 + 1}" for n in range(51))
    assert _count("bytes=" + many) == 0
    assert _count("bytes=" + many.rpartition(",")[0]) == 50
    assert _count("bytes=0-10,5-15,100-110,105-115") == 4
    assert _count("bytes=0-10,5-15,100-110,105-115,200-210,205-215") == 0
    descending = [f"{n * 10}-{n * 10 + 1}" for n in range(8, 0, -1)]
    assert _count("bytes=" + ",".join(descending)) == 0
    assert _count("bytes=" + ",".join(descending[:7])) == 7


pairs = st.tuples(st.integers(0, 200), st.integers(0, 200)).map(lambda pair: tuple(sorted(pair)))


@given(st.lists(pairs, min_size=1, max_size=5), st.integers(0, 150))
def test_spans_stay_within_the_body(ranges: list[tuple[int, int]], length: int) -> None:
    header = "bytes=" + ",".join(f"{first}-{last}" for first, last in ranges)
    found = parse_range(header)
    assert found is not None
    assert str(found) == header
    for start, stop in found.for_length(length):
        assert 0 <= start < stop <= length
