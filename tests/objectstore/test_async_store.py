from __future__ import annotations

from pathlib import Path

from swiftlite.formats.async_pending import AsyncPending, decode_async_pending
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
