"""The faults that are planted on machines, and the page that tells what mended them."""

from __future__ import annotations

import re

import pytest

from tests.house.source import REPOSITORY
from tools.acceptance.doctor_fault import Fault
from tools.acceptance.doctor_faults import FAULTS
from tools.acceptance.doctor_page import PAGE, Outcome, page
from tools.acceptance.pages import ADDRESSES

ROW = re.compile(r"^\| (?P<title>.+?) \| (?P<where>.+?) \| (?P<finding>[a-z-]+) \| `` .+ `` \|$")


def test_the_page_is_that_of_the_faults_that_there_are() -> None:
    rows = [found for line in PAGE.read_text().splitlines() if (found := ROW.match(line))]
    assert [(row["title"], row["finding"]) for row in rows] == [
        (fault.title, fault.finding) for fault in FAULTS
    ], "run python -m tools.acceptance.doctor --page"


def test_at_least_twenty_five_kinds_are_planted() -> None:
    assert len({fault.finding for fault in FAULTS}) >= 25


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.title)
def test_a_fault_is_one_that_doctor_knows_on_a_machine_that_there_is(fault: Fault) -> None:
    sources = (REPOSITORY / "swiftlite/cli/doctor").glob("*.py")
    assert any(f'"{fault.finding}"' in path.read_text() for path in sources)
    assert fault.machine in ADDRESSES


def test_what_was_not_mended_is_not_told() -> None:
    good = Outcome("a-b", "one", "storage1", whole=True, mend="x | y")
    bad = Outcome("c-d", "two", "storage1", whole=False, mend="z", wrong="it stayed")
    told = page([good, bad])
    assert "1 faults, of 1 kinds" in told
    assert told.splitlines()[-1] == "| one | storage1 `--all` | a-b | `` x \\| y `` |"
