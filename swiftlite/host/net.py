"""Streams, listeners, and the three ways in which a connection fails.

Nothing here raises OSError: an implementation translates it once, at its own border. A deadline is
absolute, on the clock's monotonic time, and coarse: it is looked at about every 0.1 s, and only
while an operation has to wait.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias, runtime_checkable

from swiftlite.vocab.errors import SwiftliteError

if TYPE_CHECKING:
    from swiftlite.host.conduit import Conduit

Address: TypeAlias = tuple[str, int] | str  # (ip, port), or the path (or \\0name) of a unix socket
Bytes: TypeAlias = bytes | bytearray | memoryview


class DeadlinePassed(SwiftliteError):
    """What was waited for did not happen in time. The stream stays open; its owner decides."""


class PeerGone(SwiftliteError):
    """The other end closed or reset the connection while there was more to send or to expect."""


class ConnectFailed(SwiftliteError):
    """No connection: refused, unreachable, no such socket."""

    def __init__(self, address: Address, reason: str) -> None:
        super().__init__(f"cannot connect to {render_address(address)}: {reason}")
        self.address = address
        self.reason = reason


class Stream(Protocol):
    """A connected byte stream. One task reads and one task writes (usually the same one)."""

    deadline: float | None
    """Absolute monotonic time after which a waiting operation raises DeadlinePassed."""
    idle_s: float | None
    """Longest single wait for progress, in seconds; the sooner of the two counts."""
    peer: Address
    """The other end; an empty string for a client on a unix socket."""

    def recv(self, n: int) -> bytes:
        """Up to n bytes; b"" at the end of the stream. Raises PeerGone on a reset."""
        ...

    def recv_into(self, view: memoryview) -> int: ...

    def send_all(self, data: Bytes, more: bool = False) -> None:
        """All of it, or PeerGone. With more, the kernel may hold back a partial packet."""
        ...

    def send_file(self, fd: int, offset: int, count: int) -> int:
        """Send a part of a file without copying it; returns the bytes sent (short at its end)."""
        ...

    def quiet(self) -> bool:
        """False when bytes or an end may have arrived that nobody has read. Never waits."""
        ...

    def shutdown_sending(self) -> None:
        """Tell the peer that nothing more will come; reading goes on. Never raises."""
        ...

    def close(self) -> None:
        """Any number of times. A task that waits on the stream gets PeerGone."""
        ...

    def fileno(self) -> int: ...


class Listener(Protocol):
    address: Address
    """Where it listens, with the port that was really taken."""

    def accept(self) -> Stream:
        """The next client. Raises PeerGone once the listener is closed."""
        ...

    def close(self) -> None: ...

    def fileno(self) -> int: ...


class Net(Protocol):
    def listen(
        self, address: Address, *, reuse_port: bool = False, backlog: int = 4096
    ) -> Listener:
        """Raises OSError (the one exception to the rule: its errno is for the operator)."""
        ...

    def adopt_listener(self, fd: int) -> Listener:
        """A listener over a listening descriptor of this process; it owns it from now on."""
        ...

    def connect(self, address: Address, timeout: float | None) -> Stream:
        """Raises ConnectFailed, or DeadlinePassed after timeout seconds."""
        ...

    def connect_many(
        self, addresses: Sequence[Address], timeout: float | None
    ) -> list[Stream | ConnectFailed | DeadlinePassed]:
        """All at once, in the order given; failures are values."""
        ...

    def wait_any(self, streams: Sequence[Stream], deadline: float | None) -> Stream:
        """The first of these streams that may be read without waiting. Raises DeadlinePassed."""
        ...

    def wait_all(self, streams: Sequence[Stream], deadline: float | None) -> bool:
        """True once each of these streams may be read without waiting, false at the deadline."""
        ...

    def conduit(self, *, spliced: bool = True) -> Conduit:
        """For a relay between two streams of this net; without copying where that can be had."""
        ...


def wait_for_each(net: Net, streams: Sequence[Stream], deadline: float | None) -> bool:
    """Net.wait_all out of wait_any, for a net that has no quicker way."""
    missing = list(streams)
    try:
        while missing:
            missing.remove(net.wait_any(missing, deadline))
    except DeadlinePassed:
        return False
    return True


@dataclass(frozen=True, slots=True)
class FileSpan:
    """Part of an open file, to be sent without reading it. Does not own the descriptor."""

    fd: int
    offset: int
    length: int

    def send_to(self, stream: Stream) -> int:
        return stream.send_file(self.fd, self.offset, self.length)


@runtime_checkable
class SelfSending(Protocol):
    """A response body that puts itself on a stream; whoever cannot use that iterates over it.

    Exactly one of the two is done, then close() is called. The length is in Content-Length.
    """

    def __iter__(self) -> Iterator[bytes]: ...

    def send_to(self, stream: Stream) -> int:
        """Send the whole body; returns the bytes sent."""
        ...

    def close(self) -> None: ...


def render_address(address: Address) -> str:
    """For messages: `127.0.0.1:6200`, `[::1]:6200`, or the path."""
    if isinstance(address, str):
        return address.replace("\0", "@") or "unix socket"
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
