"""Listings against a model that knows no index: every name, sorted, looked at one by one."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from swiftlite.dbstore import Folder, Window, folding
from swiftlite.dbstore.folding import list_entries
from swiftlite.dbstore.listing import Source, after_prefix
from tests.dbstore.stores import Store, names, row

SOURCE = Source(
    "object",
    ("name", "created_at", "size", "content_type", "etag"),
    "storage_policy_index = :policy",
    {"policy": 0},
)
LAST = "\U0010ffff"


def table(names: set[str]) -> sqlite3.Connection:
    """The names, live; and beside each a deleted one and one of another policy."""
    sql = sqlite3.connect(":memory:", isolation_level=None)
    sql.execute(
        "CREATE TABLE object "
        "(name, created_at, size, content_type, etag, deleted, storage_policy_index)"
    )
    sql.execute("CREATE INDEX ix ON object (deleted, name)")
    for name in names:
        rows = [(name, 0, 0), (f"{name}x", 1, 0), (f"{name}y", 0, 1)]
        sql.executemany("INSERT INTO object VALUES (?, '1', 2, 't', 'e', ?, ?)", rows)
    return sql


def shown(entries: list[folding.Entry]) -> list[str]:
    return [f"<{e.name}>" if isinstance(e, Folder) else e[0] for e in entries]


def model(names: set[str], window: Window) -> list[str]:
    prefix, delimiter = window.prefix, window.delimiter
    if window.path is not None:
        prefix = window.path.rstrip("/") + "/" if window.path else ""
        delimiter = "/"
    low, high = window.marker, window.end_marker
    if window.reverse:
        low, high = high, low
    found: list[str] = []
    for name in sorted(names, reverse=window.reverse):
        outside = name <= low if low else False
        beyond = name >= high if high else False
        reserved = name.startswith("\x00") and not window.allow_reserved
        if outside or beyond or reserved or not name.startswith(prefix):
            continue
        entry = fold(name, prefix, delimiter, window.path is not None)
        if entry is not None and entry != f"<{low}>" and entry not in found[-1:]:
            found.append(entry)
    return found[: max(0, window.limit)]


def fold(name: str, prefix: str, delimiter: str, by_path: bool) -> str | None:
    at = name.find(delimiter, len(prefix)) if delimiter else -1
    stop = at + len(delimiter)
    if by_path:
        deeper = at >= 0 and stop < len(name)
        return None if name == prefix or deeper else name
    return name if at < 0 else f"<{name[:stop]}>"


alphabets = st.sampled_from(["ab/", "ab//c\x00", "ab/\x1f", f"a/\ue000{LAST}", "ab/é", "a-/\ud7ff"])


@st.composite
def cases(draw: st.DrawFn) -> tuple[set[str], Window]:
    alphabet = draw(alphabets)
    texts = st.text(alphabet, max_size=3)
    found = draw(st.sets(st.text(alphabet, min_size=1, max_size=6), max_size=40))
    window = Window(
        limit=draw(st.sampled_from([0, 1, 2, 5, 1000])),
        marker=draw(texts),
        end_marker=draw(texts),
        prefix=draw(texts),
        delimiter=draw(st.sampled_from(["", "/", "/", "//", "/a", "b", LAST, "\ud7ff", "\x00"])),
        path=draw(st.none() | texts),
        reverse=draw(st.booleans()),
        allow_reserved=draw(st.booleans()),
    )
    return found, window


@pytest.fixture(params=[(1, 1, 1), (2, 3, 2), (128, 1000, 6)])
def sizes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small chunks and early hops, so that few names meet every turn of the code."""
    chunk, hops, sparse = request.param
    monkeypatch.setattr(folding, "_FIRST_CHUNK", chunk)
    monkeypatch.setattr(folding, "_HOPS", hops)
    monkeypatch.setattr(folding, "_SPARSE", sparse)


@pytest.mark.usefixtures("sizes")
class TestAgainstTheModel:
    @settings(max_examples=250, deadline=None)
    @example(case=({"p/a/", "p/a/b", "p/a0"}, Window(10, path="p")))
    @example(case=({"p/a/", "p/a/b", "p/a0"}, Window(10, path="p", reverse=True)))
    @example(case=({f"a{LAST}b", f"a{LAST}{LAST}"}, Window(10, delimiter=LAST)))
    @given(case=cases())
    def test_a_listing_shows_what_the_model_shows(self, case: tuple[set[str], Window]) -> None:
        found, window = case
        assert shown(list_entries(table(found), SOURCE, window)) == model(found, window)


@given(st.text(min_size=1, max_size=4), st.text(max_size=4))
def test_after_prefix_is_above_all_with_the_prefix_and_below_all_else(
    prefix: str, more: str
) -> None:
    bound = after_prefix(prefix)
    if bound is None:
        assert set(prefix) == {LAST}
        return
    assert f"{prefix}{more}" < bound
    assert not (prefix < more < bound and not more.startswith(prefix))


@pytest.fixture
def pages(store: Store) -> Store:
    broker = store.made_container()
    broker.merge_rows([row(f"{letter}/{n:02d}") for letter in "abc" for n in range(4)])
    broker.merge_rows([row("b"), row("zebra")])
    return store


def test_pages_joined_by_markers_are_the_whole_listing(pages: Store) -> None:
    broker = pages.container()
    found: list[str] = []
    marker = ""
    while True:
        _, entries = broker.listing(Window(2, marker=marker, delimiter="/"), None)
        if not entries:
            break
        found += shown(entries)
        last = entries[-1]
        marker = last.name if isinstance(last, Folder) else last[0]
    assert found == ["<a/>", "b", "<b/>", "<c/>", "zebra"]


def test_reverse_pages_joined_by_markers_are_the_whole_listing(pages: Store) -> None:
    broker = pages.container()
    found: list[str] = []
    marker = ""
    while True:
        window = Window(2, marker=marker, delimiter="/", reverse=True)
        _, entries = broker.listing(window, None)
        if not entries:
            break
        found += shown(entries)
        last = entries[-1]
        marker = last.name if isinstance(last, Folder) else last[0]
    assert found == ["zebra", "<c/>", "<b/>", "b", "<a/>"]


def test_deleted_rows_are_listed_for_who_asks(pages: Store) -> None:
    broker = pages.container()
    broker.merge_rows([row("gone", 1, deleted=1, size=0)])
    _, entries = broker.listing(Window(100, include_deleted=True, prefix="g"), None)
    assert shown(entries) == ["gone"]
    assert "gone" not in names(broker)


def test_a_listing_is_of_one_policy(pages: Store) -> None:
    broker = pages.container()
    broker.merge_rows([row("elsewhere", storage_policy_index=1)])
    _, entries = broker.listing(Window(100), 1)
    assert shown(entries) == ["elsewhere"]


@pytest.mark.parametrize("index", ["covering", "swift"])
@pytest.mark.parametrize("reverse", [False, True])
def test_every_query_of_a_listing_seeks_in_the_index(
    tmp_path: Path, index: str, reverse: bool
) -> None:
    store = Store(tmp_path, listing_index=index)
    broker = store.made_container()
    broker.merge_rows([row(f"d{n}/{m}") for n in range(30) for m in range(9)])
    plans: list[str] = []

    def explain(connection: object) -> None:
        sql: sqlite3.Connection = connection.sql  # type: ignore[attr-defined]
        queries: list[str] = []
        sql.set_trace_callback(queries.append)
        window = Window(100, prefix="d", delimiter="/", marker="d1/5", reverse=reverse)
        list_entries(sql, SOURCE, window)
        sql.set_trace_callback(None)
        for query in queries:
            plan = sql.execute(f"EXPLAIN QUERY PLAN {query}").fetchall()
            plans.extend(step[3] for step in plan if "object" in step[3])

    broker.engine.read(broker.place, explain, timeout=5)
    store.close()
    assert plans
    for plan in plans:
        assert "SEARCH object USING" in plan
        assert "(deleted=? AND name>? AND name<?)" in plan
