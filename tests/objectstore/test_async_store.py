from __future__ import annotations

import dataclasses
from pathlib import Path

from swiftlite.formats.async_pending import AsyncPending, decode_async_pending
from swiftlite.host.os_disk import OsDisk
from tests.objectstore.stores import HASH_PATH, NOW, Store, every_name

PENDING = AsyncPending("PUT", "a", "c", "o", {"X-Size": "1", "X-Timestamp": NOW.internal})


def test_an_update_is_kept_under_swifts_name(store: Store) -> None:
    store.manager.save_pending("sda1", 0, NOW, PENDING)
    name_hash = HASH_PATH.hex("a", "c", "o")
    expected = f"sda1/async_pending/{name_hash[-3:]}/{name_hash}-{NOW.internal}"
    assert list(every_name(store.root)) == [expected]
    assert decode_async_pending((store.root / expected).read_bytes()) == PENDING
    assert store.counted == ["async_pendings"]


def test_policies_have_their_own(store: Store) -> None:
    store.manager.save_pending("sda1", 2, NOW, PENDING)
    assert (store.root / "sda1/async_pending-2").is_dir()


def test_a_second_update_of_the_same_moment_replaces_the_first(store: Store) -> None:
    store.manager.save_pending("sda1", 0, NOW, PENDING)
    other = AsyncPending("DELETE", "a", "c", "o", {"X-Timestamp": NOW.internal})
    store.manager.save_pending("sda1", 0, NOW, other)
    (name,) = [Path(name) for name in every_name(store.root)]
    assert decode_async_pending((store.root / name).read_bytes()) == other


class RemovesEmptyDirectory(OsDisk):
    """Does what an updater may do between two calls of ours, once."""

    done = False

    def link_unnamed(self, fd: int, path: str) -> None:
        if not self.done:
            self.done = True
            self.rmdir(path.rpartition("/")[0])
        super().link_unnamed(fd, path)


def test_an_updater_that_removes_the_empty_directory_does_not_lose_the_update(
    store: Store, tmp_path: Path
) -> None:
    disk = RemovesEmptyDirectory()
    Store(tmp_path, host=dataclasses.replace(store.host, disk=disk)).manager.save_pending(
        "sda1", 0, NOW, PENDING
    )
    assert disk.done
    assert len(list(every_name(tmp_path))) == 1
