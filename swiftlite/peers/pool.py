"""Kept connections to nodes, by address: the newest is used first, old ones are closed.

A new connection costs both sides together 120 µs; a kept one nothing. No locks: between two waits
nothing else runs, and no wait happens while a list is being changed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from swiftlite.host.bundle import Host
from swiftlite.host.net import Address, Bytes, ConnectFailed, DeadlinePassed, Stream
from swiftlite.peers.errors import PeerFault, PeerUnreachable
from swiftlite.peers.exchange import Exchange
from swiftlite.peers.local import LocalServers
from swiftlite.peers.wire import Wire


class Pool:
    """Opens exchanges. One per process is enough."""

    def __init__(
        self,
        host: Host,
        *,
        conn_timeout: float = 0.5,
        read_timeout: float | None = 10.0,
        keep: int = 64,
        keep_s: float = 30.0,
        is_own: Callable[[str], bool] | None = None,
    ) -> None:
        """conn_timeout: seconds for a new connection. read_timeout: longest pause in an answer's
        body (Answer.idle_s changes it for one). keep, keep_s: idle connections per address, and
        how long; less than the other side's keepalive_timeout. is_own: whether an IP is this
        host's, where servers are then looked for at local sockets; None: always by TCP."""
        self._net = host.net
        self._local: LocalServers | None = None
        if is_own is not None and host.process.place:
            self._local = LocalServers(host.net, is_own, host.clock.monotonic)
        self._monotonic = host.clock.monotonic
        self._conn_timeout = conn_timeout
        self._read_timeout = read_timeout
        self._keep = keep
        self._keep_s = keep_s
        self._idle: dict[Address, list[Wire]] = {}
        self._next_sweep = 0.0

    def open(
        self,
        address: Address,
        head: bytes,
        *,
        body: Bytes = b"",
        deadline: float | None,
        idempotent: bool = False,
    ) -> Exchange:
        """Send a request: the head, and the body or its beginning, in one piece up to 64 KiB.

        idempotent: may be sent a second time if a kept connection turns out to be dead. Raises
        PeerUnreachable, PeerTimeout, PeerBroke.
        """
        oldest_good = self._monotonic() - self._keep_s
        wire = self._take_idle(address, oldest_good) or self._connect(address)
        return self._begin(wire, head, body, deadline, idempotent)

    def open_all(
        self,
        calls: Sequence[tuple[Address, bytes, Bytes]],
        *,
        deadline: float | None,
        idempotent: bool = False,
    ) -> list[Exchange | PeerFault]:
        """open() for several (address, head, body), connecting to all at once; faults as values."""
        oldest_good = self._monotonic() - self._keep_s
        wires: list[Wire | PeerFault | None] = [
            self._take_idle(call[0], oldest_good) for call in calls
        ]
        if None in wires:
            self._connect_missing(calls, wires)
        outcome: list[Exchange | PeerFault] = []
        for (_, head, body), wire in zip(calls, wires, strict=True):
            if not isinstance(wire, Wire):
                assert wire is not None
                outcome.append(wire)
                continue
            try:
                outcome.append(self._begin(wire, head, body, deadline, idempotent))
            except PeerFault as fault:
                outcome.append(fault)
        return outcome

    def close(self) -> None:
        """Close the idle connections."""
        for wires in self._idle.values():
            for wire in wires:
                wire.close()
        self._idle.clear()

    def idle_count(self, address: Address) -> int:
        return len(self._idle.get(address, ()))

    def _begin(
        self, wire: Wire, head: bytes, body: Bytes, deadline: float | None, idempotent: bool
    ) -> Exchange:
        exchange = Exchange(
            wire,
            head,
            body,
            idempotent=idempotent,
            read_timeout=self._read_timeout,
            connect_anew=self._connect,
        )
        try:
            exchange.begin(deadline)
        except BaseException:
            exchange.close()
            raise
        return exchange

    def _take_idle(self, address: Address, oldest_good: float) -> Wire | None:
        idle = self._idle.get(address)
        if not idle:
            return None
        while idle:
            wire = idle.pop()
            if wire.idle_since >= oldest_good and wire.stream.quiet():
                return wire
            wire.close()
        return None

    def _connect(self, address: Address) -> Wire:
        wire = self._connect_here(address)
        if wire is not None:
            return wire
        try:
            stream = self._net.connect(address, self._conn_timeout)
        except (ConnectFailed, DeadlinePassed) as error:
            raise self._unreachable(address, error) from None
        return self._wire(address, stream)

    def _connect_here(self, address: Address) -> Wire | None:
        """At a local socket, which takes no time; None where there is none."""
        if self._local is None:
            return None
        stream = self._local.connect(address, self._conn_timeout)
        return None if stream is None else self._wire(address, stream)

    def _connect_missing(
        self,
        calls: Sequence[tuple[Address, bytes, Bytes]],
        wires: list[Wire | PeerFault | None],
    ) -> None:
        for index, wire in enumerate(wires):
            if wire is None:
                wires[index] = self._connect_here(calls[index][0])
        missing = [index for index, wire in enumerate(wires) if wire is None]
        addresses = [calls[index][0] for index in missing]
        connected = self._net.connect_many(addresses, self._conn_timeout) if missing else []
        for index, address, stream in zip(missing, addresses, connected, strict=True):
            if isinstance(stream, ConnectFailed | DeadlinePassed):
                wires[index] = self._unreachable(address, stream)
            else:
                wires[index] = self._wire(address, stream)

    def _wire(self, address: Address, stream: Stream) -> Wire:
        return Wire(address, stream, self._monotonic, self._give_back)

    def _unreachable(
        self, address: Address, error: ConnectFailed | DeadlinePassed
    ) -> PeerUnreachable:
        if isinstance(error, ConnectFailed):
            return PeerUnreachable(address, f"no connection: {error.reason}")
        return PeerUnreachable(address, f"no connection within {self._conn_timeout} s")

    def _give_back(self, wire: Wire) -> None:
        wire.reused = True
        wire.idle_since = now = self._monotonic()
        wire.stream.deadline = None
        idle = self._idle.setdefault(wire.address, [])
        idle.append(wire)
        if len(idle) > self._keep:
            idle.pop(0).close()
        if now >= self._next_sweep:
            self._next_sweep = now + self._keep_s
            self._sweep(now - self._keep_s)

    def _sweep(self, oldest_good: float) -> None:
        """Close what is too old to be used again, of nodes that are not spoken to any more too."""
        for address, idle in list(self._idle.items()):
            while idle and idle[0].idle_since < oldest_good:
                idle.pop(0).close()
            if not idle:
                del self._idle[address]
