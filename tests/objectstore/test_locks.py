"""Locks that are removed with what they lock."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from swiftlite.host.disk import Disk
from swiftlite.host.plain import make_host
from swiftlite.objectstore.locks import device_place, partition_lock, replication_lock


@pytest.fixture
def disk() -> Disk:
    return make_host().disk


def test_a_lock_that_was_removed_meanwhile_is_taken_anew(
    disk: Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = disk.fstat
    lock = tmp_path / ".lock"

    def after_removal(fd: int) -> os.stat_result:
        monkeypatch.setattr(disk, "fstat", real)
        lock.unlink()
        return real(fd)

    monkeypatch.setattr(disk, "fstat", after_removal)
    with partition_lock(disk, str(tmp_path), 0):
        assert lock.exists()
        taken = partition_lock(disk, str(tmp_path), 0)
        with pytest.raises(TimeoutError):
            taken.__enter__()


def test_locks_are_held_once_and_for_their_own_purpose(disk: Disk, tmp_path: Path) -> None:
    with replication_lock(disk, str(tmp_path), 0), partition_lock(disk, str(tmp_path), 0):
        again = replication_lock(disk, str(tmp_path), 0)
        with pytest.raises(TimeoutError):
            again.__enter__()
    assert sorted(path.name for path in tmp_path.iterdir()) == [".lock", ".lock-replication"]


def test_a_device_has_so_many_places(disk: Disk, tmp_path: Path) -> None:
    with device_place(disk, str(tmp_path), 2), device_place(disk, str(tmp_path), 2):
        third = device_place(disk, str(tmp_path), 2)
        with pytest.raises(TimeoutError):
            third.__enter__()
    with device_place(disk, str(tmp_path), 1):
        pass
