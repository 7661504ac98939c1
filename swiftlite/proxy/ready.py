"""Which of several nodes that were asked has something to say, and which will not be waited for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

from swiftlite.host.net import Net
from swiftlite.peers.exchange import Exchange
from swiftlite.peers.fanout import first_with_input
from swiftlite.proxy.context import Context
from swiftlite.proxy.nodes import Node

SLOW_NODE_S = 1.0
"""A node that is silent this long is not waited for alone, even where reads are not concurrent:
it may be dead without having closed its connections, and node_timeout is ten times this."""


class Asked(Protocol):
    """A node and its exchange, and since when it is the node's turn to speak."""

    @property
    def node(self) -> Node: ...

    @property
    def exchange(self) -> Exchange: ...

    @property
    def since(self) -> float: ...


A = TypeVar("A", bound=Asked)


def first_ready(
    net: Net, asked: Sequence[A], timeout: float, until: float | None = None
) -> A | None:
    """The first of these to speak; None at `until`, or when one's time is over."""
    if len(asked) == 1 and until is None:
        return asked[0]  # its answer has a deadline of its own
    deadline = min(one.since for one in asked) + timeout
    if until is not None and until < deadline:
        deadline = until
    index = first_with_input(net, [one.exchange for one in asked], deadline)
    return None if index is None else asked[index]


def silent_too_long(
    context: Context, asked: Sequence[A], timeout: float, *, enough: bool
) -> list[A]:
    """Those whose time is over, when none of these has said anything for a while.

    enough: a quorum has spoken; then it is short for nodes that are left alone, because other
    requests have found that they do not answer. What this one finds counts too: where all clients
    waited for the same node, nobody would be left to find it out.
    """
    now = context.monotonic()
    for one in asked:
        if one.since + SLOW_NODE_S <= now:
            context.limiter.given_up(one.node.device)
    late = [one for one in asked if one.since + timeout <= now]
    if enough:
        patience = context.options.post_quorum_timeout
        slow = [one for one in asked if one.since + patience <= now and one not in late]
        late += [one for one in slow if context.limiter.limited(one.node.device)]
    return late
