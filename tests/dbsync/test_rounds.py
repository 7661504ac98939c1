"""A round over databases: devices in turn, and what happens to one that fails."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from swiftlite.dbstore.places import Place
from swiftlite.dbsync.rounds import Round
from tests.dbstore.stores import Store
from tests.service.contexts import make_context

DEVICES = ("sda1", "sdb1")


@pytest.fixture
def filled(tmp_path: Path) -> Store:
    """Three containers on each of two devices, in partitions 1 to 3."""
    store = Store(tmp_path)
    for device in DEVICES:
        for number in (1, 2, 3):
            digest = f"{number:032x}"
            folder = tmp_path / device / "containers" / str(number) / digest[-3:] / digest
            folder.mkdir(parents=True)
            (folder / f"{digest}.db").touch()
    return store


def round_of(store: Store, told: list[str], wanted: frozenset[int] = frozenset()) -> Round:
    made = make_context(store.host, partitions=wanted)
    return Round(made, store.containers, lambda device, _: told.append(device))


def partitions(places: list[Place]) -> list[int]:
    return sorted(int(place.partition) for place in places)


def test_devices_take_turns_and_everything_is_seen_once(filled: Store) -> None:
    told: list[str] = []
    found = round_of(filled, told)
    found.add_all()
    seen = []
    while (met := found.look(2, partitions)) is not None:
        seen.append(met)
    assert [device for device, _ in seen] == ["sda1", "sdb1", "sda1", "sdb1"]
    for wanted in DEVICES:
        assert sorted(n for device, numbers in seen if device == wanted for n in numbers) == [
            1,
            2,
            3,
        ]
    assert not told


def test_a_device_that_fails_leaves_the_round_and_the_others_stay(filled: Store) -> None:
    told: list[str] = []
    found = round_of(filled, told)
    found.add_all()

    def look(places: list[Place]) -> list[int]:
        if places[0].device == "sda1":
            raise OSError(5, "Input/output error")
        return partitions(places)

    seen = []
    while (met := found.look(10, look)) is not None:
        seen.append(met)
    assert seen == [("sdb1", [1, 2, 3])]
    assert told == ["sda1"]


def test_a_directory_of_devices_that_is_not_there_is_told(filled: Store) -> None:
    shutil.rmtree(filled.containers.devices.root)
    told: list[str] = []
    found = round_of(filled, told)
    found.add_all()
    assert found.look(1, partitions) is None
    assert told == [filled.containers.devices.root]


def test_only_the_partitions_that_both_sides_want(filled: Store) -> None:
    found = round_of(filled, [], frozenset({1, 2}))
    found.add("sda1", lambda partition: partition > 1)
    assert found.look(10, partitions) == ("sda1", [2])
    assert found.look(10, partitions) is None
