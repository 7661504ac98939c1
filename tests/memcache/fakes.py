"""A memcached that lives in the test: enough of its protocol, a clock to turn, and faults."""

from __future__ import annotations

from swiftlite.host.net import Address, Bytes, ConnectFailed, DeadlinePassed, PeerGone


class TurnedClock:
    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def wall(self) -> float:
        return 1_700_000_000.0 + self.now


class Memcached:
    """One server: what it stores, what it was asked, and how it misbehaves."""

    def __init__(self, clock: TurnedClock) -> None:
        self.clock = clock
        self.values: dict[bytes, tuple[bytes, bytes]] = {}
        self.asked: list[bytes] = []
        self.exptimes: list[int] = []
        self.connections = 0
        self.down = False
        self.silent_for: float | None = None
        self.one_byte_at_a_time = False

    def answer(self, request: bytes) -> bytes:
        said = b""
        while request:
            line, _, request = request.partition(b"\r\n")
            self.asked.append(line)
            words = line.split(b" ")
            if words[0] in (b"set", b"add"):
                size = int(words[4])
                data, request = request[:size], request[size + 2 :]
                self.exptimes.append(int(words[3]))
                if words[0] == b"add" and words[1] in self.values:
                    said += b"NOT_STORED\r\n"
                else:
                    self.values[words[1]] = (words[2], data)
                    said += b"STORED\r\n"
            elif words[0] == b"get":
                for key in words[1:]:
                    if key in self.values:
                        flags, data = self.values[key]
                        said += b"VALUE %s %s %d\r\n%s\r\n" % (key, flags, len(data), data)
                said += b"END\r\n"
            elif words[0] == b"delete":
                found = self.values.pop(words[1], None)
                said += b"DELETED\r\n" if found else b"NOT_FOUND\r\n"
            elif words[0] in (b"incr", b"decr"):
                if words[1] not in self.values:
                    said += b"NOT_FOUND\r\n"
                else:
                    flags, data = self.values[words[1]]
                    delta = int(words[2]) * (1 if words[0] == b"incr" else -1)
                    count = b"%d" % max(0, int(data) + delta)
                    self.values[words[1]] = (flags, count)
                    said += count + b"\r\n"
            else:
                said += b"ERROR\r\n"
        return said


class MemcachedStream:
    def __init__(self, server: Memcached) -> None:
        self.server = server
        self.deadline: float | None = None
        self.idle_s: float | None = None
        self.waiting = b""
        self.closed = False
        self.peer: Address = ""
        server.connections += 1

    def send_all(self, data: Bytes, more: bool = False) -> None:
        if self.server.down or self.closed:
            raise PeerGone("gone")
        self.waiting += self.server.answer(bytes(data))

    def recv(self, n: int) -> bytes:
        if self.server.silent_for is not None:
            self.server.clock.now += self.server.silent_for
            raise DeadlinePassed("no answer")
        if self.server.down:
            return b""
        if self.server.one_byte_at_a_time:
            n = 1
        data, self.waiting = self.waiting[:n], self.waiting[n:]
        return data

    def quiet(self) -> bool:
        return not self.server.down

    def close(self) -> None:
        self.closed = True


class MemcachedNet:
    """connect() by address; a server that is missing or down refuses."""

    def __init__(self, servers: dict[Address, Memcached]) -> None:
        self.servers = servers

    def connect(self, address: Address, timeout: float | None) -> MemcachedStream:
        server = self.servers.get(address)
        if server is None or server.down:
            raise ConnectFailed(address, "refused")
        return MemcachedStream(server)


class Lines:
    """A log that keeps its lines."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def warning(self, message: str, **fields: object) -> None:
        self.lines.append(message)
