"""Where a replica may go: a device found by descending from the cluster to a server.

Costs some 10 µs, so it is asked when guessing has failed. Never breaks the plan's bounds.
"""

from __future__ import annotations

from .assignment import Assignment
from .tiers import ROOT


def find_home(
    table: Assignment,
    others: list[int],
    leaving: int,
    *,
    hungry: bool,
    spare: bool = False,
    strict: bool = False,
) -> int | None:
    """The device id with the most room (or the least load) on the way down, or None.

    A domain that lacks the least meant for it comes before the others.

    With `hungry`, only devices below their quota; otherwise the least over it. With `spare`, the
    domains that lose the replica must keep the least that is meant for them. With `strict`, a
    domain that is too full already is no home either, even if the replica was there before.
    """
    counts: dict[int, int] = {}
    for other in others:
        for node in table.path[other]:
            counts[node] = counts.get(node, 0) + 1
    stay = table.path[table.hole if strict else leaving]
    return _descend(table, ROOT, 0, counts, stay, others, leaving, hungry, spare)


def _descend(
    table: Assignment,
    node: int,
    level: int,
    counts: dict[int, int],
    stay: tuple[int, int, int, int],
    others: list[int],
    leaving: int,
    hungry: bool,
    spare: bool,
) -> int | None:
    tree, room, most, least = table.tree, table.room, table.cap, table.least
    if level == 4:
        number = tree.device[node]
        if spare and not table.spared(number, others, leaving):
            return None
        return number
    children = [
        child
        for child in tree.children[node]
        if (room[child] > 0 or (not hungry and tree.live[child]))
        and (counts.get(child, 0) < most[child] or child == stay[level])
    ]
    if level == 3:
        own = table.path[leaving][3]
        children = [child for child in children if child != own and not counts.get(child, 0)]
    if hungry:
        children.sort(key=lambda c: (counts.get(c, 0) >= least[c], -room[c]))
    else:
        # Nobody needs it: to where one more weighs least.
        inside, wanted = table.inside, table.wanted
        children.sort(
            key=lambda c: (counts.get(c, 0) >= least[c], (inside[c] + 1) / (wanted[c] + 0.1))
        )
    for child in children:
        found = _descend(table, child, level + 1, counts, stay, others, leaving, hungry, spare)
        if found is not None:
            return found
    return None
