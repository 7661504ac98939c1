"""The first assignment of a ring: every replica placed at once.

The devices stand in a line in the order of their domains (a region's zones together, a zone's
servers together), each repeated as often as it is to hold a partition. The line is wrapped around
the partitions, once per replica. A domain's stretch of length L then covers every partition
floor(L / partitions) or ceil(L / partitions) times: replicas are as far apart as they can be at all
levels at once, and no device meets the same partition twice.

So that devices share partitions with many others, not with two neighbours, this is done block by
block, each with siblings shuffled afresh, and the partitions of all blocks are shuffled at the end.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from random import Random

from .tiers import ROOT, TierTree

BLOCKS_MAX = 256
BLOCK_WORK = 150_000  # Nodes visited, over all blocks: 0.4 µs each.
BLOCK_PARTS_MIN = 16


def lay_out(
    tree: TierTree,
    quotas: Mapping[int, int],
    parts: int,
    row_lengths: list[int],
    typecode: str,
    rng: Random,
) -> list[array[int]]:
    """Rows of device ids. All row lengths are `parts`, but the last may be shorter."""
    assert sum(quotas.values()) == sum(row_lengths)
    left = [0] * len(tree)
    for number, count in quotas.items():
        for node in (ROOT, *tree.path[number]):
            left[node] += count
    whole = len(row_lengths) if row_lengths[-1] == parts else len(row_lengths) - 1
    extra = sum(row_lengths) - whole * parts
    rows: list[list[int]] = [[] for _ in row_lengths]
    long_places, short_places = array("I"), array("I")
    filled = 0
    blocks = max(1, min(BLOCKS_MAX, BLOCK_WORK // len(tree), parts // BLOCK_PARTS_MIN))
    children = [[c for c in kids if left[c]] for kids in tree.children]
    for block in range(blocks):
        count = parts * (block + 1) // blocks - filled
        more = extra * count // (parts - filled)
        line = _block(tree, children, left, parts - filled, count, whole * count + more, rng)
        for replica in range(whole):
            rows[replica] += line[replica * count : replica * count + count]
        if len(rows) > whole:
            rows[whole] += line[whole * count :] + [0] * (count - more)
        long_places.extend(range(filled, filled + more))
        short_places.extend(range(filled + more, filled + count))
        filled += count
        extra -= more
    rng.shuffle(long_places)
    rng.shuffle(short_places)
    order = long_places + short_places
    return [
        array(typecode, map(row.__getitem__, order[:length]))
        for row, length in zip(rows, row_lengths, strict=True)
    ]


def _block(
    tree: TierTree,
    children: list[list[int]],
    left: list[int],
    parts_left: int,
    count: int,
    slots: int,
    rng: Random,
) -> list[int]:
    """The line of one block of `count` partitions; takes what it uses out of `left`.

    Each node gets its remaining quota times count / parts_left, rounded down or up, so that
    what remains can again be spread without any partition exceeding the node's share.
    """
    line: list[int] = []
    device = tree.device
    shuffle, random = rng.shuffle, rng.random
    stack = [(ROOT, slots)]
    while stack:
        node, amount = stack.pop()
        left[node] -= amount
        kids = children[node]
        if not kids:
            line += [device[node]] * amount
            continue
        if len(kids) == 1:
            stack.append((kids[0], amount))
            continue
        shuffle(kids)
        shares = [divmod(left[kid] * count, parts_left) for kid in kids]
        up = amount - sum([share[0] for share in shares])
        rest = sum([share[1] for share in shares])
        # Systematic sampling: of the fractions laid end to end, those that contain a mark.
        floor_up = rest // parts_left
        odd = rest - floor_up * parts_left
        if up == floor_up:
            mark = int(random() * (parts_left - odd))
        else:
            mark = parts_left - odd + int(random() * odd)
        for kid, (part, fraction) in zip(kids, shares, strict=True):
            mark += fraction
            if mark >= parts_left:
                mark -= parts_left
                part += 1
            if part:
                stack.append((kid, part))
    return line
