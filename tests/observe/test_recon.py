"""Recon caches on a simulated disk."""

from __future__ import annotations

import pytest

from swiftlite.observe import recon
from swiftlite.testing.sim_disk import SimDisk

PATH = "/var/cache/swift/object.recon"


@pytest.fixture
def disk() -> SimDisk:
    made = SimDisk()
    made.makedirs("/var/cache/swift")
    return made


def test_updates_are_merged(disk: SimDisk) -> None:
    assert recon.load(disk, PATH) == {}
    recon.dump(disk, PATH, {"async_pending": 3, "devices": {"sda": 1}})
    recon.dump(disk, PATH, {"async_pending": 2, "devices": {"sdb": 2}})
    assert recon.load(disk, PATH) == {"async_pending": 2, "devices": {"sda": 1, "sdb": 2}}
    assert list(disk.tree("/var")) == [PATH, PATH + ".lock"]
    assert disk.open_descriptors() == []


def test_a_torn_cache_is_made_anew(disk: SimDisk) -> None:
    recon.dump(disk, PATH, {"a": 1})
    for offset in range(3):
        disk.rot(PATH, offset)
    assert recon.load(disk, PATH) == {}
    recon.dump(disk, PATH, {"b": 2})
    assert recon.load(disk, PATH) == {"b": 2}


def test_a_missing_directory_is_the_callers_to_report(disk: SimDisk) -> None:
    with pytest.raises(FileNotFoundError):
        recon.dump(disk, "/nowhere/object.recon", {})
