"""The simulated disk loses what a real one may lose, and fails where it is told to."""

from __future__ import annotations

import errno
import os

import pytest

from swiftlite.testing.sim_disk import SimDisk
from swiftlite.testing.sim_faults import Faults, PowerCut
from swiftlite.testing.sim_nodes import PAGE_BYTES


def _disk(seed: int = 0, *, ordered: bool = False) -> SimDisk:
    disk = SimDisk(seed, ordered=ordered)
    disk.makedirs("/d")
    disk.fsync_dir("/")
    return disk


def _write(disk: SimDisk, path: str, data: bytes, *, sync: bool) -> None:
    fd = disk.open(path, os.O_WRONLY | os.O_CREAT)
    disk.write(fd, data)
    if sync:
        disk.fsync(fd)
    disk.close(fd)


def _cut(disk: SimDisk) -> None:
    disk.cut_power()
    with pytest.raises(PowerCut):
        disk.listdir("/")
    disk.power_on("everything unsynced")


def test_a_synced_file_in_a_synced_directory_stays() -> None:
    disk = _disk()
    _write(disk, "/d/f", b"body", sync=True)
    disk.setxattr("/d/f", "user.a", b"late")
    disk.fsync_dir("/d")
    _cut(disk)
    assert disk.tree() == {"/d/f": b"body"}
    assert disk.listxattr("/d/f") == []


def test_an_entry_waits_for_the_sync_of_its_directory() -> None:
    disk = _disk()
    _write(disk, "/d/f", b"body", sync=True)
    _cut(disk)
    assert disk.tree() == {}


def test_on_an_ordered_file_system_any_sync_takes_earlier_entries_along() -> None:
    disk = _disk(ordered=True)
    _write(disk, "/d/f", b"body", sync=False)
    _write(disk, "/d/g", b"body", sync=True)
    _cut(disk)
    assert disk.tree() == {"/d/f": b"", "/d/g": b"body"}


def test_data_waits_for_its_own_sync() -> None:
    disk = _disk()
    _write(disk, "/d/f", b"body", sync=False)
    disk.fsync_dir("/d")
    _cut(disk)
    assert disk.tree() == {"/d/f": b""}


def test_an_unlink_waits_as_well() -> None:
    disk = _disk()
    _write(disk, "/d/f", b"body", sync=True)
    disk.fsync_dir("/d")
    disk.unlink("/d/f")
    _cut(disk)
    assert disk.tree() == {"/d/f": b"body"}


def test_a_rename_survives_whole_or_not_at_all() -> None:
    outcomes = set()
    for seed in range(40):
        disk = _disk(seed)
        _write(disk, "/d/f", b"body", sync=True)
        disk.fsync_dir("/d")
        disk.mkdir("/e")
        disk.fsync_dir("/")
        disk.rename("/d/f", "/e/g")
        disk.cut_power()
        disk.power_on()
        outcomes.add(tuple(disk.tree()))
    assert outcomes == {("/d/f",), ("/e/g",)}


def test_a_directory_that_was_not_synced_takes_its_content_along() -> None:
    disk = _disk()
    disk.mkdir("/d/sub")
    _write(disk, "/d/sub/f", b"body", sync=True)
    disk.fsync_dir("/d/sub")
    _cut(disk)
    assert disk.listdir("/d") == []


def test_unsynced_pages_survive_one_by_one_and_may_tear() -> None:
    outcomes = set()
    for seed in range(60):
        disk = _disk(seed)
        _write(disk, "/d/f", b"o" * 2 * PAGE_BYTES, sync=True)
        disk.fsync_dir("/d")
        fd = disk.open("/d/f", os.O_WRONLY)
        disk.pwrite(fd, b"n" * 2 * PAGE_BYTES, 0)
        disk.cut_power()
        disk.power_on()
        data = disk.tree()["/d/f"]
        assert len(data) == 2 * PAGE_BYTES
        halves = (set(data[:PAGE_BYTES]), set(data[PAGE_BYTES:]))
        outcomes.add(tuple("".join(sorted(map(chr, half))) for half in halves))
    assert {("o", "o"), ("n", "o"), ("o", "n"), ("n", "n")} < outcomes
    assert any("no" in outcome for outcome in outcomes)


def test_a_failed_sync_forgets_what_was_dirty() -> None:
    disk = _disk()
    fd = disk.open("/d/f", os.O_WRONLY | os.O_CREAT)
    disk.write(fd, b"lost")
    disk.faults = Faults(fail_at=1, fail_with=errno.EIO)
    with pytest.raises(OSError, match="injected into fsync"):
        disk.fsync(fd)
    disk.fsync(fd)
    disk.fsync_dir("/d")
    _cut(disk)
    assert disk.tree() == {"/d/f": b"\0\0\0\0"} or disk.tree() == {"/d/f": b""}


def _sync_a_lock(disk: SimDisk) -> None:
    with disk.flock("/d/.lock", 1.0) as fd:
        disk.fsync(fd)


def test_locks_and_descriptors_do_not_survive() -> None:
    disk = _disk()
    disk.faults = Faults(cut_at=2)
    with pytest.raises(PowerCut):
        _sync_a_lock(disk)
    disk.power_on("nothing")
    assert disk.open_descriptors() == []
    _sync_a_lock(disk)


def test_the_nth_call_fails() -> None:
    disk = _disk()
    disk.faults = Faults(fail_at=2, fail_with=errno.ENOSPC)
    disk.listdir("/d")  # needs no room, does not count
    disk.mkdir("/d/a")
    with pytest.raises(OSError, match="injected into mkdir") as caught:
        disk.mkdir("/d/b")
    assert caught.value.errno == errno.ENOSPC
    disk.mkdir("/d/b")
    assert disk.faults.fired
    disk.faults = Faults(fail_at=1, sticky=True)
    for _ in range(3):
        with pytest.raises(OSError, match="injected"):
            disk.listdir("/d")


@pytest.mark.parametrize(("after", "names"), [(False, []), (True, ["a"])])
def test_power_goes_before_or_after_a_call(after: bool, names: list[str]) -> None:
    disk = _disk()
    disk.faults = Faults(cut_at=1, cut_after=after)
    with pytest.raises(PowerCut):
        disk.mkdir("/d/a")
    with pytest.raises(PowerCut):
        disk.mkdir("/d/b")
    disk.power_on("nothing")
    assert disk.listdir("/d") == names


def test_room_is_counted_and_given_back() -> None:
    disk = SimDisk(capacity=4 * PAGE_BYTES)
    fd = disk.open("/f", os.O_WRONLY | os.O_CREAT)
    disk.write(fd, bytes(3 * PAGE_BYTES))
    with pytest.raises(OSError, match="No space") as caught:
        disk.write(fd, bytes(2 * PAGE_BYTES))
    assert caught.value.errno == errno.ENOSPC
    assert disk.statvfs("/").f_bavail == 1
    disk.unlink("/f")
    assert disk.statvfs("/").f_bavail == 1  # still open
    disk.close(fd)
    assert disk.statvfs("/").f_bavail == 4


def test_broken_devices_mounts_and_media() -> None:
    disk = _disk()
    _write(disk, "/d/f", b"0123456789", sync=True)
    disk.mounts.add("/d")
    assert disk.is_mount("/d")
    disk.make_unreadable("/d/f", 4, 5)
    fd = disk.open("/d/f")
    assert disk.pread(fd, 4, 0) == b"0123"
    with pytest.raises(OSError, match="Input/output"):
        disk.pread(fd, 4, 1)
    disk.rot("/d/f", 0)
    assert disk.pread(fd, 1, 0) == b"\x20"
    disk.broken["/d"] = errno.EIO
    for call in (
        lambda: disk.listdir("/d"),
        lambda: disk.pread(fd, 1, 0),
        lambda: disk.is_mount("/d"),
    ):
        with pytest.raises(OSError, match="Input/output"):
            call()
    assert disk.listdir("/") == ["d"]


def test_attributes_have_room() -> None:
    disk = SimDisk(attribute_room=100)
    disk.close(disk.open("/f", os.O_WRONLY | os.O_CREAT))
    disk.setxattr("/f", "user.a", bytes(80))
    disk.setxattr("/f", "user.a", bytes(90))
    with pytest.raises(OSError, match="No space"):
        disk.setxattr("/f", "user.b", bytes(20))


def test_equal_seeds_lose_the_same() -> None:
    def survivors(seed: int) -> list[str]:
        disk = _disk(seed)
        for number in range(20):
            _write(disk, f"/d/{number}", b"x", sync=True)
        disk.cut_power()
        disk.power_on()
        return sorted(disk.tree())

    assert survivors(3) == survivors(3)
    assert len({tuple(survivors(seed)) for seed in range(5)}) > 1
