"""What a check has found, in the words in which it is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Literal, TypeVar

Weight = Literal["fault", "warning"]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Finding:
    """what and why are sentences for people; name and where are for programs.

    mend: a command for root's shell on this node, to be run as it stands. It mends; or, where that
    takes more than a command can know, it is the first of the task that a page of doc/ tells.
    """

    name: str
    where: str
    what: str
    why: str
    mend: str
    weight: Weight = "fault"
    page: str = ""

    def lines(self) -> Iterator[str]:
        sign = "!!" if self.weight == "fault" else "! "
        yield f"{sign} {self.where}: {self.what}"
        yield f"     why   {self.why}"
        if self.page:
            yield f"     begin {self.mend}"
            yield f"     see   doc/{self.page}"
        else:
            yield f"     mend  {self.mend}"

    def facts(self) -> dict[str, str]:
        return asdict(self)


Check = Callable[[T], Iterator[Finding]]


def run(checks: tuple[Check[T], ...], subject: T) -> list[Finding]:
    """Faults first, else in the order of the checks."""
    found = [finding for check in checks for finding in check(subject)]
    return sorted(found, key=lambda finding: finding.weight != "fault")
