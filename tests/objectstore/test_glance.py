"""What a glance takes for sound, and what it leaves to a closer look."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from swiftlite.objectstore.attributes import read_metadata, write_metadata
from swiftlite.objectstore.glance import Glancer, Glimpse
from swiftlite.objectstore.hash_dir import HashDir
from tests.objectstore.stores import HASH_PATH, NOW, Store


def place_of(store: Store, obj: str) -> HashDir:
    return store.diskfile(obj).place


def glance(store: Store, at_once: int = 32) -> list[Glimpse]:
    disk = store.manager.context.host.disk
    path = place_of(store, "o").partition_path
    suffixes = sorted(name for name in os.listdir(path) if len(name) == 3)
    return list(Glancer(disk, HASH_PATH, at_once).glance(path, suffixes))


def test_objects_as_they_should_be_are_counted(store: Store) -> None:
    for number in range(70):
        store.put(b"x" * number, NOW, f"o{number}")
    assert [glimpse.doubtful for glimpse in glance(store)] == [[], [], []]
    assert sum(glimpse.sound for glimpse in glance(store)) == 70


def test_a_glimpse_ends_with_the_suffix_that_fills_it(store: Store) -> None:
    for number in range(10):
        store.put(b"x", NOW, f"o{number}")
    places = {place_of(store, f"o{number}").suffix for number in range(10)}
    assert len(glance(store, at_once=1)) == len(places)
    assert len(glance(store, at_once=10)) == 1


@pytest.mark.parametrize("form", ["msgpack", "swift"])
def test_metadata_of_either_form(store: Store, form: str) -> None:
    store.put(b"x", NOW, "o")
    disk = store.manager.context.host.disk
    (data,) = Path(place_of(store, "o").path).glob("*.data")
    metadata = read_metadata(disk, str(data))
    fd = os.open(data, os.O_RDWR)
    write_metadata(disk, fd, metadata, form)
    os.close(fd)
    assert glance(store) == [Glimpse(1, [])]


def test_what_is_unusual_is_doubtful(store: Store) -> None:
    store.put(b"x", NOW, "sound")
    store.put(b"x", NOW, "posted")
    store.diskfile("posted").write_metadata({"X-Timestamp": NOW.plus(1).internal}, NOW.plus(1))
    store.put(b"x", NOW, "deleted")
    store.diskfile("deleted").delete(NOW.plus(1))
    store.put(b"x", NOW, "expiring", X_Delete_At="99999999999")
    os.makedirs(place_of(store, "empty").path)
    os.makedirs(place_of(store, "a file").suffix_path)
    Path(place_of(store, "a file").path).write_bytes(b"")
    unusual = ("posted", "deleted", "expiring", "empty", "a file")
    places = [place_of(store, obj) for obj in unusual]
    found = glance(store)
    assert sum(glimpse.sound for glimpse in found) == 1
    doubtful = [pair for glimpse in found for pair in glimpse.doubtful]
    assert sorted(doubtful) == sorted((place.suffix, place.hash) for place in places)


def test_a_suffix_that_is_no_directory_is_doubtful_as_a_whole(store: Store) -> None:
    store.put(b"x", NOW, "o")
    suffix = "000" if place_of(store, "o").suffix != "000" else "001"
    Path(f"{place_of(store, 'o').partition_path}/{suffix}").write_bytes(b"")
    (found,) = glance(store)
    assert (found.sound, found.doubtful) == (1, [(suffix, None)])


def test_access_times_stay_as_they_are(store: Store) -> None:
    store.put(b"x", NOW, "o")
    place = place_of(store, "o")
    long_ago = 1_000_000_000
    for path in (place.partition_path, place.suffix_path, place.path):
        os.utime(path, (long_ago, long_ago + 10))  # older than the change: relatime would note it
    assert glance(store) == [Glimpse(1, [])]
    for path in (place.suffix_path, place.path):
        assert os.stat(path).st_atime == long_ago
