"""A watcher: the newest usable ring, at most one look per interval."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from swiftlite.ring import Ring, RingFileError, RingWatcher
from swiftlite.vocab.hashing import HashPath

GOLDEN = Path(__file__).parents[1] / "golden" / "ring"
HASH_PATH = HashPath(b"prefix", b"suffix")


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def path(tmp_path: Path) -> str:
    path = tmp_path / "object.ring.gz"
    shutil.copy(GOLDEN / "small.v1.ring.gz", path)
    return str(path)


def put(name: str, path: str) -> None:
    """As an operator's copy does: a new file in the place of the old."""
    shutil.copy(GOLDEN / name, path + ".new")
    os.utime(path + ".new", (5, os.stat(path).st_mtime + 7))
    os.replace(path + ".new", path)


def test_a_new_file_is_in_force_after_the_interval_and_not_before(path: str) -> None:
    clock = Clock()
    told: list[Ring] = []
    watcher = RingWatcher(path, HASH_PATH, clock, interval=15, on_change=told.append)
    old = watcher.current()
    put("fractional.v1.ring.gz", path)
    clock.now += 14
    assert watcher.current() is old
    clock.now += 2
    assert watcher.current().replica_count == 2.5
    assert told == [watcher.current()]


def test_an_unchanged_file_is_not_read_again(path: str) -> None:
    clock = Clock()
    watcher = RingWatcher(path, HASH_PATH, clock)
    old = watcher.current()
    clock.now += 100
    assert watcher.current() is old


def test_a_bad_new_file_leaves_the_old_ring_and_says_so_once(path: str) -> None:
    clock = Clock()
    faults: list[str] = []
    watcher = RingWatcher(path, HASH_PATH, clock, on_fault=faults.append)
    old = watcher.current()
    Path(path).write_bytes(b"garbage")
    for _ in range(3):
        clock.now += 20
        assert watcher.current() is old
    assert len(faults) == 1
    assert watcher.fault is not None
    assert "gzip" in watcher.fault
    put("six.v2.ring.gz", path)
    clock.now += 20
    assert watcher.current().partition_count == 32
    assert watcher.fault is None


def test_a_missing_file_leaves_the_old_ring(path: str) -> None:
    clock = Clock()
    watcher = RingWatcher(path, HASH_PATH, clock)
    old = watcher.current()
    os.unlink(path)
    clock.now += 20
    assert watcher.current() is old


def test_a_check_may_refuse_a_ring(path: str) -> None:
    def whole(ring: Ring) -> None:
        if ring.replica_count != int(ring.replica_count):
            raise ValueError("this policy needs whole replicas")

    clock = Clock()
    watcher = RingWatcher(path, HASH_PATH, clock, check=whole)
    old = watcher.current()
    put("fractional.v1.ring.gz", path)
    clock.now += 20
    assert watcher.current() is old
    assert watcher.fault is not None
    assert "whole replicas" in watcher.fault


def test_the_first_ring_must_be_good(tmp_path: Path) -> None:
    with pytest.raises(RingFileError):
        RingWatcher(str(tmp_path / "none.ring.gz"), HASH_PATH, Clock())
