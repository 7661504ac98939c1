"""May this ring be put in force now, and what comes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from swiftlite.plan.moves import Flow, Moves, Sizes, moves_between
from swiftlite.plan.schedule import Limits, Timetable, timetable
from swiftlite.plan.shortage import Progress, Shortage, shortage, silent
from swiftlite.plan.standing import Disk, Standing, disk_of
from swiftlite.plan.verdict import Answer, Verdict, count
from swiftlite.ring import Ring

FULL_PERCENT = 97.0


@dataclass(frozen=True, slots=True)
class Room:
    """Of a disk: its size and what is used of it now, bytes."""

    size: int
    used: int


@dataclass(frozen=True, slots=True)
class RingChange:
    moves: Moves
    time: Timetable
    verdict: Verdict


def judge_change(
    question: str,
    standing: Standing,
    new: Ring,
    sizes: Sizes,
    limits: Limits,
    *,
    least: int | None = None,
    rooms: Mapping[Disk, Room] | None = None,
    unknown: Sequence[str] = (),
    notes: Sequence[str] = (),
    progress: Progress = silent,
) -> RingChange:
    """standing: the ring in force. Raises moves.RingsDiffer."""
    out = frozenset(standing.out)
    moves = moves_between(standing.ring, new, sizes, out=out, progress=progress)
    moved = {move.partition for move in moves.moves}
    peers = {partition: new.table.ids(partition) for partition in moved}
    time = timetable(moves, sizes, limits, peers, progress=progress)
    short = shortage(_then(standing, new), (), least=least, everything=True, progress=progress)
    reasons = _against(short, moves, rooms or {})
    answer = Answer.UNSAFE
    if not reasons and (unknown or short.assumed):
        answer = Answer.UNKNOWN
        reasons = list(unknown)
        if short.assumed and not standing.is_guessed:
            reasons.append(
                f"{count(short.assumed, 'partition')} may be short, as the last replication did not"
                " get through everywhere; wait for the next to end, and ask again"
            )
        if standing.is_guessed:
            reasons.append(
                "replication has not come to an end since the ring changed last: who holds what"
                " is not known; wait for it"
            )
    elif not reasons:
        answer = Answer.SAFE
        reasons = [_for(moves, short)]
    told = [*_meanwhile(moves, new), *notes]
    if not standing.settled and not standing.is_guessed:
        told.append("the change before this one is not through yet; both would go on at once")
    facts = _facts(moves, time, short, sizes)
    return RingChange(moves, time, Verdict(question, answer, reasons, told, facts))


def _then(standing: Standing, new: Ring) -> Standing:
    """The moment after the new ring has come: its devices, and what they held before."""
    return replace(standing, ring=new, settled=False, earlier=standing)


def _against(short: Shortage, moves: Moves, rooms: Mapping[Disk, Room]) -> list[str]:
    sentences = []
    if short.unreadable:
        sentences.append(
            f"{count(short.unreadable, 'partition')} could not be read until replication has come"
            " to them: whoever has them now is asked no more"
        )
    if moves.orphans:
        sentences.append(
            f"{count(moves.orphans, 'partition')} would be copied by nobody: all that have them"
            " leave the ring at once, or are away"
        )
    if short.thin:
        sentences.append(
            f"{count(short.thin, 'partition')} would meanwhile be found on fewer than"
            f" {short.least} devices: one failure away from not being readable"
        )
    if short.unwritable:
        sentences.append(f"writes to {count(short.unwritable, 'partition')} would be refused (503)")
    for flow, room in _crowded(moves, rooms):
        used = 100 * (room.used + flow.bytes_in) / room.size
        sentences.append(
            f"{disk_of(flow.device)} would be {used:.0f}% full before it has given anything up"
        )
    if sentences and (short.unreadable or short.thin):
        sentences.append("move in smaller steps: less weight at a time, one device at a time")
    return sentences


def _crowded(moves: Moves, rooms: Mapping[Disk, Room]) -> list[tuple[Flow, Room]]:
    found = []
    for flow in moves.flows.values():
        room = rooms.get(disk_of(flow.device))
        if room is None or not room.size or not flow.bytes_in:
            continue
        if 100 * (room.used + flow.bytes_in) > FULL_PERCENT * room.size:
            found.append((flow, room))
    return found


def _for(moves: Moves, short: Shortage) -> str:
    if not moves.moves:
        return "it moves nothing"
    replicas = count(len(moves.moves), "replica")
    return (
        f"{replicas} of {count(sum(moves.moving.values()), 'partition')} move, and every partition"
        f" is found on {short.least} devices or more all the while"
    )


def _meanwhile(moves: Moves, new: Ring) -> list[str]:
    """How short partitions run until they have been copied."""
    most = new.table.row_count
    return [
        f"{count(number, 'partition')} with {max(0, most - moving)} of {most} replicas in place"
        " until the others are copied; who had them keeps them until then"
        for moving, number in sorted(moves.moving.items())
    ]


def _facts(moves: Moves, time: Timetable, short: Shortage, sizes: Sizes) -> dict[str, object]:
    return {
        "replicas_moved": len(moves.moves),
        "partitions_moving": {str(n): number for n, number in sorted(moves.moving.items())},
        "bytes": round(moves.bytes),
        "bytes_are": sizes.quality,
        "seconds": round(time.seconds, 1),
        "seconds_until_settled": round(time.settled, 1),
        "devices": [
            {
                "id": number,
                "disk": str(disk_of(flow.device)),
                "receives": flow.receives,
                "gives": flow.gives,
                "bytes_in": round(flow.bytes_in),
                "bytes_out": round(flow.bytes_out),
                "bytes_before": round(flow.bytes_before),
                "bytes_after": round(flow.bytes_after),
            }
            for number, flow in sorted(moves.flows.items())
        ],
        "links": [
            {"from": one, "to": other, "bytes": round(sent)}
            for (one, other), sent in sorted(moves.links.items())
        ],
        "regions": [
            {"from": one, "to": other, "bytes": round(sent)}
            for (one, other), sent in sorted(moves.regions.items())
        ],
        "short": short.facts(),
    }
