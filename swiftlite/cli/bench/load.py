"""The load itself: so many clients at once, each with one request after the other.

It must not be what is measured: connections are kept, heads are made by concatenation, and large
bodies are thrown away inside the kernel. 25 µs of CPU a small request, 0.1 s/GB.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from math import inf
from typing import NamedTuple

from swiftlite.cli.bench.endpoint import Endpoint
from swiftlite.cli.bench.figures import Tally
from swiftlite.host.bundle import Host
from swiftlite.host.conduit import Conduit
from swiftlite.host.net import Stream, render_address
from swiftlite.peers.answer import Answer
from swiftlite.peers.errors import PeerBroke, PeerFault
from swiftlite.peers.exchange import Exchange
from swiftlite.peers.pool import Pool

PATIENCE_S = 120.0
_BLOCK_BYTES = 1 << 20
_WITH_HEAD_BYTES = 1 << 16


class Call(NamedTuple):
    """target: below the account, quoted. body_bytes: to be sent. wanted: the good statuses."""

    method: str
    target: str
    body_bytes: int = 0
    wanted: tuple[int, ...] = (200, 201, 202, 204)


class Nowhere:
    """Takes what a conduit carries, and forgets it. As much of a Stream as a conduit needs."""

    def __init__(self) -> None:
        self._fd = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)

    def send_all(self, data: object, more: bool = False) -> None:
        pass

    def splice_from(self, pipe: int, count: int) -> None:
        while count:
            count -= os.splice(pipe, self._fd, count)

    def close(self) -> None:
        os.close(self._fd)


class Driver:
    """Carries out calls on one endpoint. close() it."""

    def __init__(self, host: Host, endpoint: Endpoint) -> None:
        self._host = host
        self.endpoint = endpoint
        self._monotonic = host.clock.monotonic
        self._pool = Pool(host, conn_timeout=10.0, read_timeout=PATIENCE_S, keep=4096, keep_s=3.0)
        self._block = memoryview(bytes(host.entropy.bytes(_BLOCK_BYTES)))
        self._nowhere = Nowhere()
        host_name = render_address(endpoint.address)
        self._headers = (
            f" HTTP/1.1\r\nHost: {host_name}\r\nX-Auth-Token: {endpoint.token}\r\n"
            "User-Agent: swiftlite-bench\r\n"
        )

    def run(
        self,
        calls: Iterator[Call],
        clients: int,
        *,
        seconds: float | None = None,
        stopping: Callable[[], bool] = lambda: False,
    ) -> Tally:
        """Until the calls are used up, or the time is; requests begun are ended."""
        tally = Tally()
        until = inf if seconds is None else self._monotonic() + seconds
        tasks = [
            self._host.tasks.spawn(self._client, calls, until, tally, stopping)
            for _ in range(clients)
        ]
        for task in tasks:
            task.wait()
        return tally

    def one(self, call: Call) -> int:
        """A single call; its status. Raises PeerFault."""
        return self._answer(call).status

    def close(self) -> None:
        self._pool.close()
        self._nowhere.close()

    def _client(
        self, calls: Iterator[Call], until: float, tally: Tally, stopping: Callable[[], bool]
    ) -> None:
        monotonic = self._monotonic
        while (start := monotonic()) < until and not stopping():
            call = next(calls, None)
            if call is None:
                return
            try:
                answer = self._answer(call)
            except PeerFault as fault:
                tally.errors[fault.reason] += 1
                continue
            if answer.status not in call.wanted:
                tally.errors[f"{call.method} answered {answer.status}"] += 1
                continue
            tally.latencies.append(monotonic() - start)
            tally.body_bytes += call.body_bytes or (answer.length or 0)

    def _answer(self, call: Call) -> Answer:
        """An answer whose body has been taken to its end. Raises PeerFault."""
        endpoint, size = self.endpoint, call.body_bytes
        head = f"{call.method} {endpoint.root}{call.target}{self._headers}"
        if call.method in ("PUT", "POST"):
            head += f"Content-Type: application/octet-stream\r\nContent-Length: {size}\r\n"
        first = self._block[: size if size <= _WITH_HEAD_BYTES else 0]
        deadline = self._monotonic() + PATIENCE_S
        exchange = self._pool.open(
            endpoint.address, (head + "\r\n").encode(), body=first, deadline=deadline,
            idempotent=True,
        )  # fmt: skip
        try:
            if size > _WITH_HEAD_BYTES:
                self._send_body(exchange, size)
            answer = exchange.answer(self._monotonic() + PATIENCE_S)
        except BaseException:
            exchange.close()
            raise
        if call.method == "HEAD" or answer.ended:
            answer.close()
        else:
            self._throw_away(answer)
        return answer

    def _send_body(self, exchange: Exchange, size: int) -> None:
        try:
            while size:
                count = min(size, _BLOCK_BYTES)
                exchange.send(self._block[:count], self._monotonic() + PATIENCE_S)
                size -= count
        except PeerBroke:
            pass  # its answer may tell why

    def _throw_away(self, answer: Answer) -> None:
        if answer.length is not None and answer.length <= _WITH_HEAD_BYTES:
            answer.read_all(_WITH_HEAD_BYTES)
            return
        conduit: Conduit = self._host.net.conduit()
        sink: Stream = self._nowhere  # type: ignore[assignment]  # what a conduit needs of one
        try:
            while answer.move_into(conduit):
                conduit.drain(sink)
        finally:
            conduit.close()
