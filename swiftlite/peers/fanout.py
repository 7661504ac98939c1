"""One request to several nodes: read the answers as they come, stop when enough have come.

All of it happens in the caller's task; tasks of their own would cost more than the HTTP.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from swiftlite.host.clock import Clock
from swiftlite.host.net import DeadlinePassed, Net
from swiftlite.peers.answer import Answer
from swiftlite.peers.errors import PeerFault, PeerTimeout
from swiftlite.peers.exchange import Exchange

Outcome: TypeAlias = Answer | PeerFault | None
"""What became of one exchange; None: nothing yet, or abandoned because the others sufficed."""


def answers_until(
    exchanges: Sequence[Exchange | PeerFault],
    enough: Callable[[Sequence[Outcome]], bool],
    *,
    net: Net,
    clock: Clock,
    deadline: float | None,
    grace_s: float = 0.0,
) -> list[Outcome]:
    """Outcomes in the order of the exchanges; faults among those stay as they are.

    enough is asked after every answer. Once it says yes the others have grace_s more, then they
    are closed and stay None. At the deadline they become PeerTimeout.
    """
    outcomes: list[Outcome] = [e if isinstance(e, PeerFault) else None for e in exchanges]
    pending = {i: e for i, e in enumerate(exchanges) if isinstance(e, Exchange)}
    satisfied = False
    until = deadline
    try:
        while pending:
            if not satisfied and enough(outcomes):
                satisfied = True
                until = _sooner(deadline, clock.monotonic() + grace_s)
            ready = first_with_input(net, [*pending.values()], until)
            if ready is None:
                break
            index = [*pending][ready]
            outcomes[index] = _answer_of(pending.pop(index), deadline)
    except BaseException:
        _let_go(outcomes)
        raise
    finally:
        for exchange in pending.values():
            exchange.close()
    if not satisfied:
        for index, exchange in pending.items():
            outcomes[index] = PeerTimeout(exchange.address, "no answer in time")
    return outcomes


def first_with_input(net: Net, exchanges: Sequence[Exchange], until: float | None) -> int | None:
    """Index of one that can be read without waiting; None when the time is over."""
    for index, exchange in enumerate(exchanges):
        if exchange.has_input:
            return index
    streams = [exchange.stream for exchange in exchanges]
    try:
        return streams.index(net.wait_any(streams, until))
    except DeadlinePassed:
        return None


def _answer_of(exchange: Exchange, deadline: float | None) -> Outcome:
    try:
        return exchange.answer(deadline)
    except PeerFault as fault:
        exchange.close()
        return fault


def _let_go(outcomes: Sequence[Outcome]) -> None:
    for outcome in outcomes:
        if isinstance(outcome, Answer):
            outcome.close()


def _sooner(first: float | None, second: float) -> float:
    return second if first is None else min(first, second)
