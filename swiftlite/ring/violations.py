"""Everything that may be wrong with a builder's table, as sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations, compress
from operator import eq

from .builder_store import State
from .ground import row_lengths

NAMED_MAX = 20


def violations(state: State, held: Mapping[int, int]) -> Iterator[str]:
    """Checks shape, ids, repeats and counts; a sound table yields nothing."""
    if not state.rows:
        yield "the table is empty: this builder has not been rebalanced yet"
        return
    yield from _shapes(state)
    for number in sorted(held):
        if number >= len(state.devices) or state.devices[number] is None:
            yield f"{held[number]} replicas are on device {number}, which does not exist"
    slots = sum(len(row) for row in state.rows)
    if sum(held.values()) != slots:
        yield f"{slots} replicas are in the table, but devices hold {sum(held.values())}"
    if len(state.moves) != state.parts:
        yield f"moves are remembered for {len(state.moves)} of {state.parts} partitions"
    yield from _repeats(state)


def _shapes(state: State) -> Iterator[str]:
    wanted = row_lengths(state.replicas, state.parts)
    for place, row in enumerate(state.rows[:-1]):
        if len(row) != state.parts:
            yield f"row {place} has only {len(row)} of {state.parts} partitions"
    if not state.devices_changed and [len(row) for row in state.rows] != wanted:
        yield f"the table's rows have {[len(row) for row in state.rows]} partitions, not {wanted}"


def _repeats(state: State) -> Iterator[str]:
    found: dict[int, None] = {}
    for one, other in combinations(state.rows, 2):
        for partition in compress(range(state.parts), map(eq, one, other)):
            found[partition] = None
    for partition in sorted(found)[:NAMED_MAX]:
        ids = [row[partition] for row in state.rows if partition < len(row)]
        yield f"partition {partition}: one device holds two of its replicas: {ids}"
    if len(found) > NAMED_MAX:
        yield f"and {len(found) - NAMED_MAX} more partitions like these"
