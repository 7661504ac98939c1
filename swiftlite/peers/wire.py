"""One connection to a node, and whether it may be used again."""

from __future__ import annotations

from collections.abc import Callable

from swiftlite.host.incoming import Incoming
from swiftlite.host.net import Address, Stream


class Wire:
    """Carries one exchange at a time; goes back to where it came from, or is closed."""

    __slots__ = (
        "_give_back",
        "address",
        "idle_since",
        "incoming",
        "keep",
        "monotonic",
        "request_complete",
        "reused",
        "stream",
    )

    def __init__(
        self,
        address: Address,
        stream: Stream,
        monotonic: Callable[[], float],
        give_back: Callable[[Wire], None],
    ) -> None:
        self.address = address
        self.stream = stream
        self.incoming = Incoming(stream)
        self.monotonic = monotonic
        self._give_back = give_back
        self.reused = False  # has carried an exchange before
        self.request_complete = False  # nothing of the request is still to be sent
        self.keep = False  # the answer's head allows another request
        self.idle_since = 0.0

    def release(self) -> None:
        """The exchange is over, its answer read to the end."""
        if self.keep and self.request_complete and self.incoming.is_empty:
            self._give_back(self)
        else:
            self.stream.close()

    def close(self) -> None:
        self.stream.close()
