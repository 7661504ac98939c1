"""Rows merge to the same row in whatever order news of them comes."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swiftlite.dbstore.merge import (
    container_key,
    merge_batch,
    merge_container,
    merge_metadata,
    merge_object,
    object_key,
)
from swiftlite.dbstore.rows import (
    ContainerRow,
    ObjectRow,
    container_row,
    deleted_object_row,
    object_row,
)
from swiftlite.vocab.timestamp import Timestamp
from tests.dbstore.stores import NOW, at, row


def put(data: int, ctype: int | None = None, meta: int | None = None, **more: object) -> ObjectRow:
    """News of an object: size and etag tell its data time, the type tells its own."""
    return object_row(
        "o",
        at(data).internal,
        data,
        f"type/{data if ctype is None else ctype}{more.get('suffix', '')}",
        f"etag{data}",
        0,
        0,
        None if ctype is None else at(ctype).internal,
        None if meta is None else at(meta).internal,
    )


def fold(news: list[ObjectRow]) -> ObjectRow:
    now = news[0]
    for item in news[1:]:
        now = merge_object(item, now) or now
    return now


times = st.integers(min_value=1, max_value=6)


@st.composite
def object_news(draw: st.DrawFn) -> ObjectRow:
    """News as a cluster can have it: a PUT, a POST after some PUT, or a DELETE."""
    data = draw(times)
    match draw(st.sampled_from(("put", "post", "post type", "delete"))):
        case "put":
            return put(data)
        case "post":
            return put(data, data, data + draw(times))
        case "post type":
            ctype = data + draw(times)
            return put(data, ctype, ctype + draw(st.integers(0, 3)))
        case _:
            return deleted_object_row("o", at(data + 0.5).internal, 0)


@given(st.lists(object_news(), min_size=1, max_size=4))
def test_the_order_of_arrival_does_not_matter(news: list[ObjectRow]) -> None:
    results = {fold(list(order)) for order in permutations(news)}
    assert len(results) == 1


@given(st.lists(object_news(), min_size=1, max_size=5))
def test_the_same_news_again_is_no_news(news: list[ObjectRow]) -> None:
    result = fold(news)
    assert all(merge_object(item, result) is None for item in [*news, result])


@given(st.lists(object_news(), min_size=1, max_size=5), st.integers(0, 4))
def test_replicas_that_exchange_their_rows_end_equal(news: list[ObjectRow], cut: int) -> None:
    cut = min(cut, len(news) - 1)
    here, there = fold(news[: cut + 1]), fold(news[cut:])
    assert (merge_object(there, here) or here) == (merge_object(here, there) or there)


def test_a_late_put_keeps_the_type_of_a_later_post() -> None:
    merged = merge_object(put(5), put(1, 9, 9))
    assert merged is not None
    assert (merged.size, merged.etag, merged.content_type) == (5, "etag5", "type/9")


def test_the_size_of_a_large_object_follows_its_data_not_its_type() -> None:
    stored = put(1, suffix=";swift_bytes=100")
    merged = merge_object(put(1, 4, 4, suffix=""), stored)
    assert merged is not None
    assert merged.content_type == "type/4;swift_bytes=100"


def test_an_offset_makes_equal_times_differ() -> None:
    rewritten = row("o", created_at=f"{NOW.normal}_{1:016x}", size=2)
    merged = merge_object(rewritten, row("o"))
    assert merged is not None
    assert merged.size == 2
    assert merged.created_at == f"{NOW.normal}_1"


def test_rows_of_two_policies_are_two_rows() -> None:
    news = [row("o"), row("o", storage_policy_index=1)]
    assert merge_batch(news, [], merge_object, object_key).come == news


def test_a_batch_folds_news_of_one_name() -> None:
    changes = merge_batch(
        [row("o", 1), row("p", 1), row("o", 3), row("o", 2)],
        [(11, row("o", 0)), (12, row("p", 5))],
        merge_object,
        object_key,
    )
    assert changes.gone == [11]
    assert changes.come == [row("o", 3)]


def test_rows_stored_twice_become_one() -> None:
    stored = [(1, row("o", 1, size=10)), (2, row("o", 4, size=40))]
    changes = merge_batch([row("o", 5)], stored, merge_object, object_key)
    assert changes.gone == [1, 2]
    assert changes.come == [row("o", 5)]


def report(put_at: int, deleted_at: int = 0, count: int = 0) -> ContainerRow:
    delete = at(deleted_at).internal if deleted_at else "0"
    return container_row("c", at(put_at).internal, delete, count, count * 10)


@pytest.mark.parametrize(
    ("new", "old", "put_at", "delete_at", "count", "deleted"),
    [
        (report(1, count=5), report(1, count=3), 1, 0, 5, 0),
        (report(1, 4), report(2, count=0), 2, 4, 0, 1),
        (report(5), report(1, 4), 5, 4, 0, 0),
        (report(1, 4, count=2), report(1), 1, 4, 2, 0),
    ],
)
def test_a_report_raises_timestamps_and_replaces_counts(
    new: ContainerRow, old: ContainerRow, put_at: int, delete_at: int, count: int, deleted: int
) -> None:
    merged = merge_container(new, old)
    assert merged is not None
    assert merged.put_timestamp == at(put_at).internal
    assert merged.delete_timestamp == (at(delete_at).internal if delete_at else "0")
    assert (merged.object_count, merged.bytes_used) == (count, count * 10)
    assert merged.deleted == deleted


def test_a_report_that_says_nothing_new_changes_nothing() -> None:
    assert merge_container(report(1, count=3), report(1, count=3)) is None


def told(put_at: int, moment: int, count: int) -> ContainerRow:
    """A report that says when it was made."""
    put = Timestamp(at(put_at).raw, at(moment).raw).internal
    return container_row("c", put, "0", count, count * 10)


def test_a_report_that_was_overtaken_undoes_nothing() -> None:
    late, final = told(1, 5, count=3), told(1, 6, count=4)
    assert merge_container(late, final) is None
    assert merge_container(final, late) == final


def test_a_report_from_before_the_container_was_made_again_undoes_nothing() -> None:
    assert merge_container(told(1, 9, count=3), told(2, 6, count=4)) is None


def test_a_report_that_does_not_say_when_is_believed() -> None:
    """OpenStack Swift's do not."""
    merged = merge_container(report(1, count=3), told(1, 6, count=4))
    assert merged is not None
    assert (merged.object_count, merged.put_timestamp) == (3, told(1, 6, 4).put_timestamp)


def test_a_container_has_one_row_whatever_its_policy() -> None:
    stored = [(1, report(1))]
    news = [report(2)._replace(storage_policy_index=1)]
    changes = merge_batch(news, stored, merge_container, container_key)
    assert changes.gone == [1]
    assert changes.come == news


def test_the_newer_value_of_a_metadata_name_wins() -> None:
    stored = {"A": ("1", at(5).internal), "B": ("1", at(5).internal)}
    news = {"A": ("2", at(6).internal), "B": ("2", at(4).internal), "C": ("", at(1).internal)}
    assert merge_metadata(stored, news) == {
        "A": ("2", at(6).internal),
        "B": ("1", at(5).internal),
        "C": ("", at(1).internal),
    }
