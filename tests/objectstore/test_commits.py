"""objectstore.commits: who waits at the same time is served together, each with its own end."""

from __future__ import annotations

import pytest

from swiftlite.objectstore.commits import COMPANY_MAX, Commits, Steps, exhausted
from swiftlite.testing.sim_host import World


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
                yield number == alone_at
        return name.upper()


def run_all(trace: Trace, *all_steps: Steps[str]) -> list[str]:
    """Commit each from a task of its own; results, or the names of errors."""
    world = World(0)
    tasks = world.node("10.0.0.1").tasks
    commits = Commits(tasks)

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
        exhausted(trace.steps("a", fails_at=3))
    assert exhausted(trace.steps("b")) == "B"
