"""Deleting one account's containers with their objects, by calls to every server that has them.

One moment is used for all calls of an object, and of a container, so that their replicas agree. The
servers tell on: an object server its container, a container server its account, which takes it
though it is deleted. What cannot be deleted now is found again by the next pass.
"""

from __future__ import annotations

import json
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import md5
from math import isqrt
from typing import TypeVar

from swiftlite.cluster.rings import Rings
from swiftlite.config.load import ConfError
from swiftlite.host.bundle import Host
from swiftlite.host.net import render_address
from swiftlite.observe.log import Log
from swiftlite.observe.statsd import Statsd
from swiftlite.peers.direct import Caller, Small, storage_path
from swiftlite.peers.errors import PeerFault
from swiftlite.ring import Device
from swiftlite.vocab.names import quote_path
from swiftlite.vocab.timestamp import Timestamp

T = TypeVar("T")
LISTED_MAX = 10_000
_GONE = 404


def share_of(container: str, replicas: int) -> int:
    """Which replica of the account takes care of a container. Source: OpenStack Swift, whose
    nodes share the work with ours."""
    digest = md5(container.encode("utf-8", "surrogateescape"), usedforsecurity=False).digest()
    return int.from_bytes(digest, "big") % replicas


class Reaper:
    """Reaps one account at a time. counts: by Swift's names of the metrics, and return_codes.N."""

    def __init__(
        self,
        host: Host,
        rings: Rings,
        caller: Caller,
        log: Log,
        statsd: Statsd,
        *,
        concurrency: int,
        stopping: Callable[[], bool],
    ) -> None:
        self._host = host
        self._rings = rings
        self._caller = caller
        self._log = log
        self._statsd = statsd
        self._abreast = max(1, isqrt(concurrency))
        self._stopping = stopping
        self.counts: Counter[str] = Counter()

    def reap(
        self, account: str, partition: int, nodes: Sequence[Device], containers: Sequence[str]
    ) -> None:
        """Delete containers of an account, whose primaries are nodes. Raises nothing but bugs."""
        self._side_by_side(
            containers, lambda name: self._reap_container(account, partition, nodes, name)
        )

    def _side_by_side(self, items: Sequence[T], work: Callable[[T], None]) -> None:
        waiting = deque(items)

        def take() -> None:
            while waiting and not self._stopping():
                work(waiting.popleft())

        tasks = [self._host.tasks.spawn(take) for _ in range(min(self._abreast, len(waiting)))]
        for task in tasks:
            task.wait()

    def _reap_container(
        self, account: str, account_partition: int, account_nodes: Sequence[Device], container: str
    ) -> None:
        partition, nodes = self._rings.container.current().nodes(account, container)
        for objects, policy in self._listings(nodes, partition, account, container):
            self._side_by_side(
                objects,
                lambda name, policy=policy: self._reap_object(  # type: ignore[misc]  # bound now
                    account, container, partition, nodes, name, policy
                ),
            )
        if self._stopping():
            return
        moment = self._now()
        outcomes = [
            self._call(
                "containers",
                node,
                "DELETE",
                storage_path(node.device, partition, account, container),
                [
                    ("X-Timestamp", moment.internal),
                    ("X-Account-Host", render_address(teller.address)),
                    ("X-Account-Partition", str(account_partition)),
                    ("X-Account-Device", quote_path(teller.device)),
                    ("X-Account-Override-Deleted", "yes"),
                ],
            )
            for node, teller in zip(nodes, _in_turn(reversed(account_nodes)), strict=False)
        ]
        self._judge("containers", outcomes)

    def _listings(
        self, nodes: Sequence[Device], partition: int, account: str, container: str
    ) -> Iterator[tuple[list[str], int]]:
        """Names of the container's objects, page by page, with their policy's index."""
        marker = ""
        while not self._stopping():
            answer = self._list(nodes, partition, account, container, marker)
            if answer is None or answer.status != 200:
                return
            names = [entry["name"] for entry in json.loads(answer.body)]
            if not names:
                return
            yield names, int(answer.headers.get("X-Backend-Storage-Policy-Index", "0"))
            marker = names[-1]

    def _list(
        self, nodes: Sequence[Device], partition: int, account: str, container: str, marker: str
    ) -> Small | None:
        """The listing of the last replica, as Swift's reaper takes it, or of another."""
        answer = None
        query = f"?format=json&limit={LISTED_MAX}&marker={quote_path(marker, safe='')}"
        for node in reversed(nodes):
            path = storage_path(node.device, partition, account, container)
            answer = self._call("", node, "GET", path + query, [])
            if answer is not None and answer.ok:
                return answer
        return answer

    def _reap_object(
        self,
        account: str,
        container: str,
        container_partition: int,
        container_nodes: Sequence[Device],
        name: str,
        policy: int,
    ) -> None:
        try:
            ring = self._rings.object(policy).current()
        except (KeyError, ConfError) as error:
            self._log.error(f"Objects of policy {policy} cannot be deleted: {error}")
            self._count("objects_remaining")
            return
        partition, nodes = ring.nodes(account, container, name)
        moment = self._now()
        outcomes = [
            self._call(
                "objects",
                node,
                "DELETE",
                storage_path(node.device, partition, account, container, name),
                [
                    ("X-Timestamp", moment.internal),
                    ("X-Backend-Storage-Policy-Index", str(policy)),
                    ("X-Container-Host", render_address(teller.address)),
                    ("X-Container-Partition", str(container_partition)),
                    ("X-Container-Device", quote_path(teller.device)),
                ],
            )
            for node, teller in zip(nodes, _in_turn(container_nodes), strict=False)
        ]
        self._judge("objects", outcomes)

    def _call(
        self, what: str, node: Device, method: str, path: str, headers: list[tuple[str, str]]
    ) -> Small | None:
        """None for a node that did not answer."""
        common = [
            ("X-Backend-Allow-Reserved-Names", "true"),
            ("X-Backend-Use-Replication-Network", "true"),
        ]
        try:
            answer = self._caller.call(node.replication_address, method, path, [*common, *headers])
        except PeerFault as fault:
            self._log.error(f"{method} {path}: {fault}")
            if what:
                self._count(f"{what}_failures")
            return None
        self._count(f"return_codes.{answer.status // 100}")
        if what and not _is_done(answer):
            self._log.debug(f"{method} {path}: {answer.status}")
            self._count(f"{what}_failures")
        return answer

    def _judge(self, what: str, outcomes: Sequence[Small | None]) -> None:
        """By Swift's measure: gone if more than half say so, there if none does."""
        successes = sum(_is_done(outcome) for outcome in outcomes)
        if successes > len(outcomes) - successes:
            self._count(f"{what}_deleted")
        elif successes:
            self._count(f"{what}_possibly_remaining")
        else:
            self._count(f"{what}_remaining")

    def _count(self, name: str) -> None:
        self.counts[name] += 1
        self._statsd.increment(name)

    def _now(self) -> Timestamp:
        return Timestamp.from_seconds(self._host.clock.wall())


def _is_done(outcome: Small | None) -> bool:
    """Deleted, or not there and now known to be deleted."""
    return outcome is not None and (outcome.ok or outcome.status == _GONE)


def _in_turn(devices: Iterable[Device]) -> Iterator[Device]:
    """For ever: there may be more replicas of one kind than of the other."""
    each = list(devices)
    while True:
        yield from each
