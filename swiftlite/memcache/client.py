"""A cache in memcached servers, shared with every proxy of the cluster, Swift's among them.

Knows server choice, connections kept, time and faults; the words on the wire are
protocols.memcached. A cache that cannot be reached is no error of the request: reads find nothing
and writes are lost, unless the caller asks to be told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, Protocol, TypeVar

from swiftlite.host.bundle import Host
from swiftlite.host.net import Address, ConnectFailed, DeadlinePassed, PeerGone, Stream
from swiftlite.memcache.faults import ServerFaults
from swiftlite.memcache.front import Front
from swiftlite.memcache.generations import Generations
from swiftlite.memcache.hash_ring import ServerCircle
from swiftlite.memcache.options import MemcacheOptions
from swiftlite.protocols import memcached
from swiftlite.protocols.memcached import MemcachedBroke

DEFAULT_PORT = 11211


class CacheUnreachable(Exception):
    """No server took the call; raised only where raise_on_error was given."""


class Reply(Protocol):
    """One of protocols.memcached's readers."""

    def feed(self, data: bytes) -> bool: ...


class Log(Protocol):
    def warning(self, message: str, /) -> None: ...


AnyReply = TypeVar("AnyReply", bound=Reply)


class MemcacheClient:
    """get, set and counters over the servers; one instance a process, used by all its tasks."""

    shared = True
    """What is set here is seen by other processes and hosts."""
    coherent = True

    def __init__(
        self,
        host: Host,
        options: MemcacheOptions,
        log: Log,
        *,
        generations: Generations | None = None,
    ) -> None:
        self.front = Front(host.clock, generations=generations, new_event=host.tasks.event)
        self._clock = host.clock
        self._net = host.net
        self._options = options
        self._log = log
        self._circle = ServerCircle(options.memcache_servers)
        self._addresses = {server: parse_server(server) for server in self._circle.servers}
        self._idle: dict[str, list[Stream]] = {server: [] for server in self._circle.servers}
        self._faults = ServerFaults(options, host.clock)

    def get(self, key: str, raise_on_error: bool = False) -> Any:  # noqa: ANN401  # JSON
        """The value, or None when there is none or no server can say."""
        hashed = memcached.cache_key(key)
        reply = self._ask(hashed, memcached.render_get([hashed]), memcached.ValuesReply)
        if reply is None:
            self._unreachable(key, raise_on_error)
            return None
        found = reply.values.get(hashed)
        return None if found is None else memcached.decode_value(*found)

    def set(
        self,
        key: str,
        value: object,
        serialize: bool = True,
        time: float = 0,
        min_compress_len: int = 0,  # Swift's signature
        raise_on_error: bool = False,
    ) -> None:
        """Keep a value for `time` seconds, 0 meaning until it is pushed out."""
        hashed = memcached.cache_key(key)
        request = self._store(b"set", hashed, memcached.encode_value(value, serialize), time)
        if self._options.item_size_warning_threshold >= 0:
            self._warn_of_size(key, len(request))
        reply = self._ask(hashed, request, memcached.LineReply)
        if reply is None:
            self._unreachable(key, raise_on_error)
        elif reply.lines[0] != b"STORED":
            self._log.warning(f"memcached did not store {key}: {reply.lines[0][:200]!r}")
            if raise_on_error:
                raise CacheUnreachable(f"not stored: {key}")

    def delete(self, key: str, server_key: str | None = None) -> None:
        hashed = memcached.cache_key(key)
        place = hashed if server_key is None else memcached.cache_key(server_key)
        self._ask(place, memcached.render_delete(hashed), memcached.LineReply)

    def incr(self, key: str, delta: int = 1, time: float = 0) -> int:
        """Count up (or down, never below zero), from zero; the new count.

        Raises CacheUnreachable: a count that nobody keeps is no count.
        """
        hashed = memcached.cache_key(key)
        delta = int(delta)
        count = memcached.render_count(hashed, delta)
        first = str(max(0, delta)).encode()
        begin = self._store(b"add", hashed, (0, first), time)
        for request in (count, begin, count):
            reply = self._ask(hashed, request, memcached.LineReply)
            if reply is None:
                break
            line = reply.lines[0].strip()
            if request is begin and line == b"STORED":
                return int(first)
            if line.isdigit():
                return int(line)
        raise CacheUnreachable(f"no memcached server keeps the count {key}")

    def decr(self, key: str, delta: int = 1, time: float = 0) -> int:
        return self.incr(key, -int(delta), time)

    def get_multi(self, keys: Iterable[str], server_key: str) -> list[Any]:
        """Values in the order of the keys, None where there is none; all from one server."""
        hashes = [memcached.cache_key(key) for key in keys]
        place = memcached.cache_key(server_key)
        reply = self._ask(place, memcached.render_get(hashes), memcached.ValuesReply)
        found = {} if reply is None else reply.values
        return [
            memcached.decode_value(*found[hashed]) if hashed in found else None for hashed in hashes
        ]

    def set_multi(
        self,
        mapping: Mapping[str, object],
        server_key: str,
        serialize: bool = True,
        time: float = 0,
    ) -> None:
        """Several values on the server of one key, so that get_multi finds them together."""
        requests = [
            self._store(
                b"set", memcached.cache_key(key), memcached.encode_value(value, serialize), time
            )
            for key, value in mapping.items()
        ]
        if requests:
            place = memcached.cache_key(server_key)
            self._ask(place, b"".join(requests), lambda: memcached.LineReply(len(requests)))

    def close(self) -> None:
        for streams in self._idle.values():
            while streams:
                streams.pop().close()

    def _store(self, verb: bytes, hashed: bytes, encoded: tuple[int, bytes], time: float) -> bytes:
        exptime = memcached.expiry(time, self._clock.wall())
        return memcached.render_store(verb, hashed, encoded[0], exptime, encoded[1])

    def _ask(
        self, hashed: bytes, request: bytes, new_reply: Callable[[], AnyReply]
    ) -> AnyReply | None:
        """The first server's reply, out of those that take the call; None when none does."""
        for server in self._servers(hashed):
            started = self._clock.monotonic()
            try:
                return self._talk(server, request, new_reply)
            except (ConnectFailed, DeadlinePassed, PeerGone, MemcachedBroke) as error:
                self._note(server, error, started)
        return None

    def _servers(self, hashed: bytes) -> Iterator[str]:
        tries = max(1, self._options.memcache_tries)
        for server in islice(self._circle.servers_for(hashed), tries):
            if not self._faults.limited(server):
                yield server

    def _talk(self, server: str, request: bytes, new_reply: Callable[[], AnyReply]) -> AnyReply:
        """One call over a kept connection, or over a new one when there is none alive."""
        idle = self._idle[server]
        while idle:
            stream = idle.pop()
            if stream.quiet():
                return self._converse(server, stream, request, new_reply())
            stream.close()  # by the server, while it lay idle
        stream = self._net.connect(self._addresses[server], self._options.connect_timeout)
        return self._converse(server, stream, request, new_reply())

    def _converse(self, server: str, stream: Stream, request: bytes, reply: AnyReply) -> AnyReply:
        done = False
        stream.deadline = self._clock.monotonic() + self._options.io_timeout
        try:
            stream.send_all(request)
            while not done:
                data = stream.recv(65536)
                if not data:
                    raise MemcachedBroke("the connection was closed before a reply")
                done = reply.feed(data)
        finally:
            if done and len(self._idle[server]) < self._options.memcache_max_connections:
                stream.deadline = None
                self._idle[server].append(stream)
            else:
                stream.close()
        return reply

    def _note(self, server: str, error: Exception, started: float) -> None:
        """Blame a server for a failed call, unless it was this process that stood still."""
        waited = self._clock.monotonic() - started
        allowed = self._options.connect_timeout + self._options.io_timeout
        if isinstance(error, DeadlinePassed) and waited > 2 * allowed:
            self._log.warning(f"memcached {server}: {waited:.1f} s gone by here; not its fault")
            return
        limited = self._faults.note(server)
        self._log.warning(f"memcached {server}: {error}{'; not asked for a while' * limited}")

    def _unreachable(self, key: str, raise_on_error: bool) -> None:
        if raise_on_error:
            raise CacheUnreachable(f"no memcached server answers for {key}")

    def _warn_of_size(self, key: str, size: int) -> None:
        if size >= self._options.item_size_warning_threshold:
            self._log.warning(f"a memcached item of {size} bytes: {key.partition('/')[0]}")


def parse_server(server: str) -> Address:
    """`127.0.0.1:11211`, `[::1]:11211`, `cache1` or `/run/memcached.sock`. Raises ValueError."""
    if server.startswith("/"):
        return server
    if server.startswith("["):
        name, bracket, rest = server[1:].partition("]")
        port = rest.removeprefix(":")
        if not bracket or (rest and not rest.startswith(":")):
            raise ValueError(f"not a memcached server: {server!r}")
    else:
        name, _, port = server.partition(":")
    if not name or (port and not (port.isascii() and port.isdecimal())):
        raise ValueError(f"not a memcached server: {server!r}")
    return (name, int(port or DEFAULT_PORT))
