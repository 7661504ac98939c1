"""OpenStack Swift's own brokers on our files, and ours on what they leave there."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swiftlite.dbstore import Window
from swiftlite.dbstore.rows import ObjectRow, container_row, deleted_object_row
from tests.dbstore.stores import LIMITS, Store, at, connect, kept, names, recount, row
from tests.dbstore.test_crash import acknowledged, start_writer

pytestmark = [pytest.mark.interop, pytest.mark.slow]
SCRIPT = Path(__file__).with_name("swift_side.py")
Step = tuple[str, list[Any], dict[str, Any]]


class Swift:
    def __init__(self, python: str) -> None:
        self.python = python

    def run(self, kind: str, path: str, *steps: Step) -> list[Any]:
        """Results of a broker's methods, called one after the other."""
        done = subprocess.run(
            [self.python, "-P", str(SCRIPT)],
            input=json.dumps([[kind, path], *steps]),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        results: list[Any] = json.loads(done.stdout)
        return results


@pytest.fixture
def swift(swift_python: str) -> Swift:
    return Swift(swift_python)


def step(method: str, *arguments: object, **keywords: object) -> Step:
    return method, list(arguments), keywords


LISTING = step("list_objects_iter", 10_000, "", None, None, None)
INFO, ROWS = step("get_info"), step("rows")


def put(name: str, seconds: float, size: int = 1) -> Step:
    return step("put_object", name, at(seconds).internal, size, "text/plain", "etag", 0, 0)


@pytest.mark.parametrize("journal", ["wal", "delete"])
@pytest.mark.parametrize("index", ["covering", "swift"])
def test_swift_reads_our_container_and_we_what_it_adds(
    tmp_path: Path, swift: Swift, journal: str, index: str
) -> None:
    store = Store(tmp_path, journal_mode=journal, listing_index=index)
    broker = store.made_container()
    broker.post(at(1), {"X-Container-Meta-Colour": "grün"}, LIMITS, touch=True)
    broker.merge_rows([row(f"o{n:02d} ü", n, size=n) for n in range(30)])
    broker.merge_rows([deleted_object_row("o03 ü", at(40).internal, 0), row("x", 1)])
    facts = broker.facts()
    store.close()
    path = broker.place.path
    info, listing, metadata, *_ = swift.run(
        "container",
        path,
        INFO,
        LISTING,
        step("metadata"),
        put("from swift", 50, 7),
        step("delete_object", "o05 ü", at(60).internal, 0),
        step("update_metadata", {"X-Container-Meta-Also": ["y", at(61).internal]}),
        INFO,
    )
    for name in ("object_count", "bytes_used", "hash", "id", "put_timestamp"):
        assert info[name] == getattr(facts, name)
    assert [entry[0] for entry in listing] == [f"o{n:02d} ü" for n in range(30) if n != 3] + ["x"]
    assert metadata == {"X-Container-Meta-Colour": ["grün", at(1).internal]}
    again = Store(tmp_path, journal_mode=journal)
    after = again.container()
    assert "from swift" in names(after)
    assert "o05 ü" not in names(after)
    assert after.facts().metadata["X-Container-Meta-Also"] == ("y", at(61).internal)
    assert kept(path) == recount(path)
    again.close()


def test_rows_that_swift_left_pending_are_ours(tmp_path: Path, swift: Swift) -> None:
    store = Store(tmp_path)
    broker = store.made_container()
    store.close()
    swift.run("container", broker.place.path, put("left pending", 5))
    assert Path(broker.place.pending_path).stat().st_size > 0
    assert names(broker) == ["left pending"]
    store.close()


def test_swift_recovers_what_a_killed_writer_acknowledged(tmp_path: Path, swift: Swift) -> None:
    told = acknowledged(start_writer(tmp_path, 0), 100)
    path = Store(tmp_path).container().place.path
    assert Path(path + "-wal").stat().st_size > 0
    (listing,) = swift.run("container", path, LISTING)
    assert told <= {entry[0] for entry in listing}
    sql = connect(path)
    assert sql.execute("PRAGMA journal_mode").fetchone() == ("delete",)  # as Swift wants it
    sql.close()
    assert kept(path) == recount(path)


def test_what_replication_needs_of_swift_works_on_our_file(tmp_path: Path, swift: Swift) -> None:
    store = Store(tmp_path)
    broker = store.made_container()
    broker.merge_rows([row(f"o{n}", n) for n in range(5)])
    store.close()
    results = swift.run(
        "container",
        broker.place.path,
        step("get_replication_info"),
        ROWS,
        step("merge_syncs", [{"sync_point": 3, "remote_id": "peer"}]),
        step("get_sync", "peer"),
        step("newid", "remote"),
        step("merge_timestamps", at(-5).internal, at(9).internal, "0"),
        step("add_shard_range", ".shards_a/c-1", "m"),
        step("shard_names"),
        step("reclaim", at(100).seconds, at(100).seconds),
        INFO,
    )
    info, rows, _, sync_point, *_ = results
    assert (info["count"], info["max_row"]) == (5, 5)
    assert [found["name"] for found in rows] == [f"o{n}" for n in range(5)]
    assert sync_point == 3
    assert results[7] == [".shards_a/c-1"]
    assert results[-1]["created_at"] == at(-5).internal
    assert broker.facts().put_timestamp == at(9).internal
    assert kept(broker.place.path) == recount(broker.place.path)
    store.close()


def test_swift_deletes_our_container_and_we_make_it_again(tmp_path: Path, swift: Swift) -> None:
    store = Store(tmp_path)
    broker = store.made_container()
    store.close()
    swift.run("container", broker.place.path, step("delete_db", at(5).internal))
    assert broker.facts().is_deleted
    assert store.put(broker, 6).facts.put_timestamp == at(6).internal
    store.close()
    (deleted,) = swift.run("container", broker.place.path, step("is_deleted"))
    assert deleted is False


def test_swift_reads_our_account_and_we_what_it_adds(tmp_path: Path, swift: Swift) -> None:
    store = Store(tmp_path)
    account = store.made_account()
    account.merge_rows(
        [container_row(f"c{n}", at(n).internal, "0", n, n * 10, n % 2) for n in range(9)]
    )
    state = account.state()
    store.close()
    info, policies, listing, *_ = swift.run(
        "account",
        account.place.path,
        INFO,
        step("get_policy_stats"),
        step("list_containers_iter", 100, "", "", "", ""),
        step("put_container", "swifts", at(50).internal, "0", 5, 50, 0),
        step("put_container", "c3", at(3).internal, at(60).internal, 0, 0, 1),
        INFO,
    )
    assert info["hash"] == state.facts.hash
    assert (info["container_count"], info["object_count"]) == (9, 36)
    assert policies["1"] == {"container_count": 4, "object_count": 16, "bytes_used": 160}
    assert [entry[0] for entry in listing] == [f"c{n}" for n in range(9)]
    _, entries = account.listing(Window(100))
    ours = [entry[0] for entry in entries]  # type: ignore[index]  # no folders
    assert ours == [f"c{n}" for n in range(9) if n != 3] + ["swifts"]
    store.close()


object_rows = st.builds(
    lambda name, data, ctype, meta, size, dead: (
        deleted_object_row(name, at(data + 0.5).internal, 0)
        if dead
        else row(
            name,
            data,
            size,
            content_type=f"t/{data + ctype}",
            etag=f"e{data}",
            ctype_timestamp=at(data + ctype).internal if ctype else None,
            meta_timestamp=at(data + ctype + meta).internal if ctype or meta else None,
        )
    ),
    st.sampled_from("abc"),
    st.integers(1, 6),
    st.integers(0, 2),
    st.integers(0, 2),
    st.integers(0, 99),
    st.booleans(),
)


@settings(max_examples=12, deadline=None)
@given(batches=st.lists(st.lists(object_rows, min_size=1, max_size=12), max_size=4))
def test_any_history_of_rows_ends_as_it_does_in_swift(
    tmp_path_factory: pytest.TempPathFactory, swift_python: str, batches: list[list[ObjectRow]]
) -> None:
    store = Store(tmp_path_factory.mktemp("history"))
    ours, theirs = store.made_container("c"), store.made_container("d")
    for batch in batches:
        ours.merge_rows(batch)
    store.close()
    steps = [step("merge_items", [item._asdict() for item in batch]) for batch in batches]
    *_, info, rows = Swift(swift_python).run("container", theirs.place.path, *steps, INFO, ROWS)
    facts = ours.facts()
    assert (facts.object_count, facts.bytes_used) == (info["object_count"], info["bytes_used"])
    assert facts.hash == info["hash"]
    found = [found._asdict() for _, found in ours.rows_since(-1, 1000)]
    for item in rows:
        del item["ROWID"]
    assert sorted(map(repr, rows)) == sorted(
        repr({key: item[key] for key in rows[0]}) for item in found
    )
    store.close()
