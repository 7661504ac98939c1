"""Many tasks change one object at once, calls interleaved as threads would, and the power goes.

After each run: an acknowledged change is there or has been overtaken by a newer one; what is read,
at any time, is one whole version; cached suffix hashes lead to what the files are.
"""

from __future__ import annotations

import random

import pytest

from swiftlite.objectstore.api import Absent, Superseded
from swiftlite.objectstore.diskfile import OpenObject
from swiftlite.testing.sim_host import SimNode, World
from swiftlite.vocab.timestamp import Timestamp
from tests.objectstore.stores import NOW, Store

SEEDS = range(25)
NAMES = ("o", "p")


def body_of(moment: Timestamp) -> bytes:
    """Another length for another moment: from less than a page to more than one block."""
    return moment.internal.encode() * (1, 40, 5_000, 70_000)[moment.raw % 4]


class Race:
    """One node, several clients, and what they were told."""

    def __init__(self, seed: int) -> None:
        self.world = World(seed, ordered_disks=bool(seed % 2))
        self.world.clock.start = NOW.seconds + 1000
        self.node: SimNode = self.world.node("10.0.0.1")
        self.node.disk.makedirs("/srv/sda1")
        self.node.disk.cut_power()
        self.node.disk.power_on("nothing")
        self.node.interleave(0.3)
        self.store = Store("/srv", host=self.node.host)
        self.chance = random.Random(f"race {seed}")
        self.acknowledged: dict[str, list[tuple[Timestamp, str]]] = {name: [] for name in NAMES}
        self.torn: list[str] = []

    def change(self, number: int) -> None:
        """One client's request."""
        name = self.chance.choice(NAMES)
        moment = NOW.plus(number)
        verb = self.chance.choice(("PUT", "PUT", "POST", "DELETE"))
        diskfile = self.store.diskfile(name)
        try:
            if verb == "PUT":
                self.store.put(body_of(moment), moment, name, X_Object_Meta_Color=str(number))
            elif verb == "POST":
                stored = {"X-Timestamp": moment.internal, "X-Object-Meta-Color": str(number)}
                diskfile.write_metadata(stored, moment)
            else:
                diskfile.delete(moment)
        except Superseded:
            return
        self.acknowledged[name].append((moment, verb))

    def look(self) -> None:
        for _ in range(10):
            for name in NAMES:
                self.read(name)
            self.node.tasks.sleep(0)

    def read(self, name: str) -> OpenObject | Absent:
        found = self.store.diskfile(name).open(NOW.plus(10**6))
        if isinstance(found, OpenObject):
            body = found.body(whole=True)
            try:
                content = b"".join(body.part(0, body.length))
            finally:
                body.close()
            if content != body_of(found.data_timestamp):
                self.torn.append(f"{name} at {found.data_timestamp}")
        return found

    def hash_now_and_then(self) -> None:
        for _ in range(5):
            self.store.manager.suffix_hashes("sda1", 7, 0)
            self.node.tasks.sleep(0)

    def check(self) -> None:
        assert self.torn == []
        for name in NAMES:
            self.check_object(name)
        self.check_hashes()

    def check_object(self, name: str) -> None:
        found = self.read(name)
        told = self.acknowledged[name]
        newest = max((moment for moment, verb in told if verb != "POST"), default=None)
        state = found.data_timestamp if isinstance(found, OpenObject) else found.timestamp
        assert newest is None or state >= newest, f"{name}: {state} is older than {newest}"
        posted = max((moment for moment, verb in told if verb == "POST"), default=None)
        if isinstance(found, OpenObject) and posted is not None:
            assert found.timestamp >= posted, f"{name}: the POST at {posted} is lost"

    def check_hashes(self) -> None:
        disk = self.node.disk
        if not disk.exists("/srv/sda1/objects/7"):
            return
        cached = self.store.manager.suffix_hashes("sda1", 7, 0).hashes
        if disk.exists("/srv/sda1/objects/7/hashes.pkl"):
            disk.unlink("/srv/sda1/objects/7/hashes.pkl")
        assert cached == self.store.manager.suffix_hashes("sda1", 7, 0, relist=True).hashes


def _started(race: Race) -> None:
    spawn = race.node.tasks.spawn
    for number in range(1, 13):
        spawn(race.change, number)
    spawn(race.look)
    spawn(race.hash_now_and_then)


def _finish(race: Race) -> None:
    """Let everybody end, and fail for what nobody expected."""
    race.world.scheduler.run_until(lambda: not race.node.tasks.running)
    unexpected, race.world.scheduler.failures = race.world.scheduler.failures, []
    assert unexpected == []


@pytest.mark.parametrize("seed", SEEDS)
def test_everybody_is_served_and_nothing_is_torn(seed: int) -> None:
    race = Race(seed)
    _started(race)
    _finish(race)
    race.check()
    assert race.node.disk.open_descriptors() == []


@pytest.mark.parametrize("seed", SEEDS)
def test_a_power_cut_in_the_middle_loses_nothing_acknowledged(seed: int) -> None:
    race = Race(seed)
    _started(race)
    disk = race.node.disk
    disk.faults.cut_at = race.chance.randrange(10, 200)
    race.world.scheduler.run_until(lambda: disk.faults.fired or not race.node.tasks.running)
    race.node.cut_power()
    race.world.scheduler.failures.clear()
    race.node.power_on()
    race.check()
