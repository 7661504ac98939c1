"""What an earlier process left on disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from swiftlite.config.load import ConfError
from swiftlite.formats.async_pending import AsyncPending
from swiftlite.host import plain
from swiftlite.obj.server.later import Kept
from swiftlite.obj.server.leftovers import take_up
from swiftlite.objectstore.api import StoreSettings
from swiftlite.objectstore.manager import Manager
from swiftlite.policies import Policy
from swiftlite.ring import Ring, RingBuilder
from swiftlite.vocab.hashing import HashPath
from swiftlite.vocab.timestamp import Timestamp

HASH_PATH = HashPath(b"", b"x")
POLICIES = [Policy(0, "gold", is_default=True), Policy(1, "silver")]


class Lines:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def info(self, message: str, /) -> None:
        self.lines.append(message)

    warning = error = info


class Rings:
    def __init__(self) -> None:
        builder = RingBuilder.create(4, 3, 1)
        for number in range(3):
            builder.add_device(
                zone=number, ip="10.0.0.1", port=6201 + number, device=f"c{number}", weight=1.0
            )
        builder.rebalance(0)
        self._ring = builder.ring(HASH_PATH)

    @property
    def container(self) -> Rings:
        return self

    def current(self) -> Ring:
        return self._ring


class Keeper:
    def __init__(self) -> None:
        self.kept: list[Kept] = []

    def add(self, kept: Kept, /) -> None:
        self.kept.append(kept)


@pytest.fixture
def store(tmp_path: Path) -> Manager:
    for device in ("sda", "sdb"):
        (tmp_path / device).mkdir()
    (tmp_path / "a file").write_text("")
    settings = StoreSettings(devices=str(tmp_path), mount_check=False)
    return Manager(plain.make_host(), settings, HASH_PATH, Lines())


def leave(
    store: Manager, device: str, obj: str, policy: int = 0, successes: tuple[int, ...] = ()
) -> None:
    moment = Timestamp.from_text("1700000000.00001")
    headers = {"X-Timestamp": moment.internal, "X-Size": "1"}
    update = AsyncPending("PUT", "a", "c", obj, headers, successes=successes)
    store.save_pending(device, policy, moment, update)


def test_updates_of_every_device_and_policy_are_taken_up(store: Manager) -> None:
    leave(store, "sda", "one")
    leave(store, "sdb", "ü", policy=1)
    keeper, log = Keeper(), Lines()
    assert take_up(store, POLICIES, Rings(), keeper, log) == 2
    found = {kept.row.obj: kept for kept in keeper.kept}
    assert set(found) == {"one", "ü"}
    assert (found["ü"].device, found["ü"].policy_index) == ("sdb", 1)
    assert found["one"].row.headers["X-Size"] == "1"
    assert {target.device for target in found["one"].targets} == {"c0", "c1", "c2"}
    assert "2 container updates" in log.lines[0]


def test_what_was_delivered_later_is_gone_from_disk(store: Manager) -> None:
    leave(store, "sda", "one")
    keeper = Keeper()
    take_up(store, POLICIES, Rings(), keeper, Lines())
    (kept,) = keeper.kept
    store.drop_pending(kept.device, kept.policy_index, kept.timestamp, kept.update)
    assert take_up(store, POLICIES, Rings(), Keeper(), Lines()) == 0


def test_those_who_have_heard_are_not_told_again(store: Manager) -> None:
    leave(store, "sda", "one", successes=(0, 2))
    keeper = Keeper()
    take_up(store, POLICIES, Rings(), keeper, Lines())
    assert [target.device for target in keeper.kept[0].targets] == ["c1"]


def test_there_is_an_end_to_what_is_taken_up(store: Manager) -> None:
    for number in range(5):
        leave(store, "sda", str(number))
    keeper = Keeper()
    assert take_up(store, POLICIES, Rings(), keeper, Lines(), most=3) == 3


def test_files_that_are_no_updates_are_passed_over(store: Manager, tmp_path: Path) -> None:
    leave(store, "sda", "one")
    folder = next((tmp_path / "sda/async_pending").iterdir())
    (folder / "nonsense").write_text("x")
    (folder / f"{'0' * 32}-1700000000.00000").write_bytes(b"not a pickle")
    (tmp_path / "sda/async_pending/file").write_text("")
    assert take_up(store, POLICIES, Rings(), Keeper(), Lines()) == 1


def test_without_a_container_ring_they_are_left_to_the_updater(store: Manager) -> None:
    class NoRing(Rings):
        @property
        def container(self) -> Rings:
            raise ConfError("The ring container.ring.gz cannot be used.")

    leave(store, "sda", "one")
    log = Lines()
    assert take_up(store, POLICIES, NoRing(), Keeper(), log) == 0
    assert "left to the updater" in log.lines[0]
