"""Answers of several nodes: as they come, until enough have come."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from swiftlite.host.bundle import Host
from swiftlite.host.net import Stream
from swiftlite.peers.answer import Answer
from swiftlite.peers.call import render_head
from swiftlite.peers.errors import PeerBroke, PeerTimeout, PeerUnreachable
from swiftlite.peers.fanout import Outcome, answers_until
from swiftlite.peers.pool import Pool

Scripted = Callable[..., Any]
OK = b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"


def good(stream: Stream, head: bytes) -> None:
    stream.send_all(OK)


def silent(stream: Stream, head: bytes) -> None:
    pass


def rude(stream: Stream, head: bytes) -> None:
    stream.close()


def successes(count: int) -> Callable[[Sequence[Outcome]], bool]:
    def enough(outcomes: Sequence[Outcome]) -> bool:
        return sum(isinstance(o, Answer) and o.status == 201 for o in outcomes) >= count

    return enough


def ask(
    host: Host,
    pool: Pool,
    nodes: Sequence[Any],
    enough: Callable[[Sequence[Outcome]], bool],
    *,
    seconds: float = 30.0,
    grace_s: float = 0.0,
) -> list[Outcome]:
    deadline = host.clock.monotonic() + seconds
    calls = [
        (n.address, render_head("PUT", "/a", [], n.address, content_length=0), b"") for n in nodes
    ]
    exchanges = pool.open_all(calls, deadline=deadline)
    return answers_until(
        exchanges, enough, net=host.net, clock=host.clock, deadline=deadline, grace_s=grace_s
    )


def statuses(outcomes: Sequence[Outcome]) -> list[Any]:
    return [o.status if isinstance(o, Answer) else o and type(o) for o in outcomes]


def test_all_answers_are_taken_when_all_are_wanted(host: Host, node: Scripted, pool: Pool) -> None:
    nodes = [node(good) for _ in range(3)]
    for _ in range(3):
        assert statuses(ask(host, pool, nodes, lambda _: False)) == [201, 201, 201]
    assert [n.connections for n in nodes] == [1, 1, 1]


@pytest.mark.parametrize("slow", [0, 1, 2])
def test_a_slow_one_is_abandoned_at_quorum(
    host: Host, node: Scripted, pool: Pool, slow: int
) -> None:
    nodes = [node(silent if i == slow else good) for i in range(3)]
    found = statuses(ask(host, pool, nodes, successes(2)))
    assert found == [None if i == slow else 201 for i in range(3)]
    assert pool.idle_count(nodes[slow].address) == 0


def test_those_who_answer_within_the_grace_count(host: Host, node: Scripted, pool: Pool) -> None:
    def late(stream: Stream, head: bytes) -> None:
        host.tasks.sleep(0.05)
        stream.send_all(OK)

    nodes = [node(late), node(good), node(good)]
    assert statuses(ask(host, pool, nodes, successes(2), grace_s=20)) == [201, 201, 201]


def test_without_a_quorum_the_deadline_ends_it(host: Host, node: Scripted, pool: Pool) -> None:
    nodes = [node(silent), node(good), node(silent)]
    found = statuses(ask(host, pool, nodes, successes(2), seconds=0.2))
    assert found == [PeerTimeout, 201, PeerTimeout]


def test_faults_are_values(host: Host, node: Scripted, pool: Pool) -> None:
    gone = node(good)
    gone.close()
    nodes = [node(rude), gone, node(good)]
    found = statuses(ask(host, pool, nodes, lambda _: False))
    assert found == [PeerBroke, PeerUnreachable, 201]


def test_nobody_to_ask(host: Host) -> None:
    assert answers_until([], lambda _: False, net=host.net, clock=host.clock, deadline=None) == []
