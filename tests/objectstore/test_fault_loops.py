"""The store on a disk that loses power, or fails, at each call in turn.

Every scenario is an act on an object that may be there already. After the act, whole or cut off:
what was there before or what the act brings, never less; what was acknowledged, for certain; and
no suffix hash that hides it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
from collections.abc import Callable, Iterator

import pytest

from swiftlite.formats.async_pending import AsyncPending, decode_async_pending
from swiftlite.host.plain import make_host
from swiftlite.objectstore.api import (
    Absent,
    Damaged,
    Presence,
    StoreError,
    Superseded,
    XattrsUnsupported,
)
from swiftlite.objectstore.diskfile import OpenObject
from swiftlite.testing.sim_clock import SimClock, SimEntropy
from swiftlite.testing.sim_disk import SimDisk
from swiftlite.testing.sim_faults import PowerCut
from swiftlite.testing.sim_nodes import Losing
from tests.objectstore.stores import HASH_PATH, NOW, Store

SUFFIX = HASH_PATH.hex("a", "c", "o")[-3:]
LARGE = bytes(range(256)) * 5000  # two blocks
LATER = NOW.plus(10)
KINDS = pytest.mark.parametrize("ordered", [False, True], ids=["no order", "one journal"])
State = tuple[bytes | str, str | None]
"""Body, or why there is none; and the colour in the metadata."""


@dataclasses.dataclass
class Scenario:
    name: str
    prepare: Callable[[Store], object]
    act: Callable[[Store], object]
    before: State
    after: State


def put_old(store: Store) -> None:
    store.put(b"old", X_Object_Meta_Color="red")


def put_old_and_hash(store: Store) -> None:
    put_old(store)
    hashes(store)


def post(store: Store) -> None:
    store.diskfile().write_metadata(
        {"X-Timestamp": LATER.internal, "X-Object-Meta-Color": "blue"}, LATER
    )


def delete(store: Store) -> None:
    store.diskfile().delete(LATER)


def put_large(store: Store) -> None:
    store.put(LARGE, LATER)


def hashes(store: Store) -> dict[str, object]:
    return dict(store.manager.suffix_hashes("sda1", 7, 0).hashes)


def nothing(store: Store) -> None:
    pass


def put_old_hash_and_post(store: Store) -> None:
    put_old_and_hash(store)
    post(store)


def put_while_hashing(store: Store) -> None:
    """A pass makes the first cache of a partition, and a put comes in between."""
    disk = store.host.disk
    listdir = disk.listdir
    others: list[str] = []

    def list_and_put(path: str) -> list[str]:
        found = listdir(path)
        if path.endswith("/objects/7") and not others:
            others.append(path)
            put_old(store)
        return found

    disk.listdir = list_and_put  # type: ignore[method-assign]
    try:
        hashes(store)
    finally:
        disk.listdir = listdir  # type: ignore[method-assign]


MISSING: State = ("missing", None)
OLD: State = (b"old", "red")
SCENARIOS = [
    Scenario("first put", nothing, put_old, MISSING, OLD),
    Scenario("large put", nothing, put_large, MISSING, (LARGE, None)),
    Scenario("overwrite", put_old, put_large, OLD, (LARGE, None)),
    Scenario("overwrite, hashed", put_old_and_hash, put_large, OLD, (LARGE, None)),
    Scenario("post", put_old, post, OLD, (b"old", "blue")),
    Scenario("post, hashed", put_old_and_hash, post, OLD, (b"old", "blue")),
    Scenario("delete", put_old, delete, OLD, ("deleted", None)),
    Scenario("delete, hashed", put_old_and_hash, delete, OLD, ("deleted", None)),
    Scenario("delete of nothing", nothing, delete, MISSING, ("deleted", None)),
    Scenario("hash pass", put_old, hashes, OLD, OLD),
    Scenario("hash pass again", put_old_and_hash, hashes, OLD, OLD),
    Scenario(
        "hash pass after a change",
        put_old_hash_and_post,
        hashes,
        (b"old", "blue"),
        (b"old", "blue"),
    ),
    Scenario("put while hashing", nothing, put_while_hashing, MISSING, OLD),
]


def make(seed: int, *, ordered: bool = False) -> tuple[Store, SimDisk]:
    clock = SimClock()
    disk = SimDisk(seed, clock=clock, pause=clock.advance, ordered=ordered)
    disk.makedirs("/srv/sda1")
    disk.fsync_dir("/")
    disk.fsync_dir("/srv")
    host = dataclasses.replace(make_host(), disk=disk, clock=clock, entropy=SimEntropy(seed))
    return Store("/srv", host=host), disk


def state(store: Store) -> State:
    """What a reader would get, checked as a reader checks it."""
    found = store.diskfile().open(LATER.plus(1))
    if isinstance(found, Absent):
        return found.presence.value, None
    assert isinstance(found, OpenObject)
    colour = found.metadata.get("X-Object-Meta-Color")
    body = found.body(whole=True)
    try:
        return b"".join(body.part(0, body.length)), colour
    finally:
        body.close()


def check_hashes(store: Store) -> None:
    """What a pass says now is what a pass without any cache would say."""
    cached = hashes(store)
    disk = store.host.disk
    for name in ("hashes.pkl", "hashes.invalid"):
        with contextlib.suppress(FileNotFoundError):
            disk.unlink(f"/srv/sda1/objects/7/{name}")
    assert hashes(store) == cached


def runs(
    scenario: Scenario,
    seed: int,
    plan: Callable[[SimDisk, int], None],
    *,
    ordered: bool,
) -> Iterator[tuple[int, Store, SimDisk, bool]]:
    """The scenario with the n-th call spoiled, for each n; whether the act was acknowledged."""
    for n in range(1, 500):
        store, disk = make(seed * 1000 + n, ordered=ordered)
        scenario.prepare(store)
        disk.faults = type(disk.faults)()
        plan(disk, n)
        acknowledged = False
        try:
            scenario.act(store)
            acknowledged = True
        except (PowerCut, StoreError, Damaged):
            pass
        over = n > disk.faults.touched
        yield n, store, disk, acknowledged
        if over:
            assert acknowledged, "nothing went wrong, and yet it failed"
            assert n > 5, "the scenario makes hardly any calls"
            return
    raise AssertionError("the scenario never ended")


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
@pytest.mark.parametrize("losing", ["everything unsynced", "some of it", "nothing"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@KINDS
def test_power_cut_at_each_call(
    scenario: Scenario, losing: Losing, after: bool, ordered: bool
) -> None:
    def plan(disk: SimDisk, n: int) -> None:
        disk.faults.cut_at, disk.faults.cut_after = n, after

    for n, store, disk, acknowledged in runs(scenario, 1, plan, ordered=ordered):
        where = disk.faults.calls[-1] if disk.faults.calls else ""
        disk.cut_power()
        disk.power_on(losing)
        found = state(store)
        allowed = [scenario.after] if acknowledged else [scenario.before, scenario.after]
        assert found in allowed, f"call {n}: {where}"
        check_hashes(store)
        assert state(store) == found
        assert disk.open_descriptors() == []


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC, errno.EDQUOT], ids=errno.errorcode.get)
@pytest.mark.parametrize("sticky", [False, True], ids=["once", "for good"])
@KINDS
def test_each_call_fails(scenario: Scenario, code: int, sticky: bool, ordered: bool) -> None:
    """Never acknowledged over a failed call that mattered; never an error unlike the store's."""

    def plan(disk: SimDisk, n: int) -> None:
        disk.faults.fail_at, disk.faults.fail_with, disk.faults.sticky = n, code, sticky

    for n, store, disk, acknowledged in runs(scenario, 2, plan, ordered=ordered):
        where = disk.faults.calls[-1] if disk.faults.calls else ""
        assert disk.open_descriptors() == [], f"call {n}: {where}"
        disk.cut_power()
        disk.power_on("everything unsynced")
        found = state(store)
        allowed = [scenario.after] if acknowledged else [scenario.before, scenario.after]
        assert found in allowed, f"call {n}: {where}"
        check_hashes(store)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC], ids=errno.errorcode.get)
@KINDS
def test_what_failed_once_and_is_tried_again_is_durable(
    scenario: Scenario, code: int, ordered: bool
) -> None:
    """A failed sync must not leave anything behind that the second try takes for synced."""

    def plan(disk: SimDisk, n: int) -> None:
        disk.faults.fail_at, disk.faults.fail_with = n, code

    for n, store, disk, acknowledged in runs(scenario, 4, plan, ordered=ordered):
        where = disk.faults.calls[-1] if disk.faults.calls else ""
        if not acknowledged:
            with contextlib.suppress(Superseded):  # a sync failed after the name was there
                scenario.act(store)
                acknowledged = True
        disk.cut_power()
        disk.power_on("everything unsynced")
        assert state(store) == scenario.after or not acknowledged, f"call {n}: {where}"
        check_hashes(store)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("losing", ["everything unsynced", "some of it"])
@KINDS
def test_an_async_pending_is_there_once_it_is_saved(
    losing: Losing, after: bool, ordered: bool
) -> None:
    pending = AsyncPending("PUT", "a", "c", "o", {"X-Timestamp": NOW.internal})
    scenario = Scenario(
        "async pending", nothing,
        lambda store: store.manager.save_pending("sda1", 0, NOW, pending), MISSING, MISSING,
    )  # fmt: skip

    def plan(disk: SimDisk, n: int) -> None:
        disk.faults.cut_at, disk.faults.cut_after = n, after

    for _, _, disk, acknowledged in runs(scenario, 3, plan, ordered=ordered):
        disk.cut_power()
        disk.power_on(losing)
        kept = [content for path, content in disk.tree("/srv").items() if "async" in path]
        assert len(kept) == 1 or not acknowledged
        for content in kept:
            assert decode_async_pending(content) == pending


def test_power_cut_while_a_damaged_object_is_set_aside() -> None:
    """It is in one place or the other, and the suffix hash knows of the change."""
    for n in range(1, 100):
        store, disk = make(n)
        put_old_and_hash(store)
        path = f"{store.diskfile().place.path}/{NOW.internal}.data"
        disk.rot(path, 1)
        disk.faults.cut_at = n
        cut = False
        try:
            with pytest.raises(Damaged):
                state(store)
        except PowerCut:
            cut = True
        disk.cut_power()
        disk.power_on("some of it")
        names = [name for name in disk.tree("/srv") if name.endswith(".data")]
        assert len(names) <= 1  # a rename may lose a damaged object; its replicas have it
        if names == [path]:
            with pytest.raises(Damaged):
                state(store)
        assert state(store)[0] == Presence.MISSING.value
        check_hashes(store)
        if not cut:
            return
    raise AssertionError("it never ended")


@pytest.mark.parametrize("offset", [0, 70_000, len(LARGE) - 1])
def test_rot_anywhere_in_a_body_is_found_and_the_object_can_come_back(offset: int) -> None:
    store, disk = make(offset)
    put_large(store)
    disk.rot(f"{store.diskfile().place.path}/{LATER.internal}.data", offset)
    with pytest.raises(Damaged):
        state(store)
    assert state(store) == MISSING
    put_large(store)
    assert state(store) == (LARGE, None)


def test_unreadable_sectors_quarantine() -> None:
    store, disk = make(5)
    put_large(store)
    path = f"{store.diskfile().place.path}/{LATER.internal}.data"
    disk.make_unreadable(path, 1_050_000, 1_050_001)
    with pytest.raises(Damaged):
        state(store)
    assert state(store) == MISSING
    assert any("cannot be read" in line for line in store.log.lines)


def test_a_device_that_breaks_is_unavailable() -> None:
    store, disk = make(6)
    put_old(store)
    disk.broken["/srv/sda1"] = errno.EIO
    with pytest.raises(StoreError):
        store.diskfile().open(NOW)


def test_attributes_that_do_not_fit_are_not_a_full_disk() -> None:
    store, disk = make(7)
    disk.attribute_room = 4096
    with pytest.raises(XattrsUnsupported):
        store.put(b"x", X_Object_Meta_Long="x" * 5000)
    assert state(store) == MISSING
