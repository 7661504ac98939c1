"""How long partitions have rested since a replica of theirs moved, in hours, as builders keep it.

A partition moves one replica, then rests for min_part_hours. Hours are counted to 255; older moves
are not told apart.
"""

from __future__ import annotations

from .builder_store import State

HOUR = 3600
HOURS_MAX = 255


def aged(state: State, now: float) -> tuple[bytearray, int]:
    """Hours per partition as of now, and the moment that they count from then on."""
    elapsed = int(now - state.moves_epoch) // HOUR
    if elapsed <= 0:
        return bytearray(state.moves), state.moves_epoch
    older = bytes(min(HOURS_MAX, age + elapsed) for age in range(HOURS_MAX + 1))
    return bytearray(state.moves.translate(older)), int(now)


def rested(state: State, moves: bytearray) -> bytearray:
    """Per partition: 1 when those hours are min_part_hours or more, else 0."""
    hours = min(state.min_part_hours, HOURS_MAX)
    return moves.translate(bytes(int(age >= hours) for age in range(HOURS_MAX + 1)))


def movable(state: State, now: float) -> bytearray:
    """Per partition: may a replica of it move now?"""
    return rested(state, aged(state, now)[0])


def hours_moved(state: State, partition: int, now: float) -> int:
    """Hours since a replica of the partition last moved."""
    elapsed = max(0, int(now - state.moves_epoch)) // HOUR
    return min(HOURS_MAX, state.moves[partition] + elapsed)


def seconds_left(state: State, now: float) -> int:
    """Until min_part_hours have passed since partitions last moved."""
    return max(0, int(state.min_part_hours * HOUR - (now - state.moves_epoch)))


def pretend_passed(state: State) -> None:
    """Let every partition have rested long enough."""
    state.moves_epoch = 0
    state.moves = bytearray(b"\xff") * state.parts
