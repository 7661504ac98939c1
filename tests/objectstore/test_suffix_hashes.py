"""Marks, cache and computed hashes of a partition."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import cast

from swiftlite.formats.suffix_hashes import decode_hashes, partition_digest
from swiftlite.host.disk import Disk
from swiftlite.objectstore.suffix_hashes import invalidate, known_digest
from tests.objectstore.stores import HASH_PATH, NOW, Store

SUFFIX = HASH_PATH.hex("a", "c", "o")[-3:]


def hashes(store: Store, **how: object) -> dict[str, object]:
    return dict(store.manager.suffix_hashes("sda1", 7, 0, **how).hashes)  # type: ignore[arg-type]


def partition(store: Store) -> Path:
    return store.root / "sda1/objects/7"


def marks(store: Store) -> list[str]:
    path = partition(store) / "hashes.invalid"
    return path.read_text().split() if path.exists() else []


def test_a_put_marks_its_suffix_once(store: Store) -> None:
    store.put(b"x")
    store.put(b"x", NOW.plus(1))
    store.diskfile().delete(NOW.plus(2))
    assert marks(store) == [SUFFIX]


def test_hashes_change_with_every_kind_of_write(store: Store) -> None:
    seen = []
    store.put(b"x")
    seen.append(hashes(store)[SUFFIX])
    store.put(b"y", NOW.plus(1))
    seen.append(hashes(store)[SUFFIX])
    store.diskfile().write_metadata({"X-Timestamp": NOW.plus(2).internal}, NOW.plus(2))
    seen.append(hashes(store)[SUFFIX])
    store.diskfile().delete(NOW.plus(3))
    seen.append(hashes(store)[SUFFIX])
    assert len(set(seen)) == 4
    assert marks(store) == []


def test_the_cache_is_swifts_and_is_believed(store: Store) -> None:
    store.put(b"x")
    first = hashes(store)
    cache = decode_hashes((partition(store) / "hashes.pkl").read_bytes())
    assert cache.hashes == first
    assert cache.valid
    store.data_path().unlink()
    assert hashes(store) == first
    assert hashes(store, recalculate=[SUFFIX]) == {}


def test_a_damaged_cache_is_computed_again(store: Store) -> None:
    store.put(b"x")
    first = hashes(store)
    for content in (b"", b"junk", b"\x80\x02}q\x00U\x03../q\x01Ns."):
        (partition(store) / "hashes.pkl").write_bytes(content)
        assert hashes(store) == first


def test_an_empty_partition_has_no_hashes_and_is_made(store: Store) -> None:
    assert hashes(store) == {}
    assert partition(store).is_dir()


def test_empty_directories_go(store: Store) -> None:
    store.put(b"x")
    hashes(store)
    store.data_path().unlink()
    store.manager.mark_suffixes("sda1", 7, 0, [SUFFIX])
    assert hashes(store) == {}
    assert not (partition(store) / SUFFIX).exists()


def test_old_tombstones_are_reclaimed(tmp_path: Path) -> None:
    store = Store(tmp_path, reclaim_age=0.5)
    store.diskfile().delete(NOW)
    assert hashes(store) == {}
    assert store.files() == []


def test_young_tombstones_stay(tmp_path: Path) -> None:
    store = Store(tmp_path, reclaim_age=1.5)
    store.diskfile().delete(NOW)
    assert list(hashes(store)) == [SUFFIX]
    assert store.files() == [f"{NOW.internal}.ts"]


def test_obsolete_files_are_removed_by_a_pass(store: Store) -> None:
    store.put(b"x", NOW.plus(1))
    place = Path(store.diskfile().place.path)
    (place / f"{NOW.internal}.data").write_bytes(b"old")
    (place / ".x.data.a1B2c3").write_bytes(b"rsync")
    hashes(store)
    assert store.files() == [".x.data.a1B2c3", f"{NOW.plus(1).internal}.data"]


def test_relist_finds_what_was_never_marked(store: Store) -> None:
    store.put(b"x")
    first = hashes(store)
    other = partition(store) / "abc" / ("0" * 29 + "abc")
    other.mkdir(parents=True)
    (other / f"{NOW.internal}.data").write_bytes(b"")
    assert hashes(store) == first
    assert set(hashes(store, relist=True)) == {SUFFIX, "abc"}


def test_a_file_in_place_of_a_hash_dir_is_set_aside_by_a_pass(store: Store) -> None:
    store.put(b"x")
    stranger = "1" * 29 + SUFFIX
    (partition(store) / SUFFIX / stranger).write_bytes(b"")
    hashes(store)
    assert store.quarantined() == [stranger]


def test_a_torn_line_does_not_swallow_the_next_mark(store: Store) -> None:
    os.makedirs(partition(store))
    (partition(store) / "hashes.invalid").write_text("ab")
    invalidate(store.host.disk, str(partition(store)), "abc")
    assert marks(store) == ["ab", "abc"]


def test_a_mark_made_while_hashing_is_kept_for_the_next_pass(store: Store) -> None:
    store.put(b"x")
    first = hashes(store)
    disk = store.host.disk

    class Meddler:
        """Puts a newer object when the pass lists the suffix."""

        done = False

        def __getattr__(self, name: str) -> object:
            return getattr(disk, name)

        def listdir(self, path: str) -> list[str]:
            found = disk.listdir(path)
            if path.endswith(f"/7/{SUFFIX}") and not self.done:
                self.done = True
                store.put(b"y", NOW.plus(1))
            return found

    meddled = Store(store.root, host=dataclasses.replace(store.host, disk=cast(Disk, Meddler())))
    many = [SUFFIX, *(f"{number:03x}" for number in range(16) if f"{number:03x}" != SUFFIX)]
    meddled.manager.mark_suffixes("sda1", 7, 0, many)
    hashes(meddled)
    assert marks(store) == [SUFFIX]
    assert hashes(store) != first


def test_the_digest_is_known_until_something_changes(store: Store) -> None:
    store.put(b"x")
    path, disk = str(partition(store)), store.host.disk
    assert known_digest(disk, path) is None
    first = hashes(store)
    assert known_digest(disk, path) == partition_digest(cast(dict[str, str | None], first))
    store.put(b"y", NOW.plus(1))
    assert known_digest(disk, path) is None
    second = hashes(store)
    assert second != first
    assert known_digest(disk, path) == partition_digest(cast(dict[str, str | None], second))


def test_a_cache_written_by_swift_gets_its_digest_when_it_is_read(store: Store) -> None:
    store.put(b"x")
    hashes(store)
    cache = partition(store) / "hashes.pkl"
    content = cache.read_bytes()
    cache.unlink()
    cache.write_bytes(content)
    assert known_digest(store.host.disk, str(partition(store))) is None
    hashes(store)
    assert known_digest(store.host.disk, str(partition(store))) is not None


def test_computed_hashes_are_counted(store: Store) -> None:
    store.put(b"x")
    assert store.manager.suffix_hashes("sda1", 7, 0).computed == 1
    assert store.manager.suffix_hashes("sda1", 7, 0).computed == 0
    assert store.manager.suffix_hashes("sda1", 7, 0, recalculate=[SUFFIX]).computed == 1


def test_a_few_marks_cost_one_writing_of_the_cache(store: Store) -> None:
    """They are computed while the lock is held; what must be set aside waits until it is not."""
    store.put(b"x")
    hashes(store)
    store.put(b"y", NOW.plus(1))
    broken = partition(store) / SUFFIX / ("0" * 29 + SUFFIX)
    broken.write_bytes(b"not a directory")
    found = store.manager.suffix_hashes("sda1", 7, 0)
    assert found.hashes[SUFFIX] is not None
    assert (store.root / "sda1/quarantined/objects" / broken.name).exists()
    assert hashes(store) == found.hashes


def test_many_marks_are_computed_too(store: Store) -> None:
    store.put(b"x")
    hashes(store)
    for number in range(40):
        store.put(b"x", NOW, f"o{number}")
    assert len(marks(store)) > 20
    first = hashes(store)
    assert first == hashes(store, recalculate=list(first), relist=True)
    assert marks(store) == []
