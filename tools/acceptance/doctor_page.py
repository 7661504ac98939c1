"""What became of planted faults, and the page that tells it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tools.acceptance.pages import REPOSITORY

PAGE = REPOSITORY / "doc/operations/doctor-faults.md"
_HEAD = """\
# Faults that doctor names and mends

{count} faults, of {kinds} kinds, were planted one by one on four storage nodes and a proxy with a
systemd each, by what causes them. `swiftlite doctor` named each (`--all` where it stands so); the
command that it printed was run as it stands, and doctor had nothing to say any more, as before the
first and after the last. Written by `python -m tools.acceptance.doctor --page`.

| fault | asked on | finding | command |
| --- | --- | --- | --- |
"""


@dataclass
class Outcome:
    """What became of a fault. seconds: from its command until doctor was silent."""

    finding: str
    title: str
    machine: str
    whole: bool
    mend: str = ""
    seconds: float = 0.0
    wrong: str = ""

    def row(self) -> str:
        where = f"{self.machine} `--all`" if self.whole else self.machine
        mend = self.mend.replace("|", "\\|")
        return f"| {self.title} | {where} | {self.finding} | `` {mend} `` |\n"


def page(outcomes: Sequence[Outcome]) -> str:
    """Of those that were mended."""
    mended = [one for one in outcomes if not one.wrong]
    kinds = {one.finding for one in mended}
    head = _HEAD.format(count=len(mended), kinds=len(kinds))
    return head + "".join(one.row() for one in mended)
