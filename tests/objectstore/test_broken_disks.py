"""Directories that cannot be listed, files that vanish, devices that give up."""

from __future__ import annotations

import dataclasses
import errno
from collections.abc import Callable

import pytest

from swiftlite.formats.block_checksums import ATTRIBUTE
from swiftlite.host.plain import make_host
from swiftlite.objectstore.api import (
    Absent,
    Damaged,
    DeviceUnavailable,
    Presence,
    StoreError,
    Superseded,
    Unsettled,
    XattrsUnsupported,
)
from swiftlite.testing.sim_clock import SimClock, SimEntropy
from swiftlite.testing.sim_disk import SimDisk
from tests.objectstore.stores import NOW, Store, describe

Fault = Callable[[str, str], int | None]
"""Called with a call's name and path: the errno that it shall fail with."""


class FaultyDisk(SimDisk):
    fault: Fault | None = None

    def listdir(self, path: str) -> list[str]:
        self._judge("listdir", path)
        return super().listdir(path)

    def open(self, path: str, flags: int = 0, mode: int = 0o666) -> int:
        self._judge("open", path)
        return super().open(path, flags, mode)

    def rename(self, old: str, new: str) -> None:
        self._judge("rename", old)
        super().rename(old, new)

    def rmdir(self, path: str) -> None:
        self._judge("rmdir", path)
        super().rmdir(path)

    def link_unnamed(self, fd: int, path: str) -> None:
        self._judge("link_unnamed", path)
        super().link_unnamed(fd, path)

    def getxattr(self, target: str | int, name: str) -> bytes:
        self._judge("getxattr", name)
        return super().getxattr(target, name)

    def setxattr(self, target: str | int, name: str, value: bytes) -> None:
        self._judge("setxattr", name)
        super().setxattr(target, name, value)

    def is_mount(self, path: str) -> bool:
        self._judge("is_mount", path)
        return super().is_mount(path)

    def _judge(self, call: str, path: str) -> None:
        code = self.fault(call, path) if self.fault else None
        if code is not None:
            raise OSError(code, f"injected into {call}", path)


@pytest.fixture
def disk() -> FaultyDisk:
    clock = SimClock()
    disk = FaultyDisk(1, clock=clock, pause=clock.advance)
    disk.makedirs("/srv/sda1")
    return disk


@pytest.fixture
def store(disk: FaultyDisk) -> Store:
    host = dataclasses.replace(make_host(), disk=disk, clock=disk.clock, entropy=SimEntropy(1))
    return Store("/srv", host=host)


def only(call: str, part: str, code: int, times: int = 1 << 30) -> Fault:
    """Fail calls of one name whose path holds a part."""
    left = [times]

    def fault(name: str, path: str) -> int | None:
        if name != call or part not in path or not left[0]:
            return None
        left[0] -= 1
        return code

    return fault


def presence(store: Store) -> Presence:
    found = store.diskfile().open(NOW)
    assert isinstance(found, Absent)
    return found.presence


@pytest.mark.parametrize("code", [errno.ENODATA, errno.EUCLEAN])
def test_a_hash_dir_that_cannot_be_listed_is_set_aside(
    store: Store, disk: FaultyDisk, code: int
) -> None:
    store.put(b"x")
    place = store.diskfile().place
    disk.fault = only("listdir", place.path, code)
    assert presence(store) is Presence.QUARANTINED
    disk.fault = None
    assert any("/quarantined/" in path for path in disk.tree("/srv"))
    assert presence(store) is Presence.MISSING


def test_a_suffix_that_is_broken_itself_is_set_aside_whole(store: Store, disk: FaultyDisk) -> None:
    store.put(b"x")
    place = store.diskfile().place
    faults = (
        only("listdir", place.path, errno.EUCLEAN),
        only("rename", place.path, errno.EUCLEAN),
    )

    def fault(call: str, path: str) -> int | None:
        return faults[0](call, path) or faults[1](call, path)

    disk.fault = fault
    assert presence(store) is Presence.QUARANTINED
    disk.fault = None
    assert disk.listdir(place.quarantine_path) == [place.suffix]


def test_what_cannot_even_be_set_aside_makes_the_device_unavailable(
    store: Store, disk: FaultyDisk
) -> None:
    store.put(b"x")
    place = store.diskfile().place

    def fault(call: str, path: str) -> int | None:
        return {"listdir": errno.EUCLEAN, "rename": errno.EROFS}.get(call)

    disk.fault = fault
    with pytest.raises(DeviceUnavailable):
        store.diskfile().open(NOW)
    assert any(f"Cannot quarantine {place.path}" in line for line in store.log.lines)


def test_a_hash_dir_that_answers_with_an_io_error_is_the_devices_fault(
    store: Store, disk: FaultyDisk
) -> None:
    store.put(b"x")
    disk.fault = only("listdir", store.diskfile().place.path, errno.EIO)
    with pytest.raises(DeviceUnavailable):
        store.diskfile().open(NOW)


def test_a_file_that_vanishes_between_listing_and_opening_is_looked_for_again(
    store: Store, disk: FaultyDisk
) -> None:
    store.put(b"x")
    disk.fault = only("open", ".data", errno.ENOENT, times=2)
    found = store.open()
    assert found.size == 1
    found.close()


def test_files_that_keep_vanishing_are_not_taken_for_absent(store: Store, disk: FaultyDisk) -> None:
    store.put(b"x")
    disk.fault = only("open", ".data", errno.ENOENT)
    with pytest.raises(Unsettled):
        store.diskfile().open(NOW)


def test_metadata_that_cannot_be_read_quarantines(store: Store, disk: FaultyDisk) -> None:
    store.put(b"x")
    disk.fault = only("getxattr", "user.swift.metadata", errno.EIO, times=1)
    assert presence(store) is Presence.QUARANTINED


def test_block_checksums_that_cannot_be_read(store: Store, disk: FaultyDisk) -> None:
    store.put(b"x" * 100_000)
    disk.fault = only("getxattr", ATTRIBUTE, errno.EIO)
    found = store.open()
    with pytest.raises(DeviceUnavailable):
        found.body(whole=True)
    assert disk.open_descriptors() == []


def test_a_small_body_on_unreadable_sectors_quarantines(store: Store, disk: FaultyDisk) -> None:
    store.put(b"hello")
    disk.make_unreadable(f"{store.diskfile().place.path}/{NOW.internal}.data", 0, 1)
    found = store.diskfile().open(NOW, with_content=True)
    assert isinstance(found, Absent)
    assert found.presence is Presence.QUARANTINED


def test_a_file_system_without_attributes(store: Store, disk: FaultyDisk) -> None:
    store.put(b"x")
    disk.fault = only("getxattr", "user.", errno.EOPNOTSUPP)
    with pytest.raises(XattrsUnsupported):
        store.diskfile().open(NOW)
    disk.fault = only("setxattr", "user.", errno.EOPNOTSUPP)
    with pytest.raises(XattrsUnsupported):
        store.put(b"y", NOW.plus(1))
    disk.fault = None
    assert store.read() == b"x"


def test_a_device_whose_mount_cannot_be_asked_about(disk: FaultyDisk, store: Store) -> None:
    checked = Store("/srv", host=store.host, mount_check=True)
    disk.mounts.add("/srv/sda1")
    checked.put(b"x")
    disk.fault = only("is_mount", "", errno.EIO)
    with pytest.raises(DeviceUnavailable):
        checked.diskfile()


def test_a_lock_that_is_held_too_long(store: Store, disk: FaultyDisk) -> None:
    store.put(b"x")
    with (
        disk.flock(f"{store.diskfile().place.partition_path}/.lock", None),
        pytest.raises(Unsettled),
    ):
        store.put(b"y", NOW.plus(1))
    assert store.read() == b"x"
    assert store.files() == [f"{NOW.internal}.data"]


def test_a_failure_never_takes_away_what_was_there(store: Store, disk: FaultyDisk) -> None:
    """The same moment again, and a lock that is held: the stored file has the name to be undone."""
    store.put(b"x")
    with (
        disk.flock(f"{store.diskfile().place.partition_path}/.lock", None),
        pytest.raises(StoreError),
    ):
        store.put(b"x")
    assert store.read() == b"x"


def test_rsync_may_bring_the_same_file_in_the_same_moment(store: Store, disk: FaultyDisk) -> None:
    disk.fault = only("link_unnamed", ".data", errno.EEXIST)
    with pytest.raises(Superseded) as caught:
        store.put(b"x")
    assert caught.value.timestamp == NOW


def test_a_hash_dir_that_vanishes_before_each_link(store: Store, disk: FaultyDisk) -> None:
    disk.fault = only("link_unnamed", ".data", errno.ENOENT, times=3)
    store.put(b"x")
    assert store.read() == b"x"
    disk.fault = only("link_unnamed", ".data", errno.ENOENT)
    with pytest.raises(Unsettled):
        store.put(b"y", NOW.plus(1))
    disk.fault = None
    assert store.read() == b"x"


def test_a_partition_that_was_removed_while_the_body_came_in(
    store: Store, disk: FaultyDisk
) -> None:
    diskfile = store.diskfile()
    writer = diskfile.writer(None)
    writer.write(memoryview(b"ab"))
    disk.rmdir(diskfile.place.partition_path)
    store.diskfile()

    writer.finish(memoryview(b"c"), NOW, describe(diskfile, NOW))
    writer.close()
    assert store.read() == b"abc"


def test_a_suffix_that_cannot_be_hashed_does_not_keep_the_others_from_it(
    store: Store, disk: FaultyDisk
) -> None:
    store.put(b"x")
    store.put(b"x", obj="other")
    first = store.manager.suffix_hashes("sda1", 7, 0).hashes
    bad = store.diskfile().place.suffix
    disk.fault = only("listdir", f"/7/{bad}", errno.EIO)
    partial = store.manager.suffix_hashes("sda1", 7, 0, recalculate=list(first)).hashes
    assert partial == {**first, bad: None}
    assert any("Cannot hash" in line for line in store.log.lines)
    disk.fault = None
    assert store.manager.suffix_hashes("sda1", 7, 0).hashes == first


def test_a_hash_dir_that_cannot_be_removed_is_an_error_of_its_suffix(
    store: Store, disk: FaultyDisk
) -> None:
    store.put(b"x")
    place = store.diskfile().place
    disk.unlink(f"{place.path}/{NOW.internal}.data")
    disk.fault = only("rmdir", place.suffix, errno.EIO)
    assert store.manager.suffix_hashes("sda1", 7, 0).hashes == {place.suffix: None}
    disk.fault = None
    assert store.manager.suffix_hashes("sda1", 7, 0).hashes == {}


def test_a_read_that_fails_for_another_reason_is_not_damage(store: Store, disk: FaultyDisk) -> None:
    store.put(b"x" * 2_000_000)
    body = store.open().body(whole=True)
    disk.broken["/srv"] = errno.ENXIO
    with pytest.raises(DeviceUnavailable):
        body.prepare(0, body.length)
    disk.broken.clear()
    disk.rot(f"{store.diskfile().place.path}/{NOW.internal}.data", 0)
    with pytest.raises(Damaged):
        body.prepare(0, body.length)
    body.close()
