"""What another node did wrong. Each counts against that node; none is ever a client's fault."""

from __future__ import annotations

from swiftlite.host.net import Address, render_address
from swiftlite.vocab.errors import SwiftliteError


class PeerFault(SwiftliteError):
    """address: which node; reason: what happened."""

    def __init__(self, address: Address, reason: str) -> None:
        super().__init__(f"{render_address(address)}: {reason}")
        self.address = address
        self.reason = reason


class PeerUnreachable(PeerFault):
    """No connection to it: refused, no route, or not in time."""


class PeerTimeout(PeerFault):
    """It is connected, but did not take or give what was expected in time."""


class PeerBroke(PeerFault):
    """It closed the connection in the middle, or what it sends is not HTTP."""
