"""Conversations with the replicas of databases on other nodes, over their replication addresses.

Knows the calls and what their answers mean; decides nothing. Which nodes are swiftlite, and so
take the short ways, is learned from what they answer.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from swiftlite.dbsync.lane import LANE, LANE_HEADER, NAME_HEADER, REPLICA_HEADER
from swiftlite.host.bundle import Host
from swiftlite.host.net import Address
from swiftlite.peers.call import render_head
from swiftlite.peers.direct import Caller, Small
from swiftlite.peers.errors import PeerFault, PeerUnreachable
from swiftlite.peers.pool import Pool
from swiftlite.protocols import db_sync
from swiftlite.ring import Device
from swiftlite.vocab.names import quote_path

_BLOCK_BYTES = 1 << 20
_ANSWER_BYTES = 1 << 20
_SHUNNED_S = 10.0
"""For how long a node that does not take connections is not asked again: with thousands of
databases, each would wait for it in turn."""
_ROWS_PER_SECOND = 2000
"""What a node that merges a file may be counted on for; Swift's figure."""


class PeerAnswered(PeerFault):
    """It answered, but not with what was asked for."""

    def __init__(self, address: Address, status: int) -> None:
        super().__init__(address, f"answered {status}")
        self.status = status


class DeviceGone(PeerFault):
    """Its device is not mounted, or is full (507): a handoff is to take its place."""


@dataclass(frozen=True, slots=True)
class Target:
    """A database's place on one node."""

    node: Device
    partition: int
    digest: str

    @property
    def path(self) -> str:
        return "/" + quote_path(f"{self.node.device}/{self.partition}/{self.digest}")


class Peers:
    """timeout: seconds for one call."""

    def __init__(self, host: Host, *, timeout: float, conn_timeout: float, agent: str) -> None:
        self._host = host
        self._timeout = timeout
        self._pool = Pool(host, conn_timeout=conn_timeout, read_timeout=timeout)
        self._caller = Caller(self._pool, host.clock, timeout=timeout, agent=agent)
        self._agent = agent
        self._speaks: dict[Address, bool] = {}
        self._shunned: dict[Address, float] = {}

    def close(self) -> None:
        self._pool.close()

    def forget(self) -> None:
        """Ask again who is swiftlite, and who is there: nodes change hands, and come back."""
        self._speaks.clear()
        self._shunned.clear()

    def speaks_lane(self, node: Device) -> bool:
        """Whether the node is known to be swiftlite."""
        return self._speaks.get(node.replication_address, False)

    def compare(self, address: Address, asks: Sequence[db_sync.Ask]) -> list[bool]:
        """For each, whether the other replica is sure to be in sync with ours."""
        if not self._speaks.get(address, True):
            return [False] * len(asks)
        try:
            answer = self._call(address, "/compare", db_sync.encode_asks(asks))
            if answer.status == 200 and self._speaks[address]:
                return db_sync.decode_verdicts(answer.body, len(asks))
        except (PeerFault, ValueError):
            pass  # each will be asked by itself, and what is wrong will be told then
        return [False] * len(asks)

    def sync(self, target: Target, own: db_sync.Replica) -> db_sync.Reply | None:
        """Tell of our replica; the other one's standing, or None when there is none there."""
        answer = self._call(_address(target), target.path, db_sync.encode_sync(own))
        if answer.status == 404:
            return None
        self._demand_success(target, answer)
        try:
            return db_sync.decode_reply(answer.body)
        except ValueError as error:
            raise PeerFault(_address(target), f"its answer cannot be read: {error}") from error

    def merge_items(self, target: Target, items: Sequence[db_sync.Item], source: str) -> None:
        body = db_sync.encode_merge_items(items, source)
        self._demand_success(target, self._call(_address(target), target.path, body))

    def merge_syncs(self, target: Target, points: Iterable[tuple[str, int]]) -> None:
        body = db_sync.encode_merge_syncs(points)
        self._demand_success(target, self._call(_address(target), target.path, body))

    def file_came(self, target: Target, source: str, name: str, *, merge: bool, rows: int) -> None:
        """Say that rsync has brought a file, to be made the database or merged into it."""
        body = db_sync.encode_file_came(source, name, merge=merge)
        wait = self._wait_for_rows(rows)
        answer = self._call(_address(target), target.path, body, timeout=wait)
        self._demand_success(target, answer)

    def send_file(self, target: Target, path: str, name: str, source: str, rows: int) -> None:
        """Send a database file to a swiftlite node; there it is made the database, or merged.

        name: what to call it there; source: the id of the replica that it is a copy of."""
        disk, clock, tasks = self._host.disk, self._host.clock, self._host.tasks
        address = _address(target)
        fd = disk.open(path, os.O_RDONLY)
        try:
            size = disk.fstat(fd).st_size
            headers = [*self._headers(), (REPLICA_HEADER, source), (NAME_HEADER, name)]
            head = render_head("REPLICATE", target.path, headers, address, content_length=size)
            exchange = self._pool.open(address, head, deadline=clock.monotonic() + self._timeout)
            try:
                sent = 0
                while sent < size:
                    block = tasks.offload(path, disk.pread, fd, _BLOCK_BYTES, sent)
                    exchange.send(block, clock.monotonic() + self._timeout)
                    sent += len(block)
                answer = exchange.answer(clock.monotonic() + self._wait_for_rows(rows))
            except BaseException:
                exchange.close()
                raise
        finally:
            disk.close(fd)
        body = answer.read_all(_ANSWER_BYTES)
        self._demand_success(target, Small(answer.status, answer.headers, body))

    def _wait_for_rows(self, rows: int) -> float:
        return self._timeout + rows / _ROWS_PER_SECOND

    def _headers(self) -> list[tuple[str, str]]:
        return [("User-Agent", self._agent), (LANE_HEADER, LANE)]

    def _call(
        self, address: Address, path: str, body: bytes, timeout: float | None = None
    ) -> Small:
        now = self._host.clock.monotonic()
        if now < self._shunned.get(address, 0.0):
            raise PeerUnreachable(address, "it took no connection a moment ago")
        headers = [(LANE_HEADER, LANE), ("Content-Type", "application/json")]
        try:
            answer = self._caller.call(address, "REPLICATE", path, headers, body, timeout=timeout)
        except PeerUnreachable:
            self._shunned[address] = now + _SHUNNED_S
            raise
        self._speaks[address] = answer.headers.get(LANE_HEADER) == LANE
        return answer

    def _demand_success(self, target: Target, answer: Small) -> None:
        if answer.status == 507:
            raise DeviceGone(_address(target), f"answered 507 for {target.node.device}")
        if not answer.ok:
            raise PeerAnswered(_address(target), answer.status)


def _address(target: Target) -> Address:
    return target.node.replication_address
