from __future__ import annotations

from collections.abc import Callable

import pytest

from swiftlite.service.pace import Pace
from swiftlite.service.passes import Busy, DaemonContext, Idle
from swiftlite.service.runner import FIRST_PAUSE_S, ONCE_TRIES, run_pass
from swiftlite.testing.sim_host import SimNode, World
from tests.service.contexts import Lines, make_context

Outcome = Busy | Idle | Exception


class Script:
    """A pass that does what it was told, then stops the daemon."""

    def __init__(self, node: SimNode, outcomes: list[Outcome]) -> None:
        self.node = node
        self.outcomes = outcomes
        self.moments: list[float] = []
        self.closed = 0
        self.when_done: Callable[[], None] = lambda: None

    def step(self) -> Busy | Idle:
        self.moments.append(self.node.host.clock.monotonic())
        outcome = self.outcomes.pop(0)
        if not self.outcomes:
            self.when_done()
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def close(self) -> None:
        self.closed += 1


def run(outcomes: list[Outcome], *, once: bool = False) -> tuple[int, Script, Lines]:
    world = World(1)
    node = world.node("10.0.0.1")
    sink = Lines()
    script = Script(node, outcomes)

    def main() -> int:
        context: DaemonContext = make_context(node.host, sink=sink, once=once)
        script.when_done = lambda: context.told_to_stop.set("told")
        if once:
            script.when_done = lambda: None
        return run_pass(context, script, lambda _: None)

    return world.run(node, main), script, sink


def test_a_busy_pass_goes_on_at_once_and_an_idle_one_waits() -> None:
    code, script, _ = run([Busy(), Busy(), Idle(30.0), Busy()])
    assert code == 0
    gaps = [late - early for early, late in zip(script.moments, script.moments[1:], strict=False)]
    assert gaps[0] < 1
    assert gaps[1] < 1
    assert 30 <= gaps[2] < 31
    assert script.closed == 1


def test_a_failing_step_is_logged_with_its_traceback_and_tried_again_after_a_growing_pause() -> (
    None
):
    code, script, sink = run([ValueError("a bad row"), ValueError("again"), Busy()])
    assert code == 0
    gaps = [late - early for early, late in zip(script.moments, script.moments[1:], strict=False)]
    assert FIRST_PAUSE_S <= gaps[0] < gaps[1]
    failures = [line for line in sink.lines if "A step failed" in line]
    assert len(failures) == 2
    assert "Traceback" in failures[0]
    assert "a bad row" in failures[0]


def test_once_ends_with_the_first_idle() -> None:
    code, script, _ = run([Busy(), Busy(), Idle(300.0), Busy()], once=True)
    assert code == 0
    assert len(script.moments) == 3
    assert script.closed == 1


def test_once_gives_up_after_failures_in_a_row() -> None:
    code, script, _ = run([ValueError("x")] * (ONCE_TRIES + 1), once=True)
    assert code == 1
    assert len(script.moments) == ONCE_TRIES
    assert script.closed == 1


def test_a_stop_ends_a_long_pause() -> None:
    world = World(1)
    node = world.node("10.0.0.1")
    script = Script(node, [Idle(3600.0), Busy()])

    def main() -> float:
        context = make_context(node.host)

        def stop_later() -> None:
            node.tasks.sleep(5.0)
            context.told_to_stop.set("told")

        node.tasks.spawn(stop_later)
        run_pass(context, script, lambda _: None)
        return node.host.clock.monotonic() - script.moments[0]

    assert world.run(node, main) < 10


@pytest.mark.parametrize(("worker", "share"), [(0, ["sda", "sdc"]), (1, ["sdb"])])
def test_workers_share_devices_without_overlap(worker: int, share: list[str]) -> None:
    node = World(1).node("10.0.0.1")
    context = make_context(node.host, worker=worker, workers=2)
    assert context.share({"sdb", "sda", "sdc"}) == share


def test_only_the_devices_that_were_asked_for_are_shared() -> None:
    node = World(1).node("10.0.0.1")
    context = make_context(node.host, devices=frozenset({"sdb", "sdx"}))
    assert context.share(["sda", "sdb"]) == ["sdb"]


def test_a_pace_spreads_units_and_has_little_slack() -> None:
    world = World(1)
    node = world.node("10.0.0.1")

    def main() -> float:
        clock, pace = node.host.clock, Pace(node.host.clock, 10.0)
        node.tasks.sleep(100.0)  # a long pause earns no long burst
        began = clock.monotonic()
        for _ in range(50):
            pace.spend()
            node.tasks.sleep(pace.due())
        return clock.monotonic() - began

    assert 3.9 <= world.run(node, main) <= 5.1
