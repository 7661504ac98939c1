"""One answer out of what several nodes said. Pure: statuses in, a choice out.

A class of statuses wins when a quorum of the nodes is in it: first informational, then good, then
redirections, then the client's own faults. Within a class the highest status speaks, so that one
422 among 409s is told. When no class has a quorum nobody can say, and the answer is 503.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

CLASSES = (100, 200, 300, 400)
HeaderItems = Sequence[tuple[str, str]]


@dataclass(slots=True)  # never changed; frozen, it would take twice as long to make
class NodeAnswer:
    """What one node said to a request; status 503 with made_up for one that said nothing."""

    status: int
    reason: str = ""
    headers: HeaderItems = ()
    body: bytes = b""
    made_up: bool = field(default=False, compare=False)

    def header(self, name: str) -> str | None:
        """One header by its lower-case name."""
        for key, value in self.headers:
            if key.lower() == name:
                return value
        return None


SILENT = NodeAnswer(503, made_up=True)
UNDECIDED = NodeAnswer(503, "Service Unavailable", made_up=True)


def quorum_size(count: int) -> int:
    """Half of the nodes, rounded up: 2 of 3, but also 2 of 4, as in Swift."""
    return (count + 1) // 2


def has_quorum(statuses: Sequence[int], nodes: int, quorum: int | None = None) -> bool:
    """Whether some class already has as many answers as it takes, whatever the others say."""
    needed = (nodes + 1) // 2 if quorum is None else quorum
    if len(statuses) < needed:
        return False
    return any(
        sum(hundred <= status < hundred + 100 for status in statuses) >= needed
        for hundred in CLASSES
    )


def best_response(
    answers: Sequence[NodeAnswer],
    *,
    quorum: int | None = None,
    overrides: Mapping[int, int] | None = None,
) -> NodeAnswer:
    """The answer that a quorum stands behind, or a 503.

    quorum: how many it takes; by default of all answers given here (count the silent ones in).
    overrides: statuses that count as others when there is no quorum without that, say a 404 to a
    DELETE as the 204 that it comes to; the answer then shown is one that was not overridden.
    """
    needed = quorum_size(len(answers)) if quorum is None else quorum
    first = answers[0].status if answers else 0
    if first < 500 and len(answers) >= needed and all([a.status == first for a in answers]):
        return answers[0] if first else UNDECIDED  # they agree, as nearly always
    found = _by_class(answers, list(range(len(answers))), [a.status for a in answers], needed)
    if found is None and overrides:
        changed = [overrides.get(answer.status, answer.status) for answer in answers]
        original = [i for i, answer in enumerate(answers) if answer.status not in overrides]
        found = _by_class(answers, original, changed, needed)
    return UNDECIDED if found is None else found


def _by_class(
    answers: Sequence[NodeAnswer], eligible: Sequence[int], statuses: Sequence[int], needed: int
) -> NodeAnswer | None:
    """eligible: which answers may be shown; all of them vote."""
    if not answers:
        return None
    for hundred in CLASSES:
        members = [i for i, s in enumerate(statuses) if hundred <= s < hundred + 100]
        if len(members) < max(1, needed):
            continue
        shown = [i for i in members if i in eligible] or members
        return answers[max(shown, key=lambda i: answers[i].status)]
    return None
