"""What peers say of rows, and what of it is refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swiftlite.dbstore.rows import (
    container_row,
    container_row_from_pending,
    object_row,
    object_row_from_json,
    object_row_from_pending,
)
from tests.dbstore.stores import NOW, at, row

GOOD = {
    "name": "o",
    "created_at": NOW.internal,
    "size": 3,
    "content_type": "text/plain",
    "etag": "e",
    "deleted": 0,
    "storage_policy_index": 0,
}


def test_the_three_times_become_one_text() -> None:
    made = object_row("o", at(0).internal, 1, "t", "e", 0, 0, at(1).internal, at(3).internal)
    assert made.created_at == f"{NOW.normal}+186a0+30d40"


def test_equal_times_leave_no_differences() -> None:
    made = object_row("o", NOW.internal, 1, "t", "e", 0, 0, NOW.internal, NOW.internal)
    assert made.created_at == NOW.normal


def test_counts_may_come_in_digits() -> None:
    assert object_row_from_json({**GOOD, "size": "12"}).size == 12


@pytest.mark.parametrize(
    "change",
    [
        {"name": None},
        {"name": 5},
        {"name": "\ud800"},
        {"created_at": "yesterday"},
        {"created_at": "1700000000.00000+zz"},
        {"created_at": None},
        {"size": -1},
        {"size": "1_0"},
        {"size": 1.5},
        {"size": "²"},
        {"size": 1 << 63},
        {"size": "9" * 40},
        {"content_type": None},
        {"etag": ["e"]},
        {"ctype_timestamp": "x"},
        {"meta_timestamp": 5},
        {"storage_policy_index": "gold"},
    ],
)
def test_what_is_no_row_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        object_row_from_json({**GOOD, **change})


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(sorted(GOOD)), json_values) | json_values)
def test_any_json_is_a_row_or_is_refused(value: object) -> None:
    item = {**GOOD, **value} if isinstance(value, dict) else value
    try:
        made = object_row_from_json(item)
    except ValueError:
        return
    assert made.name == made.name.encode().decode()
    assert 0 <= made.size < 1 << 63


@pytest.mark.parametrize("length", range(6, 10))
def test_pending_rows_of_every_age_are_read(length: int) -> None:
    entry = ("o", NOW.internal, 3, "text/plain", "e", 0, 1, at(1).internal, None)[:length]
    made = object_row_from_pending(entry)
    assert made.storage_policy_index == (1 if length > 6 else 0)
    assert made.created_at == (NOW.normal if length < 8 else f"{NOW.normal}+186a0+0")


def test_a_pending_report_is_deleted_when_its_times_say_so() -> None:
    entry = ("c", at(1).internal, at(2).internal, "0", 0, 0)
    assert container_row_from_pending(entry).deleted == 1


def test_timestamps_of_reports_keep_their_spelling() -> None:
    assert container_row("c", at(1).internal, "0", 1, 1).delete_timestamp == "0"


def test_a_row_made_here_equals_the_one_that_a_peer_sends() -> None:
    assert object_row_from_json(row("o")._asdict()) == row("o")
