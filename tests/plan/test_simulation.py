"""What was called safe does no harm and what was called unsafe does, in simulated clusters; a ring
change moves the bytes that were said, in about the time that was said.

tools/acceptance/plan_versus_simulation.py does the same for as many seeds as one has time for.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from swiftlite.plan import Answer
from tests.plan.trial import Trial


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 2, 4])
@pytest.mark.parametrize("question", ["stop", "stop zone", "pull"])
def test_verdicts_are_true(seed: int, question: str, tmp_path: Path) -> None:
    outcome = Trial(seed, tmp_path, question).run()
    assert outcome.wrong == []
    if outcome.answer is Answer.UNSAFE:
        assert outcome.harms


@pytest.mark.slow
@pytest.mark.parametrize("seed", [2001, 2003])
def test_a_ring_moves_what_was_said_in_the_time_that_was_said(seed: int, tmp_path: Path) -> None:
    outcome = Trial(seed, tmp_path, "ring", "none").run()
    assert outcome.wrong == []
    assert outcome.bytes_seen == pytest.approx(outcome.bytes_said, rel=0.05)
    assert outcome.seconds_seen == pytest.approx(outcome.seconds_said, rel=0.25)
