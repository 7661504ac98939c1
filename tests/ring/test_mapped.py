"""The shared copy of a table: used only for exactly the ring file it was made from."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from swiftlite.ring import Ring
from swiftlite.ring.mapped import map_path, open_map
from swiftlite.vocab.hashing import HashPath

GOLDEN = Path(__file__).parents[1] / "golden" / "ring"
HASH_PATH = HashPath(b"prefix", b"suffix")


@pytest.fixture
def path(tmp_path: Path) -> str:
    path = tmp_path / "object.ring.gz"
    shutil.copy(GOLDEN / "fractional.v1.ring.gz", path)
    return str(path)


def same(one: Ring, other: Ring) -> bool:
    return one.devices == other.devices and all(
        one.primaries(p) == other.primaries(p) and list(one.handoffs(p)) == list(other.handoffs(p))
        for p in range(one.partition_count)
    )


def test_the_mapped_ring_answers_like_the_loaded_one(path: str, tmp_path: Path) -> None:
    plain = Ring.load(path, HASH_PATH)
    first = Ring.load(path, HASH_PATH, map_dir=str(tmp_path))
    mapped = open_map(path, str(tmp_path))
    assert mapped is not None
    second = Ring(HASH_PATH, mapped)
    assert same(plain, first)
    assert same(plain, second)
    assert second.version == plain.version


def test_a_copy_of_another_ring_is_not_used(path: str, tmp_path: Path) -> None:
    Ring.load(path, HASH_PATH, map_dir=str(tmp_path))
    shutil.copy(GOLDEN / "small.v1.ring.gz", path)
    assert open_map(path, str(tmp_path)) is None
    assert Ring.load(path, HASH_PATH, map_dir=str(tmp_path)).partition_count == 64
    assert open_map(path, str(tmp_path)) is not None


def test_a_damaged_copy_is_passed_over(path: str, tmp_path: Path) -> None:
    Ring.load(path, HASH_PATH, map_dir=str(tmp_path))
    copy = Path(map_path(path, str(tmp_path)))
    blob = copy.read_bytes()
    for broken in (b"", b"x" * 10, blob[:-100], blob[:60], b"\0" * len(blob)):
        copy.write_bytes(broken)
        assert open_map(path, str(tmp_path)) is None


def test_a_folder_that_refuses_is_no_hindrance(path: str, tmp_path: Path) -> None:
    ring = Ring.load(path, HASH_PATH, map_dir=str(tmp_path / "missing"))
    assert ring.partition_count == 128
    assert not os.path.exists(tmp_path / "missing")
