"""A database is made whole and durable, or not at all, whatever fails and whenever power goes."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import suppress

import pytest

from swiftlite.dbstore import removal
from swiftlite.dbstore.container import Outcome
from swiftlite.dbstore.create import Fill, create_database, database_image, sync_upwards
from swiftlite.dbstore.errors import DatabaseError, DatabaseExists, DeviceUnusable
from swiftlite.dbstore.places import Place
from swiftlite.dbstore.quarantine import quarantine
from swiftlite.dbstore.temporary import temporary_directory
from swiftlite.formats.db_schema import container
from swiftlite.testing.sim_disk import SimDisk
from swiftlite.testing.sim_faults import Faults, PowerCut
from swiftlite.testing.sim_nodes import Losing
from tests.dbstore.stores import Store, row

DEVICE = "/srv/sda1"
DIGEST = "e8fbcd486a77117e2cd3398aa1f9485f"
DIRECTORY = f"{DEVICE}/containers/7/85f/{DIGEST}"
PATH = f"{DIRECTORY}/{DIGEST}.db"
SCHEMA = container.schema(wide_index=True)
CALLS_MAX = 100


def fill(sql: sqlite3.Connection) -> None:
    sql.execute("INSERT INTO container_info (account, container) VALUES ('a', 'c')")


def create(disk: SimDisk) -> None:
    create_database(disk, PATH, SCHEMA, fill, journal="wal", device_path=DEVICE, lock_timeout=1.0)


def fresh_disk(seed: int, *, ordered: bool) -> SimDisk:
    disk = SimDisk(seed, ordered=ordered)
    disk.makedirs(DEVICE)
    disk.cut_power()
    disk.power_on("nothing")
    return disk


def is_there(disk: SimDisk) -> bool:
    """Whether the database is there, and then it is whole."""
    if not disk.exists(PATH):
        return False
    assert disk.tree(DEVICE)[PATH] == database_image(SCHEMA, fill, "wal")
    return True


def tries() -> Iterator[int]:
    yield from range(1, CALLS_MAX)
    raise AssertionError(f"more than {CALLS_MAX} calls")


@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC])
def test_each_call_fails_in_turn(code: int) -> None:
    for number in tries():
        disk = fresh_disk(number, ordered=False)
        disk.faults = Faults(fail_at=number, fail_with=code)
        acknowledged = True
        try:
            create(disk)
        except DatabaseError:
            acknowledged = False
        faults, disk.faults = disk.faults, Faults()
        assert is_there(disk) or not acknowledged, faults.calls[-1]
        assert disk.open_descriptors() == []
        if not faults.fired:
            break


@pytest.mark.parametrize("losing", ["everything unsynced", "some of it", "nothing"])
@pytest.mark.parametrize("ordered", [True, False])
def test_power_goes_at_each_call(ordered: bool, losing: Losing) -> None:
    for number in tries():
        for seed in range(4 if losing == "some of it" else 1):
            disk = fresh_disk(seed, ordered=ordered)
            disk.faults = Faults(cut_at=number, cut_after=bool(seed % 2))
            acknowledged = True
            try:
                create(disk)
            except PowerCut:
                acknowledged = False
            faults = disk.faults
            disk.cut_power()
            disk.power_on(losing)
            assert is_there(disk) or not acknowledged, f"seed {seed}, {faults.calls[-1]}"
        if not faults.fired:
            break


@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC])
def test_who_finds_a_half_made_database_makes_it_durable(code: int) -> None:
    """As the engine does before it first writes to a file that it did not make itself."""
    for number in tries():
        disk = fresh_disk(number, ordered=True)
        disk.faults = Faults(fail_at=number, fail_with=code)
        with suppress(DatabaseError):
            create(disk)
        faults, disk.faults = disk.faults, Faults()
        with suppress(DatabaseExists):
            create(disk)
        sync_upwards(disk, DIRECTORY, DEVICE)
        disk.cut_power()
        disk.power_on("everything unsynced")
        assert is_there(disk), faults.calls[-1]
        if not faults.fired:
            break


@pytest.mark.parametrize("call", ["flock", "open_unnamed", "link_unnamed", "fsync_dir"])
def test_a_directory_that_is_removed_meanwhile_is_made_again(
    call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A replicator removes a handoff's database just when the container is made again."""
    disk = fresh_disk(0, ordered=True)
    as_ever = getattr(disk, call)
    removed: list[str] = []

    def removing(*given: object) -> object:
        if not removed:
            removed.append(call)
            disk.rename(DIRECTORY, f"{DEVICE}/away")
        return as_ever(*given)

    monkeypatch.setattr(disk, call, removing)
    create(disk)
    assert is_there(disk)
    assert disk.open_descriptors() == []


@pytest.mark.parametrize("call", ["mkdir", "flock", "open_unnamed", "link_unnamed", "fsync_dir"])
def test_a_device_that_goes_meanwhile_is_not_made_anew(
    call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = fresh_disk(0, ordered=True)
    as_ever = getattr(disk, call)

    def unmounting(*given: object) -> object:
        if disk.exists(DEVICE):
            disk.rename(DEVICE, "/srv/elsewhere")
        return as_ever(*given)

    monkeypatch.setattr(disk, call, unmounting)
    with pytest.raises(DeviceUnusable):
        create(disk)
    assert not disk.exists(DEVICE)
    assert disk.open_descriptors() == []


def test_what_is_set_aside_or_on_its_way_does_not_make_a_device_anew() -> None:
    disk = SimDisk(0)
    disk.makedirs("/srv")
    with pytest.raises(DeviceUnusable):
        temporary_directory(disk, DEVICE)
    with pytest.raises(DeviceUnusable):
        quarantine(disk, DIRECTORY, "container", DEVICE, "token")
    assert not disk.exists(DEVICE)


def test_a_directory_that_goes_again_and_again_is_the_devices_fault(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    disk = fresh_disk(0, ordered=True)
    monkeypatch.setattr(disk, "mkdir", lambda *_: None)
    with pytest.raises(DeviceUnusable):
        create(disk)


def test_a_container_that_is_removed_while_it_is_made_is_made_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker = store.container()
    create_it = store.containers.create
    made: list[str] = []

    def create_and_remove(place: Place, fill: Fill) -> None:
        create_it(place, fill)
        made.append(place.path)
        if len(made) == 1:
            assert removal.remove_database(store.container(), lambda _: True)

    monkeypatch.setattr(store.containers, "create", create_and_remove)
    assert store.put(broker).outcome is Outcome.CREATED
    assert len(made) == 2


def test_an_existing_database_is_left_alone() -> None:
    disk = fresh_disk(0, ordered=True)
    create(disk)
    with pytest.raises(DatabaseExists):
        create(disk)
    assert is_there(disk)


@pytest.mark.parametrize(("journal", "version"), [("wal", b"\x02\x02"), ("delete", b"\x01\x01")])
def test_the_header_names_the_journal(journal: str, version: bytes) -> None:
    image = database_image(SCHEMA, fill, journal)  # type: ignore[arg-type]  # one of the two
    assert image[:16] == b"SQLite format 3\x00"
    assert image[18:20] == version


def test_the_engine_syncs_the_way_to_a_database_that_others_made(store: Store) -> None:
    store.made_container()
    store.close()
    synced: list[str] = []
    other = Store(store.root)
    plain = other.disk.fsync_dir

    class Noting:
        def __getattr__(self, name: str) -> object:
            return getattr(other.host.disk, name)

        def fsync_dir(self, path: str) -> None:
            synced.append(path)
            plain(path)

    noting = Store(store.root, disk=Noting())  # type: ignore[arg-type]  # a Disk by delegation
    broker = noting.container()
    broker.merge_rows([row("o")])
    assert synced[0] == broker.place.directory
    assert synced[-1] == broker.place.device_path
    assert len(synced) == 5
    broker.merge_rows([row("p")])
    assert len(synced) == 5
    noting.close()


def test_a_device_that_goes_while_the_way_to_a_database_is_synced_is_unusable(
    store: Store,
) -> None:
    """Chaos, seed 12: a device was unmounted between a replicator's open and its sync."""
    store.made_container()
    store.close()
    plain = Store(store.root).host.disk

    class Going:
        gone = False

        def __getattr__(self, name: str) -> object:
            return getattr(plain, name)

        def fsync_dir(self, path: str) -> None:
            self.gone = True
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", path)

        def exists(self, path: str) -> bool:
            return not self.gone and plain.exists(path)

        def is_mount(self, path: str) -> bool:
            return self.exists(path)

    going = Store(store.root, disk=Going())  # type: ignore[arg-type]  # a Disk by delegation
    with pytest.raises(DeviceUnusable):
        going.container().merge_rows([row("o")])
    going.close()
