"""The steps by which the partition power of an object ring rises by one while it serves.

prepare: servers link new objects at both places, and a relinker links the old ones. increase:
every partition becomes two on the same devices. finish: the old links are gone. cancel instead of
increase: back to where it was, with a finish to follow. Each is followed by write_ring.
"""

from __future__ import annotations

from array import array

from .builder_store import State
from .errors import BuilderError


def prepare(state: State) -> None:
    """Announce the next partition power."""
    if not state.rows:
        raise BuilderError("only a ring that has been rebalanced can raise its partition power")
    if state.next_part_power is not None:
        raise BuilderError(f"an increase to {state.next_part_power} is under way already")
    if state.part_power >= 32:
        raise BuilderError("the partition power cannot exceed 32")
    state.next_part_power = state.part_power + 1
    state.version += 1


def increase(state: State) -> None:
    """Give each partition's devices to the two that come out of it."""
    if state.next_part_power is None:
        raise BuilderError("prepare the increase first")
    if state.next_part_power != state.part_power + 1:
        raise BuilderError("this step was done already; finish the increase next")
    state.rows = [_doubled(row) for row in state.rows]
    moves = bytearray(2 * len(state.moves))
    moves[0::2] = state.moves
    moves[1::2] = state.moves
    state.moves = moves
    state.last_start *= 2
    state.graph = {tier: [2 * count for count in counts] for tier, counts in state.graph.items()}
    state.part_power = state.next_part_power
    state.version += 1


def cancel(state: State) -> None:
    """Give up an increase that was prepared; a finish must follow."""
    if state.next_part_power is None or state.next_part_power != state.part_power + 1:
        raise BuilderError("there is no prepared increase that could be cancelled")
    state.next_part_power = state.part_power
    state.version += 1


def finish(state: State) -> None:
    """The links at the old places are gone: back to normal."""
    if state.next_part_power is None:
        raise BuilderError("no increase is under way")
    if state.next_part_power != state.part_power:
        raise BuilderError("the increase was prepared but not done; increase or cancel it first")
    state.next_part_power = None
    state.version += 1


def _doubled(row: array[int]) -> array[int]:
    wide = array(row.typecode, [0]) * (2 * len(row))
    wide[0::2] = row
    wide[1::2] = row
    return wide
