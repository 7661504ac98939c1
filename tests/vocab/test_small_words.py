"""HTTP dates, status lines, quorums, limits."""

from __future__ import annotations

from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swiftlite.vocab import status
from swiftlite.vocab.http_date import format_http_date, parse_http_date
from swiftlite.vocab.limits import Limits
from swiftlite.vocab.quorum import replicated_quorum


@given(st.integers(0, 253402300799))
def test_dates_round_trip(seconds: int) -> None:
    text = format_http_date(seconds)
    assert text == formatdate(seconds, usegmt=True)
    assert parse_http_date(text) == seconds


@pytest.mark.parametrize(
    "text",
    ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"],
)
def test_the_three_forms(text: str) -> None:
    assert parse_http_date(text) == 784111777


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "Sun, 06 Foo 1994 08:49:37 GMT",
        "Sun, 6 Nov 1994 08:49 GMT",
        "1 2 3 4 5 GMT",
        "Sun, 06 Nov 1994 25:00:00 GMT",
        "Sun, 40 Nov 1994 08:49:37 GMT",
        "Sun Nov 6 8:49:37 99999",
    ],
)
def test_what_is_no_date(text: str) -> None:
    assert parse_http_date(text) is None


def test_status_lines() -> None:
    assert status.status_line(404) == "404 Not Found"
    assert status.status_line(507) == "507 Insufficient Storage"
    assert status.status_line(599) == "599 Unknown"
    assert [code for code in (200, 204, 304, 404, 100) if status.has_no_body(code)] == [
        204,
        304,
        100,
    ]
    assert status.is_success(206)
    assert not status.is_success(304)


def test_quorums() -> None:
    assert [replicated_quorum(count) for count in range(1, 7)] == [1, 1, 2, 2, 3, 3]


def test_limits_double_in_hidden_accounts() -> None:
    limits = Limits()
    assert limits.max_header_count == 126
    assert Limits(extra_header_count=-5).max_header_count == 126
    assert limits.account_name_limit("AUTH_a") == limits.container_name_limit("AUTH_a") == 256
    assert limits.account_name_limit(".shards_a") == limits.container_name_limit(".shards_a") == 512
