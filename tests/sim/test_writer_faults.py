"""The object writer under fire: each of its disk calls fails in turn, or the power goes at it.

What must hold every time: the object reads as before or as after, never as anything else;
an acknowledged change is there, after a power cut too; the suffix hash tells of the change; no
descriptor and no temporary file is left.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from swiftlite.host.bundle import Host
from swiftlite.host.plain import make_host
from swiftlite.objectstore.api import Absent, StoreError
from swiftlite.testing.sim_clock import SimClock, SimEntropy
from swiftlite.testing.sim_disk import SimDisk
from swiftlite.testing.sim_faults import Faults, PowerCut
from swiftlite.testing.sim_nodes import Losing
from swiftlite.vocab.timestamp import Timestamp
from tests.objectstore.stores import NOW, Store

State = tuple[bytes, str] | None  # body and colour, or no object
SMALL, LARGE = b"a small body", bytes(range(256)) * 10_240  # the second takes three blocks
CALLS_MAX = 400


def at(seconds: int) -> Timestamp:
    return NOW.plus(seconds * 100_000)


def put(store: Store, body: bytes, seconds: int, colour: str) -> None:
    store.put(body, at(seconds), X_Object_Meta_Color=colour)


def post(store: Store, seconds: int, colour: str) -> None:
    moment = at(seconds)
    metadata = {"X-Timestamp": moment.internal, "X-Object-Meta-Color": colour}
    store.diskfile().write_metadata(metadata, moment)


def nothing(store: Store) -> None:
    """No object, and no directory for one."""


def an_object(store: Store) -> None:
    put(store, b"old", 0, "old")


def a_hashed_object(store: Store) -> None:
    """An object whose suffix hash is cached, so that a change has to be made known."""
    an_object(store)
    store.manager.suffix_hashes("sda1", 7, 0)


def a_posted_object(store: Store) -> None:
    put(store, b"old", -1, "older")
    post(store, 0, "old")


def a_tombstone(store: Store) -> None:
    an_object(store)
    store.diskfile().delete(at(1))


@dataclass(frozen=True)
class Scenario:
    prepare: Callable[[Store], None]
    change: Callable[[Store], None]
    before: State
    after: State


OLD, NEW = (b"old", "old"), (SMALL, "new")
SCENARIOS = {
    "first PUT": Scenario(nothing, lambda s: put(s, SMALL, 2, "new"), None, NEW),
    "overwrite": Scenario(an_object, lambda s: put(s, SMALL, 2, "new"), OLD, NEW),
    "overwrite, hashed": Scenario(a_hashed_object, lambda s: put(s, SMALL, 2, "new"), OLD, NEW),
    "overwrite after POST": Scenario(a_posted_object, lambda s: put(s, SMALL, 2, "new"), OLD, NEW),
    "after DELETE": Scenario(a_tombstone, lambda s: put(s, SMALL, 2, "new"), None, NEW),
    "large PUT": Scenario(a_hashed_object, lambda s: put(s, LARGE, 2, "new"), OLD, (LARGE, "new")),
    "POST": Scenario(a_hashed_object, lambda s: post(s, 2, "new"), OLD, (b"old", "new")),
    "second POST": Scenario(a_posted_object, lambda s: post(s, 2, "new"), OLD, (b"old", "new")),
    "DELETE": Scenario(a_hashed_object, lambda s: s.diskfile().delete(at(2)), OLD, None),
    "DELETE of nothing": Scenario(nothing, lambda s: s.diskfile().delete(at(2)), None, None),
}


def make_store(scenario: Scenario, seed: int, *, ordered: bool) -> tuple[Store, SimDisk]:
    """A store on a fresh device, prepared, and everything so far on stable storage."""
    disk = SimDisk(seed, ordered=ordered)
    disk.makedirs("/srv/sda1")
    clock = SimClock(NOW.seconds + 10)
    host: Host = dataclasses.replace(make_host(), disk=disk, clock=clock, entropy=SimEntropy(seed))
    store = Store("/srv", host=host)
    scenario.prepare(store)
    disk.cut_power()
    disk.power_on("nothing")
    return store, disk


def state_of(store: Store) -> State:
    found = store.diskfile().open(at(100))
    if isinstance(found, Absent):
        assert store.host.disk.exists("/srv/sda1")
        assert "quarantined" not in store.host.disk.listdir("/srv/sda1"), "a good copy is gone"
        return None
    body = found.body(whole=True)
    try:
        content = b"".join(body.part(0, body.length))
    finally:
        body.close()
    return content, found.metadata["X-Object-Meta-Color"]


def check_hashes(store: Store, disk: SimDisk) -> None:
    """What the cache leads to is what looking at every file leads to."""
    if not disk.exists("/srv/sda1/objects/7"):
        return
    cached = store.manager.suffix_hashes("sda1", 7, 0).hashes
    if disk.exists("/srv/sda1/objects/7/hashes.pkl"):
        disk.unlink("/srv/sda1/objects/7/hashes.pkl")
    assert cached == store.manager.suffix_hashes("sda1", 7, 0, relist=True).hashes


def check_nothing_is_left(disk: SimDisk) -> None:
    assert disk.open_descriptors() == []
    assert [path for path in disk.tree("/srv/sda1") if "/tmp" in path] == []


def tries() -> Iterator[int]:
    """1, 2, 3 …, to be left by break once a fault no longer fires."""
    yield from range(1, CALLS_MAX)
    raise AssertionError(f"more than {CALLS_MAX} calls for one change")


@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC])
@pytest.mark.parametrize("title", SCENARIOS)
def test_each_call_fails_in_turn(title: str, code: int) -> None:
    scenario = SCENARIOS[title]
    for number in tries():
        store, disk = make_store(scenario, number, ordered=False)
        disk.faults = Faults(fail_at=number, fail_with=code)
        acknowledged = True
        try:
            scenario.change(store)
        except (StoreError, OSError):
            acknowledged = False
        faults, disk.faults = disk.faults, Faults()
        where = f"{title}, call {number}: {faults.calls[-1]}"
        found = state_of(store)
        assert found in (scenario.before, scenario.after), where
        assert found == scenario.after or not acknowledged, where
        check_nothing_is_left(disk)
        check_hashes(store, disk)
        if not faults.fired:
            break


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC])
@pytest.mark.parametrize("title", SCENARIOS)
def test_a_retry_after_a_failure_is_as_durable_as_any(title: str, code: int, ordered: bool) -> None:
    """A failed fsync leaves pages that look clean; the retry must not build on them."""
    scenario = SCENARIOS[title]
    for number in tries():
        store, disk = make_store(scenario, number, ordered=ordered)
        disk.faults = Faults(fail_at=number, fail_with=code)
        with contextlib.suppress(StoreError, OSError):
            scenario.change(store)
        faults, disk.faults = disk.faults, Faults()
        put(store, b"retried", 5, "retried")
        disk.cut_power()
        disk.power_on("everything unsynced")
        assert state_of(store) == (b"retried", "retried"), f"{title}, {faults.calls[-1]}"
        check_hashes(store, disk)
        if not faults.fired:
            break


@pytest.mark.parametrize("losing", ["everything unsynced", "some of it", "nothing"])
@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("title", SCENARIOS)
def test_power_goes_at_each_call(title: str, ordered: bool, losing: Losing) -> None:
    scenario = SCENARIOS[title]
    for number in tries():
        for seed in range(4 if losing == "some of it" else 1):
            store, disk = make_store(scenario, seed, ordered=ordered)
            disk.faults = Faults(cut_at=number, cut_after=bool(seed % 2))
            acknowledged = True
            try:
                scenario.change(store)
            except PowerCut:
                acknowledged = False
            faults = disk.faults
            disk.cut_power()
            disk.power_on(losing)
            where = f"{title}, seed {seed}, call {number}: {faults.calls[-1]}"
            found = state_of(store)
            assert found in (scenario.before, scenario.after), where
            assert found == scenario.after or not acknowledged, where
            check_hashes(store, disk)
            check_nothing_is_left(disk)
        if not faults.fired:
            break
