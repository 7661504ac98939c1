"""objectstore.commits: who waits at the same time is served together, each with its own end."""

from __future__ import annotations

import errno

import pytest

from swiftlite.host.gathering import Gathering
from swiftlite.objectstore.commits import COMPANY_MAX, Commits, Steps, exhausted
from swiftlite.testing.sim_disk import SimDisk
from swiftlite.testing.sim_host import SimNode, World
from tests.objectstore.stores import NOW, Store


class Trace:
    """What the steps of several commits did, in order."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def steps(self, name: str, *, alone_at: int = 0, fails_at: int = 0) -> Steps[str]:
        for number in (1, 2, 3):
            self.seen.append(f"{name}{number}")
            if number == fails_at:
                raise ValueError(name)
            if number < 3:
                yield None if number == alone_at else ""
        return name.upper()


def commits_of(node: SimNode) -> Commits:
    return Commits(node.tasks, Gathering(node.tasks, node.host.clock.monotonic), node.disk)


def run_all(trace: Trace, *all_steps: Steps[str]) -> list[str]:
    """Commit each from a task of its own; results, or the names of errors."""
    world = World(0)
    tasks = world.node("10.0.0.1").tasks
    commits = commits_of(world.node("10.0.0.1"))

    def one(steps: Steps[str]) -> str:
        try:
            return commits.run("sda1", steps)
        except ValueError as error:
            return f"failed {error}"

    def main() -> list[str]:
        running = [tasks.spawn(one, steps) for steps in all_steps]
        return [task.wait() for task in running]

    return list(world.run(world.node("10.0.0.1"), main))


def test_one_alone_is_done_at_once() -> None:
    trace = Trace()
    assert run_all(trace, trace.steps("a")) == ["A"]
    assert trace.seen == ["a1", "a2", "a3"]


def test_those_who_wait_go_step_by_step_together() -> None:
    trace = Trace()
    all_steps = [trace.steps(name) for name in "abcd"]
    assert sorted(run_all(trace, *all_steps)) == ["A", "B", "C", "D"]
    rounds = "".join(seen[1] for seen in trace.seen)
    assert rounds != "123" * 4, "nobody shared a round"
    for name in "abcd":
        assert [seen for seen in trace.seen if seen[0] == name] == [f"{name}{n}" for n in (1, 2, 3)]


def test_one_that_fails_leaves_the_others_alone() -> None:
    trace = Trace()
    all_steps = [trace.steps("a"), trace.steps("b", fails_at=2), trace.steps("c")]
    assert run_all(trace, *all_steps) == ["A", "failed b", "C"]


def test_one_that_must_wait_goes_on_after_the_round() -> None:
    trace = Trace()
    all_steps = [trace.steps("a"), trace.steps("b", alone_at=1), trace.steps("c")]
    assert run_all(trace, *all_steps) == ["A", "B", "C"]
    assert trace.seen.index("b2") > trace.seen.index("b1")


def test_more_than_one_round_may_hold() -> None:
    trace = Trace()
    count = COMPANY_MAX * 2 + 5
    results = run_all(trace, *(trace.steps(f"{chr(0x4E00 + n)}") for n in range(count)))
    assert len(results) == count
    assert not any(result.startswith("failed") for result in results)


def test_exhausted_raises_what_a_step_raises() -> None:
    trace = Trace()
    with pytest.raises(ValueError, match="a"):
        exhausted(SimDisk(), trace.steps("a", fails_at=3))
    assert exhausted(SimDisk(), trace.steps("b")) == "B"


def making(disk: SimDisk, path: str, seen: list[str]) -> Steps[None]:
    disk.mkdir(path)
    try:
        yield path.rpartition("/")[0] or "/"
    except OSError:
        seen.append(path)
        raise


def test_one_sync_serves_a_round_and_its_failure_is_everybodys() -> None:
    world = World(0, ordered_disks=True)
    node = world.node("10.0.0.1")
    commits = commits_of(node)
    undone: list[str] = []
    failed: list[str] = []

    def one(path: str) -> None:
        try:
            commits.run("sda1", making(node.disk, path, undone))
        except OSError:
            failed.append(path)

    def main() -> list[str]:
        paths = ["/a", "/b", "/c"]
        for task in [node.tasks.spawn(one, path) for path in paths]:
            task.wait()
        syncs = [call for call in node.disk.faults.calls if call.startswith("fsync_dir")]
        node.disk.fsync_dir = broken_sync  # type: ignore[method-assign]
        for task in [node.tasks.spawn(one, f"{path}2") for path in paths]:
            task.wait()
        return syncs

    def broken_sync(path: str) -> None:
        raise OSError(errno.EIO, "broken", path)

    syncs = world.run(node, main)
    assert 1 <= len(syncs) < 3
    assert sorted(failed) == sorted(undone) == ["/a2", "/b2", "/c2"]


def test_objects_of_one_partition_get_their_turn_within_a_round(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each holds the partition's lock while its bytes travel; nobody has to leave for that."""
    world = World(0, ordered_disks=True)
    node = world.node("10.0.0.1")
    node.disk.makedirs("/srv/sda1")
    store = Store("/srv", host=node.host)
    left: list[object] = []
    monkeypatch.setattr("swiftlite.objectstore.commits._finish", lambda *job: left.append(job))

    def main() -> None:
        for task in [node.tasks.spawn(store.put, b"x", NOW, f"o{n}") for n in range(6)]:
            task.wait()

    world.run(node, main)
    assert left == []
    assert sum(path.endswith(".data") for path in node.disk.tree("/srv/sda1/objects/7")) == 6
