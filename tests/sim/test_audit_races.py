"""An auditor among clients that change what it looks at, calls interleaved as threads would.

Without rot nothing ends in quarantine, whatever changes while it is looked at. With rot, nobody
reads a wrong byte, all that is rotten and still there is found, and nothing else is taken away.
"""

from __future__ import annotations

from contextlib import suppress

import pytest

from swiftlite.formats.ondisk_names import DATA, parse_object_file
from swiftlite.objectstore.api import Absent, Damaged, Presence, Unsettled
from swiftlite.objectstore.diskfile import OpenObject
from tests.obj.auditor.worlds import Auditing
from tests.sim.test_store_races import NAMES, Race, body_of

SEEDS = range(25)
RECON = "/var/cache/swift"
OBJECTS, QUARANTINED = "/srv/sda1/objects", "/srv/sda1/quarantined/objects"


class AuditRace(Race):
    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.node.disk.makedirs(RECON)
        self.auditing = Auditing(self.node.host, "/srv", RECON)

    def audit(self) -> None:
        for _ in range(6):
            md5_every = self.chance.choice((1, 1_000_000))
            self.auditing.audit(md5_every=md5_every, zero_byte_files_per_second=1e9)
            self.node.tasks.sleep(0)

    def change(self, number: int) -> None:
        with suppress(Unsettled):  # a POST to an object that goes into quarantine at that moment
            super().change(number)

    def read(self, name: str) -> OpenObject | Absent:
        try:
            return super().read(name)
        except Damaged:  # and quarantined
            return Absent(Presence.QUARANTINED)

    def rot(self) -> None:
        """Turn a bit of what is there over, now and then.

        Not of open files: what was verified is sent from memory, where a medium's rot does not
        come; the simulated disk has no such memory.
        """
        for _ in range(6):
            for _ in range(self.chance.randrange(12)):
                self.node.tasks.sleep(0)
            in_use = self.node.disk.open_descriptors()
            files = {p: content for p, content in self.files(OBJECTS).items() if p not in in_use}
            if files:
                path, content = self.chance.choice(sorted(files.items()))
                self.node.disk.rot(path, self.chance.randrange(len(content)))

    def start(self, *more: str) -> None:
        for number in range(1, 13):
            self.node.tasks.spawn(self.change, number)
        for what in ("look", "hash_now_and_then", "audit", *more):
            self.node.tasks.spawn(getattr(self, what))

    def finish(self) -> None:
        self.world.scheduler.run_until(lambda: not self.node.tasks.running)
        unexpected, self.world.scheduler.failures = self.world.scheduler.failures, []
        assert unexpected == []
        assert self.node.disk.open_descriptors() == []

    def files(self, below: str) -> dict[str, bytes]:
        """Data files with their content."""
        files = self.node.disk.tree(below) if self.node.disk.exists(below) else {}
        return {path: content for path, content in files.items() if path.endswith(DATA)}

    def wrong(self, below: str) -> list[str]:
        """Those that do not have the bytes of their moment."""
        return [
            path
            for path, content in self.files(below).items()
            if content != body_of(parse_object_file(path.rpartition("/")[2]).timestamp)
        ]


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_sound_is_ever_taken_away(seed: int) -> None:
    race = AuditRace(seed)
    race.start()
    race.finish()
    assert race.auditing.quarantined() == []
    assert not any("Cannot" in line or "stopped" in line for line in race.auditing.sink.lines)
    race.check()


@pytest.mark.parametrize("seed", SEEDS)
def test_rot_is_found_and_read_by_nobody(seed: int) -> None:
    race = AuditRace(seed)
    race.start("rot")
    race.finish()
    race.world.run(race.node, race.auditing.audit)
    for name in NAMES:
        race.world.run(race.node, race.read, name)
    assert race.torn == []
    assert race.wrong(OBJECTS) == []
    aside = {path.split("/")[5] for path in race.wrong(QUARANTINED)}
    assert aside == set(race.auditing.quarantined())


def test_the_races_do_meet_rot() -> None:
    races = [AuditRace(seed) for seed in SEEDS]
    for race in races:
        race.start("rot")
        race.finish()
    assert sum(bool(race.auditing.quarantined()) for race in races) >= 5
