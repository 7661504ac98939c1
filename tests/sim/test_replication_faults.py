"""Replicators of all nodes at work while nodes die, lose power, part from each other and fill up.

Whatever happens meanwhile: once the faults are over and the passes have run, the newest of what
was acknowledged anywhere is on all primaries, equal, and nowhere else; and at no moment was the
last copy of it let go of.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from swiftlite.host.net import DeadlinePassed
from swiftlite.host.tasks import Task, TaskKilled
from swiftlite.objectstore.fileset import choose
from tests.obj.replicator.nodes import DEVICES, NOW, Nodes, run_to_idle

NAMES = [f"o{number}" for number in range(10)]
ROUNDS = 4


@dataclass
class Expected:
    """The newest of each kind of change: when, and what (None: deleted)."""

    written: int = -1
    body: bytes | None = None
    posted: int = -1


class Chaos:
    def __init__(self, seed: int) -> None:
        self.chance = random.Random(f"replication {seed}")
        self.nodes = Nodes(4, 3, seed=seed)
        self.world = self.nodes.world
        self.expected = {name: Expected() for name in NAMES}
        self.moment = 0
        for number in self.nodes.apps:
            self.nodes.node(number).interleave(self.chance.choice((0.0, 0.02, 0.2)))

    def change_some(self) -> None:
        for name in self.chance.sample(NAMES, 5):
            verb = self.chance.choice(("PUT", "PUT", "POST", "DELETE"))
            places = [*self.nodes.primaries(name), self.nodes.handoff(name)]
            for number in self.chance.sample(places, self.chance.randint(1, 3)):
                self.change(number, verb, name)
            self.moment += 1

    def change(self, number: int, verb: str, name: str) -> None:
        known, at = self.expected[name], NOW.plus(self.moment)
        body = b"%d" % self.moment * self.chance.choice((1, 3_000, 60_000))
        body = known.body if known.written == self.moment and known.body else body
        answer = self.nodes.ask(number, verb, name, body, at, X_Object_Meta_At=str(self.moment))
        if verb == "POST" and answer.status == 202:
            known.posted = self.moment
        elif verb != "POST" and answer.status in (201, 204, 404):
            known.written, known.body = self.moment, body if verb == "PUT" else None

    def round(self) -> None:
        """All replicators at once, and a fault in the middle."""
        tasks = []
        for number in self.nodes.apps:
            work = self.nodes.replicator(number, {"concurrency": self.chance.randint(1, 3)})
            tasks.append(self.nodes.node(number).tasks.spawn(run_to_idle, work))
        self.world.run_for(self.chance.random() * self.chance.choice((0.02, 0.2)))
        self.change_some()
        before = {name: self.copies(name) for name in NAMES}
        self.world.run_for(self.chance.random() * self.chance.choice((0.02, 0.2, 2.0)))
        number = self.chance.choice(list(self.nodes.apps))
        heal = self.chance.choice((self.kill, self.cut_power, self.part, self.slow, self.fill))
        undo = heal(number)
        self.world.run_for(self.chance.random() * 5)
        undo()
        for task in tasks:
            self.world.run(self.nodes.node(number), self.wait, task)
        self.check_nothing_is_lost()
        for name in NAMES:  # a handoff may only go once all three primaries have it
            assert self.copies(name) >= min(before[name], 3), name

    def wait(self, task: Task[Any]) -> None:
        with contextlib.suppress(TaskKilled, DeadlinePassed):
            task.wait(self.world.clock.monotonic() + 600)

    # --- faults; each gives its end

    def kill(self, number: int) -> Callable[[], object]:
        self.nodes.node(number).kill()
        return lambda: self.nodes.start(number)

    def cut_power(self, number: int) -> Callable[[], object]:
        self.nodes.node(number).cut_power()

        def undo() -> None:
            self.nodes.node(number).power_on()
            self.nodes.start(number)

        return undo

    def part(self, number: int) -> Callable[[], object]:
        for other in self.nodes.apps:
            if other != number:
                self.world.network.part(self.nodes.node(number).ip, self.nodes.node(other).ip)
        return self.world.network.heal

    def slow(self, number: int) -> Callable[[], object]:
        self.world.network.loss = 0.3
        return lambda: setattr(self.world.network, "loss", 0.0)

    def fill(self, number: int) -> Callable[[], object]:
        disk = self.nodes.node(number).disk
        before, disk.capacity = disk.capacity, disk.names.used + 5_000
        return lambda: setattr(disk, "capacity", before)

    # --- what must hold

    def newest_on(self, number: int, name: str) -> int:
        """The moment of the newest data or tombstone that a node has; -1: none."""
        fileset = choose(self.nodes.files(number, name))
        newest = fileset.data or fileset.tombstone
        return -1 if newest is None else newest.timestamp.raw - NOW.raw

    def copies(self, name: str) -> int:
        """How many nodes have the newest."""
        found = [self.newest_on(number, name) for number in self.nodes.apps]
        return found.count(self.expected[name].written) if max(found) >= 0 else 0

    def check_nothing_is_lost(self) -> None:
        for name, known in self.expected.items():
            newest = max(self.newest_on(number, name) for number in self.nodes.apps)
            assert newest == known.written, name

    def in_use(self, number: int, name: str) -> dict[str, Any]:
        """What counts: obsolete files may come back in a power cut, and stay until the next hash
        of their suffix."""
        files = self.nodes.files(number, name)
        return {file.name: files[file.name] for file in choose(files).in_use()}

    def check(self) -> None:
        for _ in range(3):
            self.world.run_for(30)
            for number in self.nodes.apps:
                self.nodes.replicate(number)
        self.check_nothing_is_lost()
        for name, known in self.expected.items():
            primaries = self.nodes.primaries(name)
            found = [self.in_use(number, name) for number in primaries]
            assert found[0] == found[1] == found[2], name
            partition = self.nodes.partition(name)
            handoff = self.nodes.handoff(name)
            assert self.nodes.files(handoff, name) == {}, name
            others = {self.nodes.partition(o) for o in NAMES if handoff in self.nodes.primaries(o)}
            path = f"{DEVICES}/d{handoff}/objects/{partition}"
            assert partition in others or not self.nodes.disk(handoff).exists(path)
            answer = self.nodes.ask(primaries[0], "GET", name)
            if known.body is None:
                assert answer.status == 404, name
                continue
            assert answer.body == known.body, name
            seen = int(answer.headers["x-object-meta-at"])
            assert seen == max(known.written, known.posted), name


@pytest.mark.parametrize("seed", range(10))
def test_replicas_become_equal_and_nothing_is_lost(seed: int) -> None:
    chaos = Chaos(seed)
    try:
        for _ in range(ROUNDS):
            chaos.change_some()
            chaos.round()
        chaos.check()
    except BaseException as error:
        error.add_note(f"simulated with seed {seed}")
        raise
