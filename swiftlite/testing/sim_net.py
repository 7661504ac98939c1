"""A network in memory: host.net with delay, partition, nodes that vanish, and half-open ends.

Each direction of a stream is a pipe of pieces, each with the moment at which it arrives; order is
kept, as TCP keeps it. What a partition holds up arrives after it has healed, if anybody still
waits. A node that loses power says no good-bye: its peers see silence until it is back.
"""

from __future__ import annotations

import math
import random
from collections import deque
from collections.abc import Callable, Sequence

from swiftlite.host.conduit import CopyConduit
from swiftlite.host.disk import Disk
from swiftlite.host.net import (
    Address,
    Bytes,
    ConnectFailed,
    DeadlinePassed,
    PeerGone,
    Stream,
    wait_for_each,
)
from swiftlite.testing.sim_tasks import Scheduler, Waiter

_WINDOW_BYTES = 262_144  # on the way and unread, per direction
_PIECE_BYTES = 65_536
_PACKET_BYTES = 1_500
_FIRST_FILENO = 500_000
_GIVE_UP_S = 130.0  # how long TCP tries to connect


class Network:
    """Everything between the nodes. delay is the span of a piece's way, in seconds."""

    def __init__(
        self, scheduler: Scheduler, seed: int | str, delay: tuple[float, float] = (0.0001, 0.002)
    ) -> None:
        self.scheduler = scheduler
        self._chance = random.Random(f"network {seed}")
        self.delay = delay
        self.loss = 0.0  # share of pieces that come late, having been sent again
        self.rate = 0.0  # bytes a second that a node sends, and that it receives; 0: any number
        self.carried: dict[tuple[str, str], int] = {}  # bytes, by sender and receiver
        self._busy: dict[tuple[str, str], float] = {}  # until when, by direction and node
        self.listeners: dict[tuple[str, Address], SimListener] = {}
        self.streams: list[SimStream] = []
        self._parted: set[frozenset[str]] = set()
        self._down: set[str] = set()
        self._numbers = _FIRST_FILENO

    # --- what tests do to it

    def part(self, one: str, other: str) -> None:
        """Nothing passes between two nodes."""
        self._parted.add(frozenset((one, other)))

    def heal(self) -> None:
        """All partitions end; what they held up arrives."""
        self._parted.clear()
        for stream in self.streams:
            stream.incoming.release_held(self.arrival())

    def vanish(self, node: str) -> None:
        """The node loses power or its cable: its streams fall silent, its listeners are gone."""
        self._down.add(node)
        for stream in [stream for stream in self.streams if stream.node == node]:
            stream.vanish()
        self._drop_listeners(node)

    def end_process(self, node: str) -> None:
        """The node's programs are killed; its kernel closes their connections."""
        self._drop_listeners(node)
        for stream in [stream for stream in self.streams if stream.node == node]:
            stream.close()

    def come_back(self, node: str) -> None:
        """The node is there again. It refuses what reaches it on connections from before."""
        self._down.discard(node)
        for stream in self.streams:
            if stream.peer_node == node and stream.incoming.writer_vanished:
                stream.refuse_if_sending()

    # --- for the parts of the network

    def arrival(self) -> float:
        """When something sent now arrives."""
        late = self._chance.uniform(0.2, 1.0) if self._chance.random() < self.loss else 0.0
        return self.scheduler.clock.monotonic() + self._chance.uniform(*self.delay) + late

    def arrival_of(self, size: int, sender: str, receiver: str) -> float:
        """The same for a piece, which waits for its turn at both ends where there is a rate. What
        fits into one packet need not wait: queues are fair, as Linux's are."""
        link = sender, receiver
        self.carried[link] = self.carried.get(link, 0) + size
        if not self.rate or sender == receiver or size <= _PACKET_BYTES:
            return self.arrival()
        now = self.scheduler.clock.monotonic()
        ends = ("out", sender), ("in", receiver)
        for end in ends:
            self._busy[end] = max(now, self._busy.get(end, 0.0)) + size / self.rate
        through = max(self._busy[end] for end in ends)
        return through + self.arrival() - now

    def reachable(self, one: str, other: str) -> bool:
        gone = one in self._down or other in self._down
        return not gone and frozenset((one, other)) not in self._parted

    def number(self) -> int:
        self._numbers += 1
        return self._numbers

    def _drop_listeners(self, node: str) -> None:
        for listener in [found for key, found in self.listeners.items() if key[0] == node]:
            listener.close()


class _Pipe:
    """One direction of a stream."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self.pieces: deque[list[float | bytes]] = deque()
        self.queued = 0
        self.last_arrival = 0.0
        self.ended_at: float | None = None
        self.reset_at: float | None = None
        self.reader_closed = False
        self.writer_vanished = False
        self.waiters: list[Waiter] = []

    def put(self, data: bytes, arrival: float) -> None:
        self.last_arrival = max(self.last_arrival, arrival) if arrival < math.inf else arrival
        self.pieces.append([self.last_arrival, data])
        self.queued += len(data)
        self._poke_at(self.last_arrival)

    def end(self, arrival: float) -> None:
        self.ended_at = max(self.last_arrival, arrival)
        self._poke_at(self.ended_at)

    def reset(self, arrival: float) -> None:
        self.reset_at = arrival
        self._poke_at(arrival)

    def release_held(self, arrival: float) -> None:
        """Pieces without a moment of arrival get one."""
        for piece in self.pieces:
            if piece[0] == math.inf:
                piece[0] = arrival
        if self.last_arrival == math.inf:
            self.last_arrival = arrival
        if self.ended_at == math.inf:
            self.ended_at = arrival
        self._poke_at(arrival)

    def readable(self) -> bool:
        """Data, an end or a reset has arrived."""
        now = self._scheduler.clock.monotonic()
        first = self.pieces[0][0] if self.pieces else math.inf
        assert isinstance(first, float)
        return first <= now or self.is_over(now)

    def is_over(self, now: float) -> bool:
        ended = self.ended_at is not None and self.ended_at <= now and not self.pieces
        return ended or self.is_reset(now)

    def is_reset(self, now: float) -> bool:
        return self.reset_at is not None and self.reset_at <= now

    def take(self, n: int) -> bytes:
        """Up to n bytes of the first piece, which has arrived."""
        piece = self.pieces[0]
        data = piece[1]
        assert isinstance(data, bytes)
        if len(data) > n:
            piece[1] = data[n:]
            data = data[:n]
        else:
            self.pieces.popleft()
        self.queued -= len(data)
        self.poke()
        return data

    def poke(self) -> None:
        """Whoever waits at either end looks again."""
        waiters, self.waiters = self.waiters, []
        for waiter in waiters:
            self._scheduler.wake(waiter)

    def _poke_at(self, moment: float) -> None:
        if moment < math.inf:
            self._scheduler.call_at(moment, self.poke)


class SimStream:
    """host.net.Stream: one end."""

    def __init__(
        self, network: Network, node: str, peer: Address, incoming: _Pipe, outgoing: _Pipe,
        peer_node: str, disk: Disk | None,
    ) -> None:  # fmt: skip
        self.deadline: float | None = None
        self.idle_s: float | None = None
        self.peer = peer
        self.node = node
        self.peer_node = peer_node
        self.incoming = incoming
        self.outgoing = outgoing
        self._network = network
        self._scheduler = network.scheduler
        self._disk = disk
        self._open = True
        self._fileno = network.number()
        network.streams.append(self)

    def recv(self, n: int) -> bytes:
        self._wait(self.incoming, self.incoming.readable, "bytes to read")
        if self.incoming.is_reset(self._scheduler.clock.monotonic()):
            raise PeerGone("reset by the peer")
        return self.incoming.take(n) if self.incoming.pieces else b""

    def recv_into(self, view: memoryview) -> int:
        data = self.recv(len(view))
        view[: len(data)] = data
        return len(data)

    def send_all(self, data: Bytes, more: bool = False) -> None:
        whole = bytes(data)
        for at in range(0, len(whole), _PIECE_BYTES):
            self._send_piece(whole[at : at + _PIECE_BYTES])

    def send_file(self, fd: int, offset: int, count: int) -> int:
        assert self._disk is not None, "this node has no disk"
        sent = 0
        while sent < count:
            data = self._disk.pread(fd, min(count - sent, _PIECE_BYTES), offset + sent)
            if not data:
                break
            self._send_piece(data)
            sent += len(data)
        return sent

    def quiet(self) -> bool:
        return self._open and not self.incoming.readable()

    def shutdown_sending(self) -> None:
        if self._open and self.outgoing.ended_at is None:
            self.outgoing.end(self._arrival())

    def close(self) -> None:
        """Unread bytes make it a reset, as on Linux."""
        if not self._open:
            return
        unread = bool(self.incoming.pieces)
        self.shutdown_sending()
        self._leave()
        self.incoming.reader_closed = True
        if unread:
            self.outgoing.reset(self._arrival())
        self.incoming.poke()

    def vanish(self) -> None:
        """Without a word: what was sent is on its way, nothing follows."""
        self._leave()
        self.outgoing.writer_vanished = True
        self.incoming.poke()

    def refuse_if_sending(self) -> None:
        """The peer has lost its end: what is on the way to it, sent again, draws a reset."""
        if self.outgoing.pieces:
            self.incoming.reset(self._network.arrival())

    def fileno(self) -> int:
        return self._fileno if self._open else -1

    def _leave(self) -> None:
        self._open = False
        if self in self._network.streams:
            self._network.streams.remove(self)

    def _arrival(self) -> float:
        if self._network.reachable(self.node, self.peer_node):
            return self._network.arrival()
        return math.inf

    def _send_piece(self, piece: bytes) -> None:
        out = self.outgoing
        self._wait(out, lambda: out.queued < _WINDOW_BYTES or self._peer_left(), "room to send")
        if self._peer_left():
            raise PeerGone("the peer has closed the connection")
        if out.ended_at is not None:
            raise PeerGone("sending was shut down here")
        arrival = math.inf
        if self._network.reachable(self.node, self.peer_node):
            arrival = self._network.arrival_of(len(piece), self.node, self.peer_node)
        out.put(piece, arrival)
        if self.incoming.writer_vanished and self._network.reachable(self.node, self.peer_node):
            self.refuse_if_sending()

    def _peer_left(self) -> bool:
        now = self._scheduler.clock.monotonic()
        return self.outgoing.reader_closed or self.incoming.is_reset(now)

    def _wait(self, pipe: _Pipe, ready: Callable[[], bool], reason: str) -> None:
        idle_end = None
        if self.idle_s is not None:
            idle_end = self._scheduler.clock.monotonic() + self.idle_s
        while True:
            if not self._open:
                raise PeerGone("closed here")
            if ready():
                return
            ends = [end for end in (self.deadline, idle_end) if end is not None]
            waiter = Waiter(reason)
            pipe.waiters.append(waiter)
            self._scheduler.park(waiter, min(ends) if ends else None)


class SimListener:
    """host.net.Listener."""

    def __init__(self, net: SimNet, address: Address) -> None:
        self.address = address
        self.net = net
        self._queue: deque[SimStream] = deque()
        self._waiters: deque[Waiter] = deque()
        self._open = True
        self._fileno = net.network.number()

    def accept(self) -> SimStream:
        while True:
            if self._queue:
                return self._queue.popleft()
            if not self._open:
                raise PeerGone("the listener is closed")
            waiter = Waiter("a client")
            self._waiters.append(waiter)
            self.net.scheduler.park(waiter, None)

    def close(self) -> None:
        if not self._open:
            return
        self._open = False
        self.net.network.listeners.pop((self.net.node, self.address), None)
        for stream in self._queue:
            stream.close()
        self._queue.clear()
        self._wake()

    def fileno(self) -> int:
        return self._fileno if self._open else -1

    def arrive(self, stream: SimStream) -> None:
        self._queue.append(stream)
        self._wake()

    def _wake(self) -> None:
        waiters, self._waiters = self._waiters, deque()
        for waiter in waiters:
            self.net.scheduler.wake(waiter)


class SimNet:
    """host.net.Net of one node, which is known by its IP address."""

    def __init__(self, network: Network, node: str, disk: Disk | None = None) -> None:
        self.network = network
        self.scheduler = network.scheduler
        self.node = node
        self._disk = disk
        self._port = 40_000

    def listen(
        self, address: Address, *, reuse_port: bool = False, backlog: int = 4096
    ) -> SimListener:
        if not isinstance(address, str):
            host, port = address
            address = (self.node if host in ("", "0.0.0.0", "::") else host, port or self._next())
        key = (self.node, address)
        if key in self.network.listeners:
            raise OSError(98, "Address already in use", str(address))
        listener = SimListener(self, address)
        self.network.listeners[key] = listener
        return listener

    def adopt_listener(self, fd: int) -> SimListener:
        for listener in self.network.listeners.values():
            if listener.fileno() == fd and listener.net is self:
                return listener
        raise OSError(9, "Bad file descriptor", str(fd))

    def connect(self, address: Address, timeout: float | None) -> SimStream:
        outcome = self.connect_many([address], timeout)[0]
        if isinstance(outcome, Exception):
            raise outcome
        assert isinstance(outcome, SimStream)
        return outcome

    def connect_many(
        self, addresses: Sequence[Address], timeout: float | None
    ) -> list[Stream | ConnectFailed | DeadlinePassed]:
        start = self.scheduler.clock.monotonic()
        end = math.inf if timeout is None else start + timeout
        arrivals = [self._arrival_at(address) for address in addresses]
        outcome: dict[int, Stream | ConnectFailed | DeadlinePassed] = {}
        for index in sorted(range(len(addresses)), key=arrivals.__getitem__):
            self._pause_until(min(arrivals[index], end))
            if arrivals[index] > end:
                outcome[index] = DeadlinePassed("no connection in time")
                continue
            try:
                outcome[index] = self._connected(addresses[index])
            except ConnectFailed as failure:
                outcome[index] = failure
        return [outcome[index] for index in range(len(addresses))]

    def _arrival_at(self, address: Address) -> float:
        """When a connection is there, or refused, or given up."""
        if self.network.reachable(self.node, self._node_of(address)):
            return self.network.arrival()
        return self.scheduler.clock.monotonic() + _GIVE_UP_S

    def _node_of(self, address: Address) -> str:
        return self.node if isinstance(address, str) else address[0]

    def _connected(self, address: Address) -> SimStream:
        node = self._node_of(address)
        listener = self.network.listeners.get((node, address))
        if not self.network.reachable(self.node, node):
            raise ConnectFailed(address, "Connection timed out")
        if listener is None:
            raise ConnectFailed(address, "Connection refused")
        return self._joined(listener, address)

    def wait_any(self, streams: Sequence[Stream], deadline: float | None) -> Stream:
        ours = [stream for stream in streams if isinstance(stream, SimStream)]
        assert len(ours) == len(streams)
        while True:
            for stream in ours:
                if stream.incoming.readable() or stream.fileno() < 0:
                    return stream
            waiter = Waiter("any of several streams")
            for stream in ours:
                stream.incoming.waiters.append(waiter)
            self.scheduler.park(waiter, deadline)

    def wait_all(self, streams: Sequence[Stream], deadline: float | None) -> bool:
        return wait_for_each(self, streams, deadline)

    def conduit(self, *, spliced: bool = True) -> CopyConduit:
        return CopyConduit()

    def _joined(self, listener: SimListener, address: Address) -> SimStream:
        there, here = _Pipe(self.scheduler), _Pipe(self.scheduler)
        net = listener.net
        own: Address = "" if isinstance(address, str) else (self.node, self._next())
        listener.arrive(SimStream(self.network, net.node, own, there, here, self.node, net._disk))
        return SimStream(self.network, self.node, address, here, there, net.node, self._disk)

    def _pause_until(self, moment: float) -> None:
        if moment <= self.scheduler.clock.monotonic():
            return
        waiter = Waiter("a connection")
        self.scheduler.call_at(moment, lambda: self.scheduler.wake(waiter))
        self.scheduler.park(waiter, None)

    def _next(self) -> int:
        self._port += 1
        return self._port
