"""Lets replicas change places in circles, as long as that brings some apart or saves moves.

A circle leads over any number of devices, each giving a replica to the next, so all of them hold as
much as before. It may also be open: begin at a device that can do without one and end at one that
can take one more; or begin at a device without weight, which gives up a replica in place of another
such device, to which one comes back. When no circle gains anything, this is as good as these
devices can be arranged.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

from .reach import Graph, Reach

OFF = 2  # What it costs that a device is one further from its quota, in moves.
OPEN = -1  # Stands between the end of an open circle and its beginning.
DRAINED = -2  # Likewise: between a device without weight that keeps one and another that gives one.

Room = Callable[[int, int], bool]
"""May this device hold so many more?"""


def run_circuits(reach: Reach, room: Room) -> None:
    """Until nothing is gained any more, or the effort is spent."""
    graph = _graph(reach, room)
    while not reach.exhausted:
        circle = _circle(graph)
        if circle is None:
            return
        if _go_round(reach, circle):
            graph = _graph(reach, room)
        else:  # It needs one partition twice.
            del graph[circle[-1]][circle[0]]


def _graph(reach: Reach, room: Room) -> Graph:
    """What a replica's way from device to device costs, and from and to OPEN and DRAINED."""
    table = reach.choices.table
    graph = reach.graph()
    begins = {}
    for number in graph:
        if room(number, -1):
            begins[number] = OFF * table.further(number, -1)
    for number in reach.targets:
        if room(number, 1):
            graph.setdefault(number, {})[OPEN] = OFF * table.further(number, 1)
    graph[OPEN] = begins
    for number in reach.weightless:
        graph.setdefault(number, {})[DRAINED] = 0
    graph[DRAINED] = dict.fromkeys(reach.weightless, 0)
    return graph


def _circle(graph: Graph) -> list[int] | None:
    """A circle whose cost is below zero (Bellman and Ford), in the direction of its moves."""
    cost = dict.fromkeys(graph, 0)
    before: dict[int, int] = {}
    for _ in range(len(graph) + 1):
        changed = False
        for number, ways in graph.items():
            base = cost[number]
            for target, price in ways.items():
                if base + price < cost.get(target, 0):
                    cost[target] = base + price
                    before[target] = number
                    changed = True
        if not changed:
            return None
        circle = _closed(before)
        if circle is not None:
            return circle
    return None


def _closed(before: dict[int, int]) -> list[int] | None:
    """A circle among these links."""
    seen: dict[int, int] = {}
    for at, start in enumerate(before):
        number = start
        while number in before and number not in seen:
            seen[number] = at
            number = before[number]
        if number in before and seen[number] == at:
            circle = [number]
            step = before[number]
            while step != number:
                circle.append(step)
                step = before[step]
            circle.reverse()
            return circle
    return None


def _go_round(reach: Reach, circle: list[int]) -> bool:
    gaps = [at for at, number in enumerate(circle) if number in (OPEN, DRAINED)]
    if not gaps:
        return reach.go([*circle, circle[0]])
    ring = circle[gaps[0] :] + circle[: gaps[0]]
    starts = [at - gaps[0] for at in gaps]
    return reach.go(*(ring[at + 1 : end] for at, end in pairwise([*starts, len(ring)])))
