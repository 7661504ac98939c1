"""Which of several nodes that were asked has something to say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

from swiftlite.host.net import Net
from swiftlite.peers.exchange import Exchange
from swiftlite.peers.fanout import first_with_input


class Asked(Protocol):
    """A node's exchange, and since when it is the node's turn to speak."""

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
