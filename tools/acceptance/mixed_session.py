"""Requests whose bodies are made while they are sent and compared while they come."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import quote

from swiftlite.cli.bench.endpoint import Endpoint
from swiftlite.host.bundle import Host
from swiftlite.host.net import render_address
from swiftlite.peers.answer import Answer
from swiftlite.peers.errors import PeerBroke, PeerFault
from swiftlite.peers.exchange import Exchange
from swiftlite.peers.headers import Headers
from swiftlite.peers.pool import Pool
from tools.acceptance.mixed_bodies import Content, pieces

PATIENCE_S = 120.0
_SMALL_BYTES = 1 << 16
_ANSWER_BYTES_MAX = 64 << 20


class Reply(NamedTuple):
    """body: empty where it was compared. fault: why there is no answer, or what differs."""

    status: int
    headers: Headers
    body: bytes
    fault: str = ""


class Session:
    """Shared by all clients; each call has a connection of its own while it lasts."""

    def __init__(self, host: Host, endpoint: Endpoint) -> None:
        self._monotonic = host.clock.monotonic
        self._endpoint = endpoint
        self._pool = Pool(host, conn_timeout=10.0, read_timeout=PATIENCE_S, keep=4096, keep_s=3.0)
        self._common = (
            f" HTTP/1.1\r\nHost: {render_address(endpoint.address)}\r\n"
            f"X-Auth-Token: {endpoint.token}\r\nUser-Agent: mixed-load\r\n"
        )

    def send(
        self,
        method: str,
        path: str,
        body: Content | bytes = b"",
        headers: Iterable[tuple[str, str]] = (),
        query: str = "",
    ) -> Reply:
        """path: below the account, as text. The answer's body is given whole."""
        try:
            answer = self._ask(method, path, body, headers, query)
            found = b"" if method == "HEAD" else answer.read_all(_ANSWER_BYTES_MAX)
        except PeerFault as fault:
            return Reply(0, Headers({}), b"", fault.reason)
        answer.close()
        return Reply(answer.status, answer.headers, found)

    def fetch(
        self,
        path: str,
        content: Content,
        start: int,
        stop: int,
        headers: Iterable[tuple[str, str]] = (),
    ) -> Reply:
        """A GET whose body, when it is there, has to be those bytes of content."""
        try:
            answer = self._ask("GET", path, b"", headers, "")
            fault = self._compare(answer, content, start, stop) if answer.status < 300 else ""
            answer.close()
        except PeerFault as error:
            return Reply(0, Headers({}), b"", error.reason)
        return Reply(answer.status, answer.headers, b"", fault)

    def close(self) -> None:
        self._pool.close()

    def _ask(
        self,
        method: str,
        path: str,
        body: Content | bytes,
        headers: Iterable[tuple[str, str]],
        query: str,
    ) -> Answer:
        """Raises PeerFault."""
        endpoint = self._endpoint
        size = len(body) if isinstance(body, bytes) else body.size
        head = f"{method} {endpoint.root}{quote(path)}{'?' if query else ''}{query}{self._common}"
        if method in ("PUT", "POST", "DELETE"):
            head += f"Content-Length: {size}\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in headers)
        first = body if isinstance(body, bytes) else b""
        if not isinstance(body, bytes) and size <= _SMALL_BYTES:
            first = body.part(0, size)
        exchange = self._pool.open(
            endpoint.address, f"{head}\r\n".encode(), body=first,
            deadline=self._monotonic() + PATIENCE_S, idempotent=True,
        )  # fmt: skip
        try:
            if not isinstance(body, bytes) and size > _SMALL_BYTES:
                self._send_body(exchange, body)
            return exchange.answer(self._monotonic() + PATIENCE_S)
        except BaseException:
            exchange.close()
            raise

    def _send_body(self, exchange: Exchange, body: Content) -> None:
        try:
            for piece in pieces(body):
                exchange.send(memoryview(piece), self._monotonic() + PATIENCE_S)
        except PeerBroke:
            pass  # its answer may tell why

    @staticmethod
    def _compare(answer: Answer, content: Content, start: int, stop: int) -> str:
        """What differs; empty when nothing does."""
        at = start
        for block in answer:
            if block != content.part(at, min(at + len(block), stop)):
                return f"bytes from {at} on are not what was written"
            at += len(block)
        return "" if at == stop else f"the body ended at {at}, not at {stop}"
