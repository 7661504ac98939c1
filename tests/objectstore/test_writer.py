"""What the writer asks of the disk, and what it does where the disk cannot."""

from __future__ import annotations

import dataclasses
import errno
from pathlib import Path
from typing import Any

import pytest

from swiftlite.config.units import Reserve
from swiftlite.formats.async_pending import AsyncPending
from swiftlite.host.plain import make_host
from swiftlite.objectstore.api import NoSpace
from swiftlite.testing.sim_clock import SimClock, SimEntropy
from swiftlite.testing.sim_disk import SimDisk
from tests.objectstore.stores import NOW, Store, describe

MIB = 1 << 20


class NamedDisk(SimDisk):
    """A file system without O_TMPFILE."""

    code = errno.EOPNOTSUPP

    def open_unnamed(self, directory: str, mode: int = 0o666) -> int:
        raise OSError(self.code, "no O_TMPFILE here", directory)


def store_on(disk: SimDisk, clock: SimClock, **options: Any) -> Store:  # noqa: ANN401  # settings
    disk.makedirs("/srv/sda1")
    host = dataclasses.replace(make_host(), disk=disk, clock=clock, entropy=SimEntropy(1))
    return Store("/srv", host=host, **options)


@pytest.mark.parametrize("code", [errno.EOPNOTSUPP, errno.EISDIR])
def test_without_unnamed_files_a_named_one_is_used_and_goes(code: int) -> None:
    clock = SimClock()
    disk = NamedDisk(1, clock=clock)
    disk.code = code
    store = store_on(disk, clock)
    store.put(b"hello")
    assert store.read() == b"hello"
    store.diskfile().delete(NOW.plus(1))
    store.manager.save_pending("sda1", 0, NOW, AsyncPending("PUT", "a", "c", "o", {}))
    writer = store.diskfile().writer(None)
    writer.write(memoryview(b"half"))
    assert [path for path in disk.tree("/srv") if "/tmp/" in path]
    writer.close()
    assert not [path for path in disk.tree("/srv") if "/tmp/" in path]
    assert disk.open_descriptors() == []


def test_a_large_body_is_synced_on_the_way() -> None:
    clock = SimClock()
    disk = SimDisk(1, clock=clock)
    store = store_on(disk, clock, bytes_per_sync=2 * MIB)
    diskfile = store.diskfile()
    writer = diskfile.writer(5 * MIB)
    syncs = []
    for _ in range(5):
        writer.write(memoryview(bytes(MIB)))
        syncs.append(sum(call.startswith("fsync ") for call in disk.faults.calls))
    assert syncs == [0, 1, 1, 2, 2]
    writer.finish(memoryview(b""), NOW, describe(diskfile, NOW))
    writer.close()


def test_blocks_are_reserved_for_large_bodies_unless_told_otherwise() -> None:
    clock = SimClock()
    disk = SimDisk(1, clock=clock)
    store = store_on(disk, clock)
    store.put(b"x" * 1000)
    assert not any(call.startswith("preallocate") for call in disk.faults.calls)
    store.put(b"x" * MIB, NOW.plus(1))
    assert sum(call.startswith("preallocate") for call in disk.faults.calls) == 1
    plain = Store("/srv", host=store.host, disable_fallocate=True)
    plain.put(b"x" * MIB, NOW.plus(2))
    assert sum(call.startswith("preallocate") for call in disk.faults.calls) == 1


@pytest.mark.parametrize("cached", [False, True], ids=["no hashes", "hashes cached"])
@pytest.mark.parametrize("ordered", [False, True], ids=["in no order", "in order"])
def test_a_small_put_makes_few_calls(ordered: bool, cached: bool) -> None:
    """A new object in a partition that is in use; a change here is a change of what PUTs cost."""
    clock = SimClock()
    disk = SimDisk(1, clock=clock, ordered=ordered)
    store = store_on(disk, clock)
    store.put(b"x", obj="other")
    if cached:
        store.manager.suffix_hashes("sda1", 7, 0)
    disk.faults.calls.clear()
    store.put(b"x", obj="o")
    calls = [call.split(" ")[0] for call in disk.faults.calls]
    if ordered:  # the bytes of mark and file set out before either is waited for
        start, settled = ["write_out"], ["write_out"]
        marked = ["write_out", *settled, "write_out"] if cached else settled
    else:
        start = ["fsync"]
        marked = ["fsync", "fsync_dir"] if cached else []
    assert calls == [
        "stat",  # the device is there
        "open_unnamed", "write", "setxattr", "setxattr", *start,
        "flock", "fstat",  # a lock that lasts
        "mkdir", "mkdir", "mkdir",  # hash dir (no), suffix, hash dir
        "open", "read", "stat", "write", *marked,  # hashes.invalid
        "link_unnamed", *(["fsync_dir"] if ordered else ["fsync_dir"] * 3),
    ]  # fmt: skip


def test_room_is_asked_for_again_after_a_moment() -> None:
    clock = SimClock()
    disk = SimDisk(1, clock=clock, capacity=1 << 42)
    store = store_on(disk, clock, fallocate_reserve=Reserve(percent=99.0))
    store.put(b"x", obj="a")
    disk.capacity = 1 << 20
    clock.advance(1.5)
    with pytest.raises(NoSpace):
        store.put(b"x" * 60_000, obj="b")


def test_a_small_get_makes_few_calls(tmp_path: Path) -> None:
    clock = SimClock()
    disk = SimDisk(1, clock=clock)
    store = store_on(disk, clock)
    store.put(b"x")
    disk.faults.calls.clear()
    store.open(with_content=True).close()
    calls = [call.split(" ")[0] for call in disk.faults.calls]
    assert calls == ["stat", "listdir", "open", "getxattr", "size", "getxattr", "pread"]
