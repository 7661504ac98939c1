"""Which way files go when the method is rsync, and what a daemon does that is told to stop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest

from swiftlite.obj.replicator.jobs import Job
from swiftlite.obj.replicator.peers import NodeRefuses, Peers
from swiftlite.obj.replicator.push import FEW_OBJECTS, Parcel, Push, PushFailed, RsyncPush
from swiftlite.objectstore.partition import Partition
from swiftlite.peers.rsync import Pushed, Rsync
from tests.obj.replicator.nodes import NOW, Nodes, device_of, make_ring, run_to_idle

RING = make_ring(4, 3)
HERE, THERE = device_of(RING, 1), device_of(RING, 2)
UPDATE = Job(0, HERE, 7, (THERE,), is_handoff=False)
REVERT = Job(0, HERE, 7, (THERE,), is_handoff=True)


class Wires:
    """Peers, rsync, the other way and the partition in one; notes what is asked of it."""

    device_path = "/srv/node/d1"

    def __init__(
        self, *, ours: bool = False, rsync: Pushed = Pushed.ALL, told: bool = True
    ) -> None:
        self.ours, self.rsync, self.can_be_told = ours, rsync, told
        self.calls: list[str] = []

    def is_ours(self, device: object) -> bool:
        return self.ours

    def mark(self, *_: object, settle: bool) -> None:
        self.calls.append("settle" if settle else "mark")
        if not self.can_be_told:
            raise NodeRefuses("away")

    def push(self, root: str, names: list[str], to: object, directory: str, *, far: bool) -> Pushed:
        self.calls.append(f"rsync {root}: {' '.join(names)} {directory}")
        return self.rsync

    def suffixes(self) -> list[str]:
        return ["abc", "def"]


def made(wires: Wires, few: Callable[..., frozenset[str]] | None = None) -> RsyncPush:
    return RsyncPush(cast(Rsync, wires), cast(Peers, wires), cast("Push | None", few))


def pushed(
    wires: Wires,
    job: Job,
    few: Any = None,  # noqa: ANN401
    objects: int = 1,
    suffixes: tuple[str, ...] = ("abc", "999"),
) -> frozenset[str]:
    held = {f"{number:032x}": ("x",) for number in range(objects)}
    return made(wires, few)(job, THERE, cast(Partition, wires), suffixes, held)


def test_suffixes_go_to_the_same_paths_over_there() -> None:
    wires = Wires()
    assert len(pushed(wires, UPDATE)) == 1
    assert wires.calls == ["rsync /srv/node/d1/objects: 7/abc 7/999 objects", "mark"]


def test_nothing_is_pushed_of_what_has_gone() -> None:
    wires = Wires()
    with pytest.raises(PushFailed, match="nothing of it"):
        pushed(wires, UPDATE, suffixes=("999",))
    assert not wires.calls


def test_what_will_be_let_go_of_is_made_durable_over_there() -> None:
    wires = Wires()
    pushed(wires, REVERT)
    assert wires.calls[-1] == "settle"


@pytest.mark.parametrize(
    ("job", "rsync", "calls"),
    [
        (UPDATE, Pushed.PART, 2),
        (REVERT, Pushed.PART, 1),
        (UPDATE, Pushed.NOTHING, 1),
        (REVERT, Pushed.NOTHING, 1),
    ],
)
def test_a_failed_rsync_fails_the_push_and_of_an_update_some_may_have_arrived(
    job: Job, rsync: Pushed, calls: int
) -> None:
    wires = Wires(rsync=rsync)
    with pytest.raises(PushFailed):
        pushed(wires, job)
    assert len(wires.calls) == calls


def test_a_node_that_was_not_told_may_not_have_it() -> None:
    with pytest.raises(PushFailed):
        pushed(Wires(told=False), REVERT)


def test_a_node_that_was_not_told_of_one_is_not_told_of_the_others() -> None:
    wires = Wires(told=False)
    parcel = Parcel(UPDATE, THERE, cast(Partition, wires), ("abc",), {})
    failures = made(wires).together([parcel, parcel, parcel])
    assert [str(failure) for failure in failures] == ["away"] * 3
    assert wires.calls.count("mark") == 1


def few_arrive(*_: object) -> frozenset[str]:
    return frozenset(("few",))


def few_fail(*_: object) -> frozenset[str]:
    raise PushFailed("no")


@pytest.mark.parametrize(
    ("ours", "objects", "few", "by_rsync"),
    [
        (True, 1, few_arrive, False),
        (True, FEW_OBJECTS, few_arrive, False),
        (True, FEW_OBJECTS + 1, few_arrive, True),
        (True, 1, few_fail, True),
        (False, 1, few_arrive, True),
        (True, 1, None, True),
    ],
)
def test_a_few_objects_go_by_the_other_way_to_a_node_of_our_kind(
    ours: bool,
    objects: int,
    few: Any,  # noqa: ANN401
    by_rsync: bool,
) -> None:
    wires = Wires(ours=ours)
    found = pushed(wires, UPDATE, few, objects)
    assert bool(wires.calls) == by_rsync
    assert (found == {"few"}) != by_rsync


def test_it_does_so_in_a_pass() -> None:
    nodes = Nodes()
    one = nodes.primaries("o")[0]
    nodes.put(one, "o")
    nodes.replicate(one, {"sync_method": "rsync"})
    assert nodes.holders("o") == sorted(nodes.primaries("o"))


def test_a_daemon_that_is_told_to_stop_pushes_nothing_more() -> None:
    nodes = Nodes()
    handoff = nodes.handoff("o")
    nodes.put(handoff, "o")
    told = nodes.node(handoff).host.tasks.event()
    work = nodes.replicator(handoff, told_to_stop=told)
    run, node = nodes.world.run, nodes.node(handoff)
    run(node, work.step)  # has its plan
    told.set("told")
    run(node, work.step)
    assert nodes.holders("o") == [handoff]
    run(node, run_to_idle, nodes.replicator(handoff))
    assert nodes.holders("o") == sorted(nodes.primaries("o"))
    assert nodes.ask(nodes.primaries("o")[0], "GET", "o").headers["x-timestamp"] == NOW.normal
