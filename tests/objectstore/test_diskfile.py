"""One object through its life, on the real file system."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from swiftlite.config.units import Reserve
from swiftlite.formats.metadata import ATTRIBUTE
from swiftlite.objectstore.api import (
    Absent,
    Collision,
    DeviceUnavailable,
    Metadata,
    NoSpace,
    Presence,
    Superseded,
    Written,
)
from swiftlite.objectstore.hash_dir import HashDir
from swiftlite.objectstore.quarantine import Blamed, set_aside
from tests.objectstore.stores import HASH_PATH, NOW, Store, describe, every_name


def absence(store: Store, **how: object) -> Absent:
    found = store.diskfile().open(NOW, **how)  # type: ignore[arg-type]
    assert isinstance(found, Absent)
    return found


def test_what_was_put_is_read_back(store: Store) -> None:
    put = store.put(b"hello", X_Object_Meta_Color="blue")
    found = store.open(with_content=True)
    assert found.content == b"hello"
    assert found.metadata == put
    assert found.metadata["X-Object-Meta-Color"] == "blue"
    assert found.timestamp == found.data_timestamp == found.content_type_timestamp == NOW
    found.close()


@pytest.mark.parametrize("form", ["msgpack", "swift"])
@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 65_537, (1 << 20) + 1, 3 << 20])
def test_any_size_in_either_metadata_format(tmp_path: Path, form: str, size: int) -> None:
    store = Store(tmp_path, metadata_format=form)
    body = os.urandom(size)
    store.put(body, X_Object_Meta_Name="ünï ☃")
    assert store.read() == body
    assert store.open().metadata["X-Object-Meta-Name"] == "ünï ☃"


def test_paths_are_swifts(store: Store) -> None:
    store.put(b"x")
    name_hash = HASH_PATH.hex("a", "c", "o")
    expected = f"sda1/objects/7/{name_hash[-3:]}/{name_hash}/{NOW.internal}.data"
    assert expected in set(every_name(store.root))


def test_policies_have_their_own_directories() -> None:
    assert HashDir("/srv", "d", 0, 5, "0" * 32).objects_path == "/srv/d/objects"
    assert HashDir("/srv", "d", 2, 5, "0" * 32).objects_path == "/srv/d/objects-2"
    assert HashDir("/srv", "d", 2, 5, "0" * 32).tmp_path == "/srv/d/tmp-2"


def test_a_newer_put_replaces_and_leaves_one_file(store: Store) -> None:
    store.put(b"old")
    store.put(b"newer", NOW.plus(1))
    assert store.read() == b"newer"
    assert store.files() == [f"{NOW.plus(1).internal}.data"]


@pytest.mark.parametrize("older_by", [0, 1])
def test_an_equal_or_older_put_is_refused_and_writes_nothing(store: Store, older_by: int) -> None:
    store.put(b"stored")
    with pytest.raises(Superseded) as caught:
        store.put(b"late", NOW.plus(-older_by))
    assert caught.value.timestamp == NOW
    assert store.read() == b"stored"
    assert store.files() == [f"{NOW.internal}.data"]


def test_a_delete_leaves_a_tombstone_only(store: Store) -> None:
    store.put(b"x")
    store.diskfile().delete(NOW.plus(1))
    assert absence(store) == Absent(Presence.DELETED, NOW.plus(1))
    assert store.files() == [f"{NOW.plus(1).internal}.ts"]


def test_a_put_over_a_newer_tombstone_is_refused(store: Store) -> None:
    store.diskfile().delete(NOW.plus(1))
    with pytest.raises(Superseded) as caught:
        store.put(b"x")
    assert caught.value.timestamp == NOW.plus(1)


def test_a_failed_put_leaves_nothing(store: Store) -> None:
    writer = store.diskfile().writer(10)
    writer.write(memoryview(b"half"))
    writer.close()
    writer.close()
    names = set(every_name(store.root / "sda1"))
    assert names == set()
    assert store.files() == []


def test_what_describe_raises_ends_the_write(store: Store) -> None:
    class Mismatch(Exception):
        pass

    def refuse(_: object) -> dict[str, str]:
        raise Mismatch

    writer = store.diskfile().writer(1)
    with pytest.raises(Mismatch):
        writer.finish(memoryview(b"x"), NOW, refuse)
    writer.close()
    assert store.files() == []


def test_a_post_replaces_user_metadata_and_keeps_the_puts_own(store: Store) -> None:
    store.put(
        b"x", X_Object_Meta_A="1", X_Object_Sysmeta_B="2", X_Static_Large_Object="True",
        Cache_Control="never",
    )  # fmt: skip
    store.diskfile().write_metadata(
        {"X-Timestamp": NOW.plus(5).internal, "X-Object-Meta-C": "3"}, NOW.plus(5)
    )
    found = store.open()
    assert "X-Object-Meta-A" not in found.metadata
    assert "Cache-Control" not in found.metadata
    assert found.metadata["X-Object-Meta-C"] == "3"
    assert found.metadata["X-Object-Sysmeta-B"] == "2"
    assert found.metadata["X-Static-Large-Object"] == "True"
    assert found.metadata["Content-Type"] == "text/plain"
    assert found.metadata["X-Timestamp"] == NOW.plus(5).internal
    assert (found.timestamp, found.data_timestamp) == (NOW.plus(5), NOW)
    assert found.meta_metadata is not None
    found.close()


def test_a_posted_content_type_survives_later_posts_without_one(store: Store) -> None:
    store.put(b"x")
    store.diskfile().write_metadata(
        {
            "X-Timestamp": NOW.plus(1).internal,
            "Content-Type": "text/html",
            "Content-Type-Timestamp": NOW.plus(1).internal,
        },
        NOW.plus(1),
    )
    store.diskfile().write_metadata({"X-Timestamp": NOW.plus(2).internal}, NOW.plus(2))
    assert len(store.files()) == 3
    found = store.open()
    assert found.metadata["Content-Type"] == "text/html"
    assert found.content_type_timestamp == NOW.plus(1)
    assert found.timestamp == NOW.plus(2)
    found.close()


def test_an_expired_object_is_absent_unless_asked_for(store: Store) -> None:
    store.put(b"x", X_Delete_At=str(int(NOW.seconds)))
    found = absence(store)
    assert (found.presence, found.timestamp) == (Presence.EXPIRED, NOW)
    assert found.metadata is not None
    store.open(open_expired=True).close()
    earlier = store.open(now=NOW.plus(-100_000))
    assert earlier.size == 1
    earlier.close()


def test_an_object_that_expires_later_is_there(store: Store) -> None:
    store.put(b"x", X_Delete_At=str(int(NOW.seconds) + 1))
    reader = store.open()
    assert reader.metadata["X-Delete-At"] == str(int(NOW.seconds) + 1)
    reader.close()


def test_another_name_with_the_same_hash_is_a_collision(store: Store) -> None:
    store.put(b"x")
    diskfile = store.diskfile()
    diskfile.name = "/a/c/other"
    with pytest.raises(Collision) as caught:
        diskfile.open(NOW)
    assert (caught.value.stored, caught.value.asked) == ("/a/c/o", "/a/c/other")
    assert store.read() == b"x"


def test_an_unmounted_device_is_unavailable(tmp_path: Path) -> None:
    store = Store(tmp_path, mount_check=True)
    with pytest.raises(DeviceUnavailable):
        store.diskfile()
    gone = Store(tmp_path)
    os.rmdir(tmp_path / "sda1")
    with pytest.raises(DeviceUnavailable):
        gone.diskfile()


def test_a_device_that_vanishes_while_a_body_comes_in_is_not_made_again(store: Store) -> None:
    diskfile = store.diskfile()
    os.rmdir(store.root / "sda1")
    with pytest.raises(DeviceUnavailable):
        diskfile.writer(1).write(memoryview(b"x"))
    with pytest.raises(DeviceUnavailable):
        diskfile.delete(NOW)
    assert os.listdir(store.root) == []


def test_the_reserve_refuses_data_but_not_tombstones(tmp_path: Path) -> None:
    Store(tmp_path).put(b"x")
    full = Store(tmp_path, fallocate_reserve=Reserve(percent=100))
    with pytest.raises(NoSpace):
        full.put(b"y", NOW.plus(1))
    full.diskfile().write_metadata({"X-Timestamp": NOW.plus(1).internal}, NOW.plus(1))
    full.diskfile().delete(NOW.plus(2))
    assert full.files() == [f"{NOW.plus(2).internal}.ts"]


def test_a_body_larger_than_what_is_free_is_refused_at_once(store: Store) -> None:
    writer = store.diskfile().writer(1 << 60)
    with pytest.raises(NoSpace):
        writer.write(memoryview(b"x"))
    writer.close()


def test_directories_named_like_the_hash_dir_stay_usable_after_removal(store: Store) -> None:
    """A hash pass removes an empty hash dir between the making and the link."""
    store.put(b"x")
    store.data_path().unlink()
    os.rmdir(store.diskfile().place.path)
    store.put(b"y", NOW.plus(1))
    assert store.read() == b"y"


# Damage


def expect_quarantine(store: Store) -> None:
    assert absence(store).presence is Presence.QUARANTINED
    assert store.quarantined() == [HASH_PATH.hex("a", "c", "o")]
    assert absence(store).presence is Presence.MISSING
    assert any("Quarantined" in line for line in store.log.lines)
    assert store.counted == ["quarantines"]


def test_no_metadata_quarantines(store: Store) -> None:
    store.put(b"x")
    os.removexattr(store.data_path(), ATTRIBUTE)
    expect_quarantine(store)


@pytest.mark.parametrize("form", ["msgpack", "swift"])
def test_a_bit_flipped_in_the_metadata_quarantines(tmp_path: Path, form: str) -> None:
    store = Store(tmp_path, metadata_format=form)
    store.put(b"x")
    path = store.data_path()
    blob = bytearray(os.getxattr(path, ATTRIBUTE))
    blob[-20] ^= 0x01
    os.setxattr(path, ATTRIBUTE, bytes(blob))
    expect_quarantine(store)


@pytest.mark.parametrize("size", [0, 4, 6])
def test_a_wrong_size_quarantines(store: Store, size: int) -> None:
    store.put(b"12345")
    os.truncate(store.data_path(), size)
    expect_quarantine(store)


def test_a_bad_delete_at_quarantines(store: Store) -> None:
    store.put(b"x", X_Delete_At="tomorrow")
    expect_quarantine(store)


def test_a_file_in_place_of_the_hash_dir_is_set_aside(store: Store) -> None:
    place = store.diskfile().place
    os.makedirs(place.suffix_path)
    Path(place.path).write_bytes(b"")
    expect_quarantine(store)


def test_a_second_quarantine_of_one_name_gets_a_tail(store: Store) -> None:
    for moment in range(2):
        store.put(b"x", NOW.plus(moment))
        os.removexattr(store.data_path(), ATTRIBUTE)
        assert absence(store).presence is Presence.QUARANTINED
    first, second = store.quarantined()
    assert first == HASH_PATH.hex("a", "c", "o")
    assert second.startswith(f"{first}-")


def test_an_object_can_be_put_again_after_its_quarantine(store: Store) -> None:
    store.put(b"x")
    os.truncate(store.data_path(), 0)
    assert absence(store).presence is Presence.QUARANTINED
    store.put(b"x")
    assert store.read() == b"x"


def test_damage_found_in_a_file_that_is_gone_by_now_spares_the_newer_one(store: Store) -> None:
    store.put(b"12345")
    found = store.open()
    store.put(b"other", NOW.plus(1))
    assert not set_aside(
        store.manager.context, found.diskfile.place, Blamed(found.data.name), "rotten"
    )
    assert store.read() == b"other"
    found.close()


def test_damage_found_in_a_file_spares_a_good_one_that_came_in_its_place(store: Store) -> None:
    """A reader had it quarantined, and replication brought another under the same name."""
    store.put(b"12345")
    found = store.open()
    inode = store.data_path().stat().st_ino
    os.truncate(store.data_path(), 0)
    assert absence(store).presence is Presence.QUARANTINED
    store.put(b"12345")
    place, blamed = found.diskfile.place, Blamed(found.data.name, inode)
    assert not set_aside(store.manager.context, place, blamed, "rotten")
    assert store.read() == b"12345"
    found.close()


def test_damage_of_a_file_that_a_newer_write_is_about_to_remove_spares_that_write(
    store: Store,
) -> None:
    """A tombstone is there once it is linked; what it has made obsolete goes a moment later."""
    store.put(b"12345")
    found = store.open()
    old = store.data_path().read_bytes()
    attributes = {
        name: os.getxattr(store.data_path(), name) for name in os.listxattr(store.data_path())
    }
    path = store.data_path()
    store.diskfile().delete(NOW.plus(1))
    path.write_bytes(old)
    for name, value in attributes.items():
        os.setxattr(path, name, value)
    assert not set_aside(store.manager.context, found.diskfile.place, Blamed(path.name), "rotten")
    assert store.quarantined() == []
    assert absence(store).presence is Presence.DELETED
    found.close()


def test_describe_is_given_size_and_md5(store: Store) -> None:
    seen: list[Written] = []
    diskfile = store.diskfile()
    writer = diskfile.writer(None)
    writer.write(memoryview(b"ab"))

    def look(written: Written) -> Metadata:
        seen.append(written)
        return describe(diskfile, NOW)(written)

    writer.finish(memoryview(b"c"), NOW, look)
    writer.close()
    assert seen == [(3, "900150983cd24fb0d6963f7d28e17f72")]
