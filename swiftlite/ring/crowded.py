"""Finding partitions with several replicas in one domain, at the speed of C loops.

Two replicas in one server are also two in its zone and its region, so each level is only looked at
where the level above found company.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import combinations, compress
from operator import eq, or_

from .tiers import TierTree

CHUNK = 1 << 16


def company(
    rows: Sequence[Sequence[int]], tree: TierTree, parts: int, hole: int
) -> Iterator[tuple[int, list[int], list[tuple[int, ...]]]]:
    """Per level and chunk: (level, partitions, their nodes at that level, one per replica).

    Levels are 0 (region) to 3 (device). Only partitions with two replicas in one node appear.
    Holes have node -1 - replica, so that they never look alike.
    """
    maps = [[-1] * (hole + 1) for _ in range(4)]
    for number, path in tree.path.items():
        for level in range(4):
            maps[level][number] = path[level]
    for begin in range(0, parts, CHUNK):
        chosen: Sequence[int] = range(begin, min(parts, begin + CHUNK))
        pieces: list[Sequence[int]] = [row[begin : begin + CHUNK] for row in rows]
        for level in range(4):
            columns: list[list[int]] = []
            for replica, piece in enumerate(pieces):
                lookup = maps[level]
                lookup[hole] = -1 - replica
                columns.append(list(map(lookup.__getitem__, piece)))
            alike = _alike(columns)
            chosen = list(compress(chosen, alike))
            if not chosen:
                break
            yield level, chosen, list(compress(zip(*columns, strict=True), alike))
            if level < 3 and len(chosen) < len(alike):
                pieces = [list(compress(piece, alike)) for piece in pieces]


def _alike(columns: list[list[int]]) -> list[bool]:
    """Per position: do any two columns agree?"""
    pairs = [map(eq, one, other) for one, other in combinations(columns, 2)]
    if not pairs:
        return [False] * len(columns[0])
    result = pairs[0]
    for pair in pairs[1:]:
        result = map(or_, result, pair)
    return list(result)


def over_full(
    rows: Sequence[Sequence[int]], tree: TierTree, most: Sequence[int], parts: int, hole: int
) -> list[int]:
    """Partitions with more replicas in some node than `most` of that node allows."""
    found: set[int] = set()
    for _, partitions, nodes in company(rows, tree, parts, hole):
        bad = {combo for combo in set(nodes) if _exceeds(combo, most)}
        if bad:
            found.update(compress(partitions, map(bad.__contains__, nodes)))
    return sorted(found)


def _exceeds(combo: tuple[int, ...], most: Sequence[int]) -> bool:
    return any(node >= 0 and count > most[node] for node, count in Counter(combo).items())
