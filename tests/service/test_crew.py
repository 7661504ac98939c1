"""A crew in a process of its own, driven from outside by signals."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("run_crew.py")


class Started:
    def __init__(self, folder: Path, *posts: str) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, str(SCRIPT), str(folder), *posts],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def pid(self, name: str) -> int | None:
        try:
            text = (self.folder / name).read_text()
        except FileNotFoundError:
            return None
        return int(text) if text.endswith("\n") else None

    def wait_until_ready(self) -> None:
        wait_for(lambda: (self.folder / "ready").exists())

    def finish(self) -> tuple[int, str]:
        _, complaint = self.process.communicate(timeout=20)
        return self.process.returncode, complaint


def wait_for(claim: Callable[[], object], within: float = 20.0) -> None:
    """Poll until a claim holds. The time is how long a lost machine may take, not a measure."""
    until = time.monotonic() + within
    while not claim():
        assert time.monotonic() < until, "what was waited for did not happen"
        time.sleep(0.01)


def is_gone(pid: int | None) -> bool:
    assert pid is not None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    with contextlib.suppress(OSError):  # a zombie that nobody collects has gone as well
        return Path(f"/proc/{pid}/stat").read_text().split(") ")[1].startswith("Z")
    return True


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Started]]:
    running: list[Started] = []

    def starter(*posts: str) -> Started:
        running.append(Started(tmp_path, *posts))
        return running[-1]

    yield starter
    (tmp_path / "over").touch()  # children that were let go hold our pipes
    for started in running:
        if started.process.poll() is None:
            started.process.kill()
        started.process.communicate()


Starter = Callable[..., Started]


def test_everybody_runs_and_stops_on_sigterm(start: Starter) -> None:
    crew = start("one", "two")
    crew.wait_until_ready()
    pids = [crew.pid("one"), crew.pid("two")]
    crew.process.send_signal(signal.SIGTERM)
    assert crew.finish() == (0, "")
    assert all(is_gone(pid) for pid in pids)


def test_a_child_that_dies_is_started_again(start: Starter) -> None:
    crew = start("one", "two")
    crew.wait_until_ready()
    first, second = crew.pid("one"), crew.pid("two")
    assert first is not None
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: crew.pid("one") not in (None, first))
    assert crew.pid("two") == second


def test_a_child_that_cannot_start_ends_everything_with_its_sentence(start: Starter) -> None:
    crew = start("one", "two:cannot")
    assert crew.finish() == (1, "cannot start: two has no device\n")
    if crew.pid("one") is not None:
        wait_for(lambda: is_gone(crew.pid("one")))


def test_a_child_that_crashes_at_the_start_is_told_in_one_line(start: Starter) -> None:
    code, complaint = start("one:crash").finish()
    assert code == 1
    assert complaint.endswith("cannot start: one: RuntimeError: two lines\n")


def test_a_child_that_will_not_stop_is_killed_after_the_grace(start: Starter) -> None:
    crew = start("one:stubborn")
    crew.wait_until_ready()
    crew.process.send_signal(signal.SIGTERM)
    assert crew.finish()[0] == 0
    assert is_gone(crew.pid("one"))


def test_children_die_with_a_killed_parent(start: Starter) -> None:
    crew = start("one", "two")
    crew.wait_until_ready()
    children = crew.pid("one"), crew.pid("two")
    crew.process.kill()
    crew.process.wait()
    wait_for(lambda: all(map(is_gone, children)))
    assert (crew.pid("one"), crew.pid("two")) == children  # nobody has taken their places


@pytest.mark.parametrize("patient", [True, False])
def test_what_came_afterwards_stops_first(start: Starter, patient: bool) -> None:
    crew = start("one", "+late:lingers", *(["--patient"] if patient else []))
    wait_for(lambda: crew.pid("late"))
    crew.process.send_signal(signal.SIGTERM)
    wait_for(lambda: (crew.folder / "late-told").exists())
    if patient:
        assert not (crew.folder / "one-told").exists()
        (crew.folder / "over").touch()
    assert crew.finish()[0] == 0  # and with half of the grace gone nobody is waited for
    assert (crew.folder / "one-told").exists()
    assert is_gone(crew.pid("late"))


def test_what_a_child_is_told_at_its_birth_is_not_for_the_crew(start: Starter) -> None:
    crew = start("one", "+late", "--patient", "--slow-fork")
    crew.wait_until_ready()
    crew.process.send_signal(signal.SIGTERM)
    assert crew.finish()[0] == 0
    assert (crew.folder / "one-told").exists()  # rather than killed at a second SIGTERM


def test_a_terminal_that_closes_stops_everybody(start: Starter) -> None:
    crew = start("one")
    crew.wait_until_ready()
    crew.process.send_signal(signal.SIGHUP)
    assert crew.finish()[0] == 0
    assert is_gone(crew.pid("one"))


def test_a_crew_that_lets_go_ends_before_its_children(start: Starter) -> None:
    crew = start("one", "two", "--lets-go")
    crew.wait_until_ready()
    crew.process.send_signal(signal.SIGHUP)
    assert crew.process.wait(timeout=20) == 0
    assert not is_gone(crew.pid("one"))
    assert not is_gone(crew.pid("two"))
    (crew.folder / "over").touch()
    wait_for(lambda: is_gone(crew.pid("one")) and is_gone(crew.pid("two")))


def test_other_posts_begin_and_those_of_before_may_finish(start: Starter) -> None:
    crew = start("one", "two")
    crew.wait_until_ready()
    (crew.folder / "posts").write_text("two three")
    two = crew.pid("two")
    crew.process.send_signal(signal.SIGUSR1)
    wait_for(lambda: crew.pid("three") and (crew.folder / "one-leaves").exists())
    assert crew.pid("two") == two
    (crew.folder / "over").touch()
    wait_for(lambda: is_gone(crew.pid("one")))
    crew.process.send_signal(signal.SIGTERM)
    assert crew.finish() == (0, "")


def test_elders_are_asked_to_leave_once_everybody_is_ready(start: Starter) -> None:
    crew = start("one:cannot-yet", "--elder")
    wait_for(lambda: crew.pid("elder"))
    assert not (crew.folder / "elder-left").exists()
    (crew.folder / "may").touch()
    crew.wait_until_ready()
    wait_for(lambda: is_gone(crew.pid("elder")))
    assert (crew.folder / "elder-left").exists()


def test_elders_serve_on_while_others_cannot_start(start: Starter) -> None:
    """A crew without elders would have ended at once."""
    crew = start("one:cannot", "--elder")
    wait_for(lambda: crew.pid("elder"))
    assert crew.process.stdout is not None
    told = [crew.process.stdout.readline() for _ in range(4)]  # two attempts
    assert any("one cannot start: one has no device" in line for line in told)
    assert not is_gone(crew.pid("elder"))
    crew.process.send_signal(signal.SIGTERM)
    assert crew.finish()[0] == 0
    assert is_gone(crew.pid("elder"))


def test_a_child_without_a_sign_of_life_is_replaced(start: Starter) -> None:
    crew = start("one", "two:silent", "--beat")
    crew.wait_until_ready()
    one, two = crew.pid("one"), crew.pid("two")
    wait_for(lambda: crew.pid("two") not in (None, two))
    assert is_gone(two)
    assert crew.pid("one") == one


def test_a_crew_whose_children_are_all_done_ends(start: Starter) -> None:
    crew = start("one:done", "two:done")
    assert crew.finish() == (0, "")


def test_a_crew_knows_that_somebody_gave_up(start: Starter) -> None:
    code, complaint = start("one:gives-up", "two:done").finish()
    assert (code, complaint) == (1, "somebody gave up\n")


def test_a_child_that_rests_is_started_again_without_complaint(start: Starter) -> None:
    crew = start("one:rests")
    wait_for(lambda: len(list(crew.folder.glob("one-*"))) >= 3)
    crew.process.send_signal(signal.SIGTERM)
    out, _ = crew.process.communicate(timeout=20)
    assert "starting it again" not in out
    assert crew.process.returncode == 0
