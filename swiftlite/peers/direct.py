"""Calls of daemons to one server: a request, its answer read whole, a deadline for both.

For answers of known small size; whoever streams uses the pool itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from swiftlite.host.clock import Clock
from swiftlite.host.net import Address, Bytes
from swiftlite.peers.call import render_head
from swiftlite.peers.headers import Headers
from swiftlite.peers.pool import Pool
from swiftlite.vocab.names import quote_path
from swiftlite.vocab.status import is_success

ANSWER_BYTES_MAX = 64 << 20


@dataclass(frozen=True, slots=True)
class Small:
    """An answer with its whole body."""

    status: int
    headers: Headers
    body: bytes

    @property
    def ok(self) -> bool:
        return is_success(self.status)


def storage_path(device: str, partition: int | str, *names: str | None) -> str:
    """`/device/partition/account/container/object`, quoted; names that are None are left out."""
    parts = (device, str(partition), *(name for name in names if name is not None))
    return "/" + quote_path("/".join(parts))


class Caller:
    """Calls through a pool. timeout: seconds a call may take in all, its connection aside."""

    def __init__(self, pool: Pool, clock: Clock, *, timeout: float, agent: str) -> None:
        self._pool = pool
        self._clock = clock
        self._timeout = timeout
        self._agent = agent

    def call(
        self,
        address: Address,
        method: str,
        target: str,
        headers: Iterable[tuple[str, str]] = (),
        body: Bytes = b"",
        *,
        timeout: float | None = None,
        idempotent: bool = True,
        limit: int = ANSWER_BYTES_MAX,
    ) -> Small:
        """Any answer is a value; a node that gives none raises PeerFault. target is quoted.

        idempotent: it may reach the node twice without harm, as everything that only reads, or
        that carries an X-Timestamp, may. Raises Unsendable (a ValueError) as render_head does.
        """
        deadline = self._clock.monotonic() + (self._timeout if timeout is None else timeout)
        every = [("User-Agent", self._agent), *headers]
        head = render_head(
            method,
            target,
            every,
            address,
            content_length=len(body) if _has_body(method, body) else None,
        )
        exchange = self._pool.open(
            address, head, body=body, deadline=deadline, idempotent=idempotent
        )
        try:
            answer = exchange.answer(deadline)
        except BaseException:
            exchange.close()
            raise
        try:
            content = answer.read_all(limit)
        except BaseException:
            answer.close()
            raise
        return Small(answer.status, answer.headers, content)


def _has_body(method: str, body: Bytes) -> bool:
    return len(body) > 0 or method not in ("GET", "HEAD", "DELETE", "OPTIONS")
