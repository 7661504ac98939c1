"""Many tasks, files that change hands, damage, full devices: what the engine meets for others."""

from __future__ import annotations

import base64
import contextlib
import os
import pickle
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from swiftlite.config.units import Reserve
from swiftlite.dbstore import ContainerBroker
from swiftlite.dbstore.connection import Connection
from swiftlite.dbstore.engine import Change
from swiftlite.dbstore.errors import (
    DatabaseBusy,
    DatabaseDamaged,
    DatabaseExists,
    DatabaseMissing,
    DeviceFull,
    DeviceUnusable,
)
from swiftlite.dbstore.pool import Lease, Pool
from swiftlite.host import green, plain
from swiftlite.host.bundle import Host
from swiftlite.host.clock import Clock
from tests.dbstore.stores import NOW, Store, at, connect, kept, names, recount, row


@pytest.fixture(scope="module")
def host() -> Host:
    return green.make_host()


@pytest.fixture
def green_store(tmp_path: Path, host: Host) -> Iterator[Store]:
    made = Store(tmp_path, host=host)
    yield made
    made.close()


def together(host: Host, jobs: Sequence[Callable[[], object]]) -> list[object]:
    """Run jobs as tasks at once; a job's exception is its result."""

    def run(job: Callable[[], object]) -> object:
        try:
            return job()
        except Exception as error:
            return error

    return [task.wait() for task in [host.tasks.spawn(run, job) for job in jobs]]


def test_rows_of_many_tasks_share_transactions(green_store: Store, host: Host) -> None:
    broker = green_store.made_container()
    turns = green_store.containers.turns
    before = turns.items, turns.batches
    jobs = [partial(broker.merge_rows, [row(f"o{n:03d}", n)]) for n in range(200)]
    assert together(host, jobs) == [None] * 200
    assert names(broker) == [f"o{n:03d}" for n in range(200)]
    assert turns.items - before[0] == 200
    assert turns.batches - before[1] < 20
    assert kept(broker.place.path) == recount(broker.place.path)


def test_a_failing_change_leaves_its_neighbours_alone(green_store: Store, host: Host) -> None:
    broker = green_store.made_container()

    def fail(connection: Connection) -> None:
        connection.sql.execute("UPDATE container_info SET status = 'touched'")
        raise ValueError("no")

    def mark(connection: Connection) -> str:
        connection.sql.execute("UPDATE container_info SET status_changed_at = '9'")
        return "marked"

    engine = green_store.containers
    results = together(
        host,
        [
            lambda: broker.merge_rows([row("before")]),
            lambda: engine.write(broker.place, Change(fail)),
            lambda: broker.merge_rows([row("between")]),
            lambda: engine.write(broker.place, Change(mark)),
        ],
    )
    assert isinstance(results[1], ValueError)
    assert results[3] == "marked"
    facts = broker.facts()
    assert (facts.status, facts.status_changed_at, facts.object_count) == ("", "9", 2)


def test_readers_do_not_wait_for_a_writer(green_store: Store, host: Host) -> None:
    broker = green_store.made_container()
    other = connect(broker.place.path)
    other.execute("BEGIN IMMEDIATE")
    assert broker.facts().object_count == 0
    other.execute("ROLLBACK")
    other.close()


def test_a_writer_waits_while_another_process_writes(green_store: Store, host: Host) -> None:
    broker = green_store.made_container()
    other = connect(broker.place.path)
    other.execute("BEGIN IMMEDIATE")

    def let_go() -> None:
        host.tasks.sleep(0.1)
        other.execute("ROLLBACK")

    results = together(host, [lambda: broker.merge_rows([row("o")]), let_go])
    other.close()
    assert results == [None, None]
    assert names(broker) == ["o"]


def test_who_waits_too_long_is_told_so(tmp_path: Path, host: Host) -> None:
    store = Store(tmp_path, host=host, broker_timeout=0.05)
    broker = store.made_container()
    other = connect(broker.place.path)
    other.execute("BEGIN IMMEDIATE")
    results = together(host, [lambda: broker.merge_rows([row("o")])] * 3)
    assert [type(result) for result in results] == [DatabaseBusy] * 3
    other.execute("ROLLBACK")
    other.close()
    broker.merge_rows([row("later")])
    assert names(broker) == ["later"]
    store.close()


def test_two_processes_worth_of_engines_write_side_by_side(tmp_path: Path, host: Host) -> None:
    stores = [Store(tmp_path, host=host) for _ in range(2)]
    stores[0].made_container()
    jobs = [
        partial(store.container().merge_rows, [row(f"{index}-{n}", n)])
        for index, store in enumerate(stores)
        for n in range(60)
    ]
    assert together(host, jobs) == [None] * 120
    path = stores[0].container().place.path
    assert kept(path) == recount(path)
    assert stores[1].container().facts().object_count == 120
    for store in stores:
        store.close()


def test_a_task_that_is_stopped_takes_no_connection_with_it(green_store: Store, host: Host) -> None:
    broker = green_store.made_container()
    tasks = [host.tasks.spawn(lambda n=n: broker.merge_rows([row(f"o{n}", n)])) for n in range(20)]
    host.tasks.sleep(0)
    for task in tasks[::2]:
        task.kill()
    for task in tasks[1::2]:
        with_error = together(host, [task.wait])
        assert with_error == [None] or isinstance(with_error[0], DatabaseBusy)
    broker.merge_rows([row("after")])
    assert "after" in names(broker)
    assert kept(broker.place.path) == recount(broker.place.path)


def test_a_database_replaced_under_us_is_opened_anew(store: Store) -> None:
    broker = store.made_container()
    broker.merge_rows([row("old")])
    spare = store.root / "spare.db"
    connect(broker.place.path).execute(f"VACUUM INTO '{spare}'").close()
    sql = connect(spare)
    sql.execute("DELETE FROM object")
    sql.close()
    for suffix in ("-wal", "-shm"):  # as whoever replaces a file has to
        Path(broker.place.path + suffix).unlink()
    os.replace(spare, broker.place.path)
    broker.merge_rows([row("new")])
    assert names(broker) == ["new"]


def test_a_row_for_a_database_that_was_removed_is_not_acknowledged(store: Store) -> None:
    broker = store.made_container()
    broker.merge_rows([row("o")])
    shutil.rmtree(broker.place.directory)
    with pytest.raises(DatabaseMissing):
        broker.merge_rows([row("lost")])


def test_a_file_removed_during_the_commit_is_noticed(store: Store) -> None:
    broker = store.made_container()

    def remove(connection: Connection) -> None:
        shutil.rmtree(broker.place.directory)

    with pytest.raises(DatabaseMissing):
        store.containers.write(broker.place, Change(remove))


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(b"not a database, at all; " * 400),
        lambda path: path.write_bytes(path.read_bytes()[:2048] + b"\xff" * 30_000),
        lambda path: connect(path).execute("DELETE FROM container_info").close(),
        lambda path: connect(path).execute("UPDATE container_info SET container = 'd'").close(),
        lambda path: connect(path).execute("UPDATE container_info SET metadata = '[]'").close(),
    ],
    ids=["no database", "malformed", "no facts", "another's", "metadata"],
)
def test_a_damaged_database_goes_to_quarantine(
    tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    made = Store(tmp_path)
    path = Path(made.made_container().place.path)
    made.close()
    damage(path)
    store = Store(tmp_path)
    with pytest.raises(DatabaseDamaged):
        store.container().facts()
    assert not path.parent.exists()
    assert (tmp_path / "sda1/quarantined/containers" / path.parent.name).is_dir()
    assert [line for line in store.log.lines if "Quarantined" in line]
    with pytest.raises(DatabaseMissing):
        store.container().facts()
    store.close()


def test_a_second_quarantine_of_one_name_finds_a_place(tmp_path: Path) -> None:
    for _ in range(2):
        store = Store(tmp_path)
        path = Path(store.made_container().place.path)
        store.close()
        path.write_bytes(b"nothing like a database, no " * 400)
        with pytest.raises(DatabaseDamaged):
            store.container().facts()
    assert len(list((tmp_path / "sda1/quarantined/containers").iterdir())) == 2


def test_a_device_that_is_not_there_is_unusable(store: Store) -> None:
    shutil.rmtree(store.root / "sda1")
    with pytest.raises(DeviceUnusable):
        store.container().facts()
    with pytest.raises(DeviceUnusable):
        store.put(store.container())


def test_a_device_that_is_not_mounted_is_unusable(tmp_path: Path) -> None:
    store = Store(tmp_path, mount_check=True)
    with pytest.raises(DeviceUnusable):
        store.put(store.container())
    assert list((tmp_path / "sda1").iterdir()) == []


def test_within_the_reserve_rows_are_refused_and_deletions_are_not(tmp_path: Path) -> None:
    roomy = Store(tmp_path)
    roomy.made_container().merge_rows([row("o", 1)])
    roomy.close()
    full = Store(tmp_path, reserve=Reserve(percent=100))
    broker = full.container()
    with pytest.raises(DeviceFull):
        broker.merge_rows([row("p")])
    with pytest.raises(DeviceFull):
        full.put(full.container("d"), name="d")
    broker.merge_rows([row("o", 2, size=0, deleted=1)], room=False)
    assert broker.facts().object_count == 0
    assert broker.delete(at(3)).facts.is_deleted
    full.close()


def test_a_device_that_fills_up_in_mid_transaction_keeps_what_was_there(store: Store) -> None:
    broker = store.made_container()
    broker.merge_rows([row("o")])

    def fill(connection: Connection) -> None:
        (pages,) = connection.sql.execute("PRAGMA page_count").fetchone()
        connection.sql.execute(f"PRAGMA max_page_count = {pages + 1}")

    store.containers.write(broker.place, Change(fill))
    with pytest.raises(DeviceFull):
        broker.merge_rows([row(f"long {n} {'x' * 900}") for n in range(100)])
    assert names(broker) == ["o"]
    assert kept(broker.place.path) == recount(broker.place.path)


def leave_pending(broker: ContainerBroker, *names: str) -> None:
    with Path(broker.place.pending_path).open("ab") as pending:
        for name in names:
            entry = (name, NOW.internal, 1, "text/plain", "e", 0, 0, None, None)
            pending.write(b":" + base64.b64encode(pickle.dumps(entry, protocol=2)))


def test_pending_rows_come_before_what_is_written_now(store: Store) -> None:
    broker = store.made_container()
    leave_pending(broker, "waiting")
    broker.merge_rows([row("o", 1)])
    assert [found.name for _, found in broker.rows_since(-1, 9)] == ["waiting", "o"]


def test_rows_left_pending_while_we_have_the_file_open_are_seen(store: Store) -> None:
    broker = store.made_container()
    for name in ("a", "b"):
        leave_pending(broker, name)
        assert name in names(broker)


def test_a_reader_does_without_pending_rows_that_it_cannot_merge(tmp_path: Path) -> None:
    made = Store(tmp_path)
    broker = made.made_container()
    broker.merge_rows([row("o")])
    leave_pending(broker, "waiting")
    made.close()
    full = Store(tmp_path, reserve=Reserve(percent=100), pending_timeout=0.01)
    with full.disk.flock(f"{broker.place.directory}/.lock", 1):
        pass
    holder = connect(broker.place.path)
    holder.execute("BEGIN IMMEDIATE")
    read = full.containers.read(
        broker.place, lambda c: c.sql.execute("SELECT name FROM object").fetchall(), timeout=0.05
    )
    holder.execute("ROLLBACK")
    holder.close()
    assert read == [("o",)]
    full.close()


def test_the_newest_epoch_of_a_container_takes_the_writes(store: Store) -> None:
    broker = store.made_container()
    store.close()
    plain = Path(broker.place.path)
    fresh = plain.with_name(f"{plain.stem}_{at(5).normal}.db")
    shutil.copy(plain, fresh)
    broker.merge_rows([row("o")])
    assert recount(fresh)[0] == {0: (1, 1)}
    assert recount(plain)[0] == {}


def test_connections_are_kept_up_to_the_limit(tmp_path: Path) -> None:
    store = Store(tmp_path, connections=4)
    for n in range(12):
        store.made_container(f"c{n}").merge_rows([row("o")])
        store.container(f"c{n}").facts()
    assert store.containers._pool.count <= 4
    open_wals = list(tmp_path.rglob("*-wal"))
    assert 0 < len(open_wals) <= 4
    store.close()


def test_closing_waits_for_who_is_still_at_it(green_store: Store, host: Host) -> None:
    broker = green_store.made_container()
    broker.merge_rows([row("o")])
    engine = green_store.containers
    at_it, go_on = threading.Event(), threading.Event()

    def work(connection: Connection) -> int:
        at_it.set()
        assert go_on.wait(20)
        return int(connection.sql.execute("SELECT count(*) FROM object").fetchone()[0])

    reading = host.tasks.spawn(partial(engine.read, broker.place, work, timeout=20.0))
    while not at_it.is_set():
        host.tasks.sleep(0)
    closing = host.tasks.spawn(engine.close)
    host.tasks.sleep(0)
    go_on.set()
    closing.wait()
    assert list(Path(broker.place.directory).glob("*-wal")) == []
    assert reading.wait() == 1
    assert names(broker) == ["o"]  # an engine that was closed may be used again


def test_the_rollback_journal_serves_as_well(tmp_path: Path) -> None:
    store = Store(tmp_path, journal_mode="delete", listing_index="swift")
    broker = store.made_container()
    broker.merge_rows([row(f"o{n}") for n in range(100)])
    sql = sqlite3.connect(broker.place.path)
    assert sql.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    sql.close()
    assert broker.facts().object_count == 100
    assert kept(broker.place.path) == recount(broker.place.path)
    store.close()


def test_a_file_of_the_other_journal_mode_is_converted(tmp_path: Path) -> None:
    for mode in ("wal", "delete", "wal"):
        store = Store(tmp_path, journal_mode=mode)
        broker = store.container()
        if not broker.exists():
            store.put(broker)
        broker.merge_rows([row(f"o-{mode}")])
        store.close()
        header = Path(broker.place.path).read_bytes()[18:20]
        assert header == (b"\x02\x02" if mode == "wal" else b"\x01\x01")
    assert names(Store(tmp_path).container()) == ["o-delete", "o-wal"]


def test_exclusive_work_finds_no_connection_of_ours(store: Store) -> None:
    broker = store.made_container()
    broker.merge_rows([row("o")])
    path = Path(broker.place.path)
    wals = store.containers.exclusively(broker.place, lambda: list(path.parent.glob("*-wal")))
    assert wals == []


def test_after_a_failed_sync_everything_is_written_again(store: Store) -> None:
    """The kernel has forgotten which pages of the WAL were dirty when their sync failed."""
    broker = store.made_container()
    broker.merge_rows([row("o")])
    wal = Path(broker.place.path + "-wal")
    assert wal.stat().st_size > 0

    def fail(connection: Connection) -> None:
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
        raise error

    with pytest.raises(DeviceUnusable):
        store.containers.write(broker.place, Change(fail))
    sizes: list[int] = []
    store.containers.write(broker.place, Change(lambda _: sizes.append(wal.stat().st_size)))
    assert sizes == [0]
    assert names(broker) == ["o"]


def test_connections_to_a_device_that_is_gone_are_closed(store: Store) -> None:
    for name in "cde":
        store.made_container(name).merge_rows([row("o")])
    assert store.containers._pool.count > 0
    (store.root / "sda1").rename(store.root / "away")
    with pytest.raises(DeviceUnusable):
        store.container().facts()
    assert store.containers._pool.count == 0


def test_connections_that_nobody_uses_are_closed_in_time() -> None:
    made = [Lease(f"/d/{number}.db", False, connection=object()) for number in range(3)]  # type: ignore[arg-type]  # never used
    pool = Pool(100)
    assert [pool.give(lease, 0.0) for lease in made[:2]] == [[], []]
    assert pool.give(made[2], 1000.0) == [made[0].connection, made[1].connection]
    assert pool.count == 1


class Later:
    """The host's clock, and as much later as the test says."""

    def __init__(self, clock: Clock) -> None:
        self.wall = clock.wall
        self._monotonic = clock.monotonic
        self.by = 0.0

    def monotonic(self) -> float:
        return self._monotonic() + self.by


def test_a_server_at_rest_holds_no_database_open(tmp_path: Path) -> None:
    """The last that were used stayed open until another was used: no device could be unmounted."""
    host = plain.make_host()
    clock = Later(host.clock)
    store = Store(tmp_path, host=replace(host, clock=clock))
    for name in "cde":
        store.made_container(name).merge_rows([row("o")])
    store.containers.tidy()
    assert databases_open(tmp_path)
    clock.by = 119.0
    store.containers.tidy()
    assert databases_open(tmp_path)
    clock.by = 121.0
    store.containers.tidy()
    assert databases_open(tmp_path) == []
    assert store.containers._pool.count == 0
    assert names(store.container("d")) == ["o"]


def databases_open(root: Path) -> list[str]:
    """What this process has open below a folder."""
    links = []
    for entry in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            links.append(os.readlink(entry))
    return [link for link in links if link.startswith(f"{root}/")]


def test_a_relaxed_change_is_synced_by_the_next_that_is_not(store: Store) -> None:
    broker = store.made_container()
    levels: list[int] = []

    def note(connection: Connection) -> None:
        levels.append(connection.sql.execute("PRAGMA synchronous").fetchone()[0])

    store.containers.write(broker.place, Change(note, relaxed=True))
    store.containers.write(broker.place, Change(note))
    assert levels == [1, 2]  # NORMAL, FULL


def test_making_a_container_twice_tells_the_second(store: Store) -> None:
    broker = store.made_container()
    with pytest.raises(DatabaseExists):
        broker.create("a", "c", NOW, 0, {}, NOW)
