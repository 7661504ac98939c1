"""A node's answer as the body of our own: straight through, without a look at it."""

from __future__ import annotations

from collections.abc import Iterator

from swiftlite.host.conduit import Conduit
from swiftlite.host.net import Stream
from swiftlite.peers.answer import Answer


class Relay:
    """host.net.SelfSending over an Answer of known length. Owns the answer and the conduit."""

    def __init__(self, answer: Answer, conduit: Conduit) -> None:
        self._answer = answer
        self._conduit = conduit

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._answer)

    def send_to(self, stream: Stream) -> int:
        """Raises PeerTimeout or PeerBroke when the node fails in the middle."""
        total = 0
        while count := self._answer.move_into(self._conduit):
            self._conduit.drain(stream)
            total += count
        return total

    def close(self) -> None:
        self._answer.close()
        self._conduit.close()
