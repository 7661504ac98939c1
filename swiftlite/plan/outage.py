"""May this node be stopped now; may this disk be pulled."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from swiftlite.plan.shortage import Example, Progress, Shortage, shortage, silent
from swiftlite.plan.standing import Standing
from swiftlite.plan.verdict import Answer, Verdict, count

Going = Mapping[str, frozenset[int]]
"""By ring: the ids of the devices that would be away."""

_REMEDY_STOP = "bring back what is missing, or wait until replication is through, and ask again"
_REMEDY_PULL = "give it weight 0 and wait until replication has emptied it"


def judge_stop(
    question: str,
    standings: Sequence[Standing],
    going: Going,
    *,
    least: int | None = None,
    unknown: Sequence[str] = (),
    progress: Progress = silent,
) -> Verdict:
    """Devices away for a while, with what they hold; unknown: what could not be found out. Those
    that are away already make no difference."""
    out = {standing.name: frozenset(standing.out) for standing in standings}
    going = {name: numbers - out.get(name, frozenset()) for name, numbers in going.items()}
    found = _shortages(standings, going, least, progress)
    return _verdict(question, standings, going, found, unknown, _REMEDY_STOP, for_good=False)


def judge_pull(
    question: str,
    standings: Sequence[Standing],
    going: Going,
    *,
    least: int | None = None,
    unknown: Sequence[str] = (),
    progress: Progress = silent,
) -> Verdict:
    """Devices away for good, and what they hold with them."""
    found = _shortages(standings, going, least, progress)
    return _verdict(question, standings, going, found, unknown, _REMEDY_PULL, for_good=True)


def _shortages(
    standings: Sequence[Standing], going: Going, least: int | None, progress: Progress
) -> list[Shortage]:
    return [
        shortage(standing, going[standing.name], least=least, progress=progress)
        for standing in standings
        if going.get(standing.name)
    ]


def _verdict(
    question: str,
    standings: Sequence[Standing],
    going: Going,
    found: Sequence[Shortage],
    unknown: Sequence[str],
    remedy: str,
    *,
    for_good: bool,
) -> Verdict:
    reasons = [sentence for one in found for sentence in _against(one, for_good=for_good)]
    answer = Answer.UNSAFE
    if reasons:
        reasons.append(remedy)
    elif unknown or any(one.assumed for one in found):
        answer = Answer.UNKNOWN
        by_name = {standing.name: standing for standing in standings}
        reasons = [*unknown, *(_assumed(one, by_name[one.ring]) for one in found if one.assumed)]
    else:
        answer = Answer.SAFE
        reasons = [_for(found, standings, for_good=for_good)]
    return Verdict(
        question,
        answer,
        reasons,
        _notes(standings, going, found, for_good=for_good),
        {"rings": [one.facts() for one in found]},
    )


def _against(one: Shortage, *, for_good: bool) -> list[str]:
    sentences = []
    if one.unreadable:
        what = "would be lost with it" if for_good else "could not be read meanwhile"
        sentences.append(
            f"{count(one.unreadable, f'{one.ring} partition')} {what}"
            f"{_example(one, lambda left: left < one.needed)}"
        )
    if one.thin:
        lefts = sorted(left for left in one.short if left >= one.needed)
        have = " or ".join(_copies(left) for left in lefts)
        sentences.append(
            f"{count(one.thin, f'{one.ring} partition')} would have {have} left of"
            f" which {one.least} ought to be: readable, but one more failure away from not being"
            f"{_example(one, lambda left: left >= one.needed)}"
        )
    if one.unwritable:
        sentences.append(
            f"writes to {count(one.unwritable, f'{one.ring} partition')} would be refused (503):"
            " fewer than a quorum of the devices that a proxy asks are there, handoffs included"
        )
    return sentences


def _copies(number: int) -> str:
    words = {0: "no copy", 1: "one copy", 2: "two copies", 3: "three copies"}
    return words.get(number, f"{number} copies")


def _example(one: Shortage, wanted: Callable[[int], bool]) -> str:
    fitting = [example for example in one.examples if wanted(len(example.left))]
    return f", e.g. {_told(fitting[0])}" if fitting else ""


def _told(example: Example) -> str:
    text = f"{example.ring} partition {example.partition}: "
    if not example.others and not example.left:
        return text + "it is nowhere else"
    parts = []
    if example.left:
        parts.append("it stays on " + " and ".join(example.left))
    if example.others:
        parts.append("its others are " + " and ".join(example.others))
    return text + ", ".join(parts)


def _assumed(one: Shortage, standing: Standing) -> str:
    what = count(one.assumed, f"{one.ring} partition")
    if standing.is_guessed:
        return (
            f"{what} may be short: replication has not come to an end since the {one.ring} ring"
            " changed, and which replicas that moved is not known here; wait for it, or ask where"
            " the rings' backups are"
        )
    numbers = sorted(standing.lacking)
    some = ", ".join(standing.describe(number) for number in numbers[:3])
    return (
        f"{what} may be short, as a copy of them may lack something: {some}; wait for the next"
        " pass of the replicators to end, and ask again"
    )


def _for(found: Sequence[Shortage], standings: Sequence[Standing], *, for_good: bool) -> str:
    touched = sum(one.touched for one in found)
    if not touched:
        return "no partition is assigned to it, or it is away already: nothing changes"
    least = min((one.least for one in found), default=1)
    away = "is somewhere else too" if for_good else "stays readable and writable"
    return (
        f"each of the {count(touched, 'partition')} that it has a copy of {away},"
        f" with {_copies(least)} or more left"
    )


def _notes(
    standings: Sequence[Standing], going: Going, found: Sequence[Shortage], *, for_good: bool
) -> list[str]:
    notes = [
        f"{count(one.already, f'{one.ring} partition')} are short already, by no doing of this"
        for one in found
        if one.already
    ]
    for standing in standings:
        if not going.get(standing.name):
            continue
        if standing.quorum < 2:
            notes.append(
                f"the {standing.name} ring has {standing.replicas} replicas: what was written"
                " lately may have one copy only, and this may be it"
            )
        if for_good and not standing.settled:
            notes.append(
                f"replication has not come to an end since the {standing.name} ring changed: the"
                " disk may still hold copies for others; they are counted as elsewhere only where"
                " that is known"
            )
    return notes
