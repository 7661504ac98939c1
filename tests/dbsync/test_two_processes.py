"""A replicator's engine beside a server's: two processes with the same databases open."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from swiftlite.dbstore import removal
from swiftlite.dbstore.arrival import adopt, merge_file
from swiftlite.dbstore.container import Outcome
from swiftlite.dbstore.errors import DatabaseMissing
from swiftlite.dbstore.footprint import footprint
from swiftlite.dbstore.glance import glance
from swiftlite.dbstore.snapshot import Snapshot
from swiftlite.dbstore.standing import Standing, read_standing
from tests.dbstore.stores import Store, at, names, row

ROOT = Path(__file__).parents[2]


class Writer:
    """Another process that writes rows."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.dbsync.row_writer", str(folder)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
        )
        self.told: set[str] = set()

    def wait_for(self, count: int) -> None:
        """Until so many more rows have been acknowledged."""
        assert self.process.stdout is not None
        for _ in range(count):
            line = self.process.stdout.readline()
            assert line, "the writer has died"
            self.told.add(line.decode().strip())

    def kill(self) -> None:
        assert self.process.stdout is not None
        self.process.kill()
        rest = self.process.stdout.read()
        whole = rest[: rest.rfind(b"\n") + 1]
        self.told |= {line.decode() for line in whole.splitlines()}
        self.process.wait()
        self.process.stdout.close()


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Writer]:
    started = Writer(tmp_path)
    yield started
    if started.process.poll() is None:
        started.kill()


def rows_up_to(path: Path, last: int) -> set[str]:
    sql = sqlite3.connect(path)
    found = sql.execute("SELECT name FROM object WHERE ROWID <= ?", (last,)).fetchall()
    sql.close()
    return {name for (name,) in found}


@pytest.mark.slow
def test_no_acknowledged_row_goes_with_a_database_that_is_removed(
    store: Store, tmp_path: Path, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was acknowledged is in what the remover saw, or in the database made after it."""
    removed: list[tuple[str, int]] = []
    seen: list[int] = []

    def keep(_disk: object, _place: object, away: str) -> None:
        removed.append((away, seen[-1]))

    def may_go(standing: Standing) -> bool:
        seen.append(standing.replica.max_row)
        return True

    monkeypatch.setattr(removal, "_clean_up", keep)
    broker = store.container()
    while len(removed) < 12:
        writer.wait_for(15)
        with suppress(DatabaseMissing):  # the writer has not made it again yet
            assert removal.remove_database(broker, may_go)
    writer.wait_for(15)
    writer.kill()
    found: set[str] = set()
    with suppress(DatabaseMissing):  # what was told last was written before the last removal
        found |= set(names(broker))
    for away, last in removed:
        (file,) = [name for name in os.listdir(away) if name.endswith(".db")]
        found |= rows_up_to(Path(away, file), last)
    assert writer.told <= found


@pytest.mark.slow
def test_a_snapshot_is_whole_while_another_process_writes(
    store: Store, tmp_path: Path, writer: Writer
) -> None:
    broker = store.container()
    for _ in range(5):
        writer.wait_for(20)
        before = set(writer.told)
        with Snapshot(store.containers, broker.place) as snapshot:
            assert not os.path.exists(f"{snapshot.path}-wal")
            sql = sqlite3.connect(snapshot.path)
            assert sql.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert sql.execute("PRAGMA journal_mode").fetchone() == ("delete",)
            found = {name for (name,) in sql.execute("SELECT name FROM object")}
            sql.close()
        assert before <= found
    assert not os.listdir(tmp_path / "sda1" / "tmp")


@pytest.mark.slow
def test_rows_of_a_file_are_merged_while_another_process_writes(
    store: Store, tmp_path: Path, writer: Writer
) -> None:
    other = Store(tmp_path / "other")
    other.made_container().merge_rows([row(f"from-{n:05}", n) for n in range(3000)])
    other.close()
    arrived = tmp_path / "sda1" / "tmp-file"
    Path(other.container().place.path).rename(arrived)
    writer.wait_for(10)
    broker = store.container()
    assert merge_file(broker, str(arrived), "some-id", at(0))
    writer.wait_for(10)
    writer.kill()
    found = set(names(broker))
    assert writer.told | {f"from-{n:05}" for n in range(3000)} <= found
    assert broker.standing().point_of("some-id") == 3000


def test_a_server_notices_that_its_database_was_removed_and_came_back(tmp_path: Path) -> None:
    server, replicator = Store(tmp_path), Store(tmp_path)
    mine = server.made_container()
    mine.merge_rows([row("old")])
    assert removal.remove_database(replicator.container(), lambda _: True)
    with pytest.raises(DatabaseMissing):
        mine.merge_rows([row("lost")])
    other = Store(tmp_path / "other")
    other.made_container().merge_rows([row("new")])
    other.close()
    tmp = tmp_path / "sda1" / "tmp" / "an-id"
    Path(other.container().place.path).rename(tmp)
    assert adopt(replicator.container(), str(tmp), "an-id")
    mine.merge_rows([row("newer")])
    assert names(mine) == ["new", "newer"]
    replicator.close()
    server.close()
    assert names(Store(tmp_path).container()) == ["new", "newer"]


def test_a_database_that_is_removed_just_before_a_write_is_missing_not_a_broken_device(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, replicator = Store(tmp_path), Store(tmp_path)
    replicator.made_container()
    mine = server.container()
    sync = server.disk.fsync_dir

    def removing(path: str) -> None:
        monkeypatch.setattr(server.disk, "fsync_dir", sync)
        assert removal.remove_database(replicator.container(), lambda _: True)
        sync(path)

    monkeypatch.setattr(server.disk, "fsync_dir", removing)
    with pytest.raises(DatabaseMissing):
        mine.merge_rows([row("o")])
    assert server.put(mine).outcome is Outcome.CREATED
    mine.merge_rows([row("o")])
    assert names(mine) == ["o"]
    server.close()


def test_a_wal_that_was_left_behind_is_not_applied_to_a_file_that_came(tmp_path: Path) -> None:
    store = Store(tmp_path)
    broker = store.made_container()
    broker.merge_rows([row(f"old{n}") for n in range(200)])
    path = broker.place.path
    stale = Path(f"{path}-wal").read_bytes()
    store.close()
    other = Store(tmp_path / "other")
    other.made_container().merge_rows([row("new")])
    other.close()
    os.unlink(path)
    Path(f"{path}-wal").write_bytes(stale)
    tmp = tmp_path / "sda1" / "came"
    Path(other.container().place.path).rename(tmp)
    assert adopt(store.container(), str(tmp), "an-id")
    assert names(store.container()) == ["new"]


def test_a_glance_tells_only_of_what_has_been_at_rest(store: Store) -> None:
    broker = store.made_container()
    broker.merge_rows([row("o")])
    disk, place = store.disk, broker.place
    wall = store.host.clock.wall()

    def read(sql: sqlite3.Connection, path: str) -> int:
        return read_standing(sql, "container", path).replica.max_row

    found = footprint(disk, place)
    assert found is not None
    assert not found.alone  # its rows are in a WAL
    assert glance(disk, place, found, wall + 60, read) is None
    store.close()
    rested = footprint(disk, place)
    assert rested is not None
    assert glance(disk, place, rested, wall, read) is None
    assert glance(disk, place, rested, wall + 60, read) == 1
    broker.merge_rows([row("another")])
    assert glance(disk, place, rested, wall + 60, read) is None
    assert footprint(disk, place) != rested
