"""What replication does with a partition as a whole."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from swiftlite.formats.ondisk_names import HASHES_FILE
from swiftlite.objectstore.api import Absent, Presence, Unsettled
from swiftlite.objectstore.diskfile import OpenObject
from swiftlite.objectstore.partition import Held, Partition
from tests.objectstore.stores import HASH_PATH, NOW, Store

HASH = HASH_PATH.hex("a", "c", "o")


@pytest.fixture
def partition(store: Store) -> Partition:
    return store.manager.partition("sda1", 0, 7)


def held(partition: Partition) -> list[Held]:
    return partition.held(partition.suffixes())


def test_what_a_partition_holds(store: Store, partition: Partition) -> None:
    assert held(partition) == []
    store.put(b"x")
    store.put(b"y", obj="p")
    found = {item.hash: item.names for item in held(partition)}
    assert found == {
        HASH: (f"{NOW.internal}.data",),
        HASH_PATH.hex("a", "c", "p"): (f"{NOW.internal}.data",),
    }


def test_an_object_is_found_by_its_hash(store: Store, partition: Partition) -> None:
    assert partition.diskfile(HASH).open(NOW) == Absent(Presence.MISSING)
    store.put(b"x")
    diskfile = partition.diskfile(HASH)
    found = diskfile.open(NOW)
    assert isinstance(found, OpenObject)
    found.close()
    assert diskfile.name == "/a/c/o"
    store.diskfile().delete(NOW.plus(1))
    diskfile = partition.diskfile(HASH)
    assert diskfile.open(NOW) == Absent(Presence.DELETED, NOW.plus(1))
    assert diskfile.deleted_name() == "/a/c/o"


def test_an_object_in_the_wrong_place_is_quarantined(store: Store, partition: Partition) -> None:
    store.put(b"x")
    other = "0" * 29 + HASH[-3:]
    place = Path(store.diskfile().place.path)
    place.rename(place.with_name(other))
    assert partition.diskfile(other).open(NOW) == Absent(Presence.QUARANTINED)
    assert (store.root / "sda1/quarantined/objects" / other).is_dir()


def test_an_object_without_metadata_is_quarantined(store: Store, partition: Partition) -> None:
    store.put(b"x")
    os.removexattr(store.data_path(), "user.swift.metadata")
    assert partition.diskfile(HASH).open(NOW) == Absent(Presence.QUARANTINED)
    assert (store.root / "sda1/quarantined/objects" / HASH).is_dir()


def test_what_is_elsewhere_may_go_and_the_partition_with_it(
    store: Store, partition: Partition
) -> None:
    store.put(b"x")
    store.put(b"y", obj="p")
    store.manager.suffix_hashes("sda1", 7, 0)
    assert partition.forget(dict(held(partition))) == 2
    assert store.manager.suffix_hashes("sda1", 7, 0).hashes == {}
    assert partition.remove_if_empty()
    assert not Path(partition.path).exists()
    store.put(b"again", NOW.plus(1))
    assert len(held(partition)) == 1


@pytest.mark.parametrize("change", ["put", "post", "delete"])
def test_a_change_after_the_copying_is_never_lost(
    store: Store, partition: Partition, change: str
) -> None:
    store.put(b"x")
    shown = dict(held(partition))
    if change == "put":
        store.put(b"y", NOW.plus(1))
    elif change == "post":
        store.diskfile().write_metadata({"X-Timestamp": NOW.plus(1).internal}, NOW.plus(1))
    else:
        store.diskfile().delete(NOW.plus(1))
    store.put(b"z", obj="p")
    before = held(partition)
    assert partition.forget(shown) == 0
    assert held(partition) == before
    assert not partition.remove_if_empty()
    assert held(partition) == before


def test_letting_go_is_marked_first(store: Store, partition: Partition) -> None:
    store.put(b"x")
    store.manager.suffix_hashes("sda1", 7, 0)
    partition.forget(dict(held(partition)))
    assert (Path(partition.path) / "hashes.invalid").read_text() == f"{HASH[-3:]}\n"


def test_empty_directories_do_not_keep_a_partition(store: Store, partition: Partition) -> None:
    store.manager.suffix_hashes("sda1", 7, 0)
    Path(partition.path, "abc", "0" * 29 + "abc").mkdir(parents=True)
    assert Path(partition.path, HASHES_FILE).exists()
    assert partition.remove_if_empty()
    assert not Path(partition.path).exists()
    assert partition.remove_if_empty()


def test_a_stranger_keeps_a_partition(store: Store, partition: Partition) -> None:
    store.manager.suffix_hashes("sda1", 7, 0)
    Path(partition.path, "lost+found").mkdir()
    assert not partition.remove_if_empty()
    assert Path(partition.path, HASHES_FILE).exists()


def test_only_one_moves_a_partition(store: Store, partition: Partition) -> None:
    with partition.replicating(0.0, places=1):
        again = partition.replicating(0.0)
        with pytest.raises(Unsettled):
            again.__enter__()
        other = store.manager.partition("sda1", 0, 8).replicating(0.0, places=1)
        with pytest.raises(Unsettled):
            other.__enter__()
        with store.manager.partition("sda1", 0, 8).replicating(0.0, places=2):
            pass


def test_settling_syncs_what_was_brought(store: Store, partition: Partition) -> None:
    store.put(b"x")
    partition.settle([HASH[-3:], "fff"])
    assert len(held(partition)) == 1


def test_digests_of_many_partitions(store: Store) -> None:
    store.put(b"x")
    first = store.manager.digests("sda1", 0, [7, 8], 60.0).known
    assert list(first) == [7, 8]
    assert first[7] != first[8]
    assert store.manager.digests("sda1", 0, [7, 8], 60.0).known == first
    store.put(b"x", NOW.plus(1))
    assert store.manager.digests("sda1", 0, [7], 60.0).known[7] != first[7]


def test_a_partition_removed_by_who_held_it_is_made_anew(
    store: Store, partition: Partition, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = store.host.disk
    real = disk.flock

    def after_removal(path: str, timeout: float | None) -> AbstractContextManager[int]:
        monkeypatch.setattr(disk, "flock", real)
        assert partition.remove_if_empty()
        return real(path, timeout)

    store.put(b"x")
    partition.forget(dict(held(partition)))
    monkeypatch.setattr(disk, "flock", after_removal)
    with partition.replicating(1.0):
        assert Path(partition.path).is_dir()
