"""Where one client's body goes: what every policy kind's sink offers, and how it says no."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from swiftlite.proxy.best_response import NodeAnswer
from swiftlite.proxy.plan import Plan
from swiftlite.vocab.errors import SwiftliteError


class QuorumLost(SwiftliteError):
    """Too few nodes are left for the write to become durable."""


class Decided(SwiftliteError):
    """The nodes have answered before the body was needed, and that is the answer."""

    def __init__(self, answer: NodeAnswer) -> None:
        super().__init__(f"decided before the body was sent: {answer.status}")
        self.answer = answer


class ObjectSink(Protocol):
    """Owned by one request. After any exception, and instead of finish, abort is called."""

    def whole(self, plan: Plan, body: bytes) -> NodeAnswer:
        """open, feed and finish in one, for a small body that is at hand, whatever plan.length."""
        ...

    def open(self, plan: Plan) -> None:
        """Raises QuorumLost, Decided."""
        ...

    def feed(self, block: memoryview) -> None:
        """May not keep the block. Raises QuorumLost."""
        ...

    def finish(self, footers: Mapping[str, str]) -> NodeAnswer:
        """What the nodes made of it."""
        ...

    def abort(self) -> None:
        """Leave nothing behind on any node. Any number of times."""
        ...
