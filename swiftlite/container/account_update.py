"""Telling accounts what their containers hold.

A container's creation and deletion are told at once, to the account servers that the proxy names.
Counts change with every object, so they are gathered: a container that has changed is noted, and
once an interval its account is told how things stand then. What could not be told is in the
database's reported_* columns: it is noted again when the container is next touched, and the
container-updater looks for it besides.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from swiftlite.dbstore import ContainerBroker
from swiftlite.dbstore.errors import DatabaseError
from swiftlite.dbstore.facts import ContainerFacts
from swiftlite.host.bundle import Host
from swiftlite.host.net import Address
from swiftlite.peers.answer import Answer
from swiftlite.peers.call import render_head
from swiftlite.peers.errors import PeerFault
from swiftlite.peers.fanout import Outcome, answers_until
from swiftlite.peers.pool import Pool
from swiftlite.peers.silence import Silence
from swiftlite.ring import Ring
from swiftlite.vocab.names import quote_path
from swiftlite.vocab.quorum import replicated_quorum
from swiftlite.vocab.status import is_success
from swiftlite.vocab.timestamp import Timestamp

_ANSWER_BYTES = 65536
_NOTED_MOST = 10_000
_TOGETHER = 8
_TRIES = 6


class ReportLog(Protocol):
    def info(self, message: str, /) -> None: ...
    def warning(self, message: str, /) -> None: ...


@dataclass(frozen=True, slots=True)
class Target:
    """An account's database on one node."""

    address: Address
    device: str
    partition: str


@dataclass(frozen=True, slots=True)
class Told:
    """How the nodes took a report. Faults and refusals have been logged."""

    targets: int
    successes: int
    not_found: int

    @property
    def nobody_knows_the_account(self) -> bool:
        return self.targets > 0 and self.not_found == self.targets


def stamped(put_timestamp: str, wall: float) -> str:
    """A put timestamp with the moment of the report as its offset.

    Reports overtake one another: a server that was stopped takes an old one up late. By the offset
    every account server knows the later of two, whoever brings them (merge.merge_container).
    """
    moment = Timestamp.from_text(put_timestamp or "0")
    return Timestamp(moment.raw, Timestamp.from_seconds(wall).raw).internal


class AccountTeller:
    """Sends one container's state to nodes of its account, all at once."""

    def __init__(
        self,
        host: Host,
        pool: Pool,
        *,
        conn_timeout: float,
        node_timeout: float,
        log: ReportLog,
        agent: str = "container-server",
    ) -> None:
        self._agent = f"{agent} {host.process.pid}"
        self._host = host
        self._pool = pool
        self._wait = conn_timeout + node_timeout
        self._log = log
        self._silence = Silence(host.clock.monotonic)

    def tell(
        self,
        facts: ContainerFacts,
        targets: Sequence[Target],
        *,
        trans_id: str = "-",
        even_if_deleted: bool = False,
        in_hurry: bool = False,
    ) -> Told:
        """even_if_deleted: the account shall take the report though it is deleted itself.
        in_hurry: somebody waits, or much; nodes that have just been silent are left out."""
        wanted = len(targets)
        if in_hurry:
            targets = [one for one in targets if not self._silence.holds(one.address)]
        if not targets:
            return Told(wanted, 0, 0)
        headers = self._headers(facts, trans_id, even_if_deleted)
        path = quote_path(f"{facts.account}/{facts.container}")
        since = self._host.clock.monotonic()
        deadline = since + self._wait
        calls = []
        for target in targets:
            url = f"/{quote_path(target.device)}/{quote_path(target.partition)}/{path}"
            head = render_head("PUT", url, headers, target.address, content_length=0)
            calls.append((target.address, head, b""))
        outcomes = answers_until(
            self._pool.open_all(calls, deadline=deadline, idempotent=True),
            lambda _: False,
            net=self._host.net,
            clock=self._host.clock,
            deadline=deadline,
        )
        statuses = [
            self._status(facts, target, outcome, since)
            for target, outcome in zip(targets, outcomes, strict=True)
        ]
        return Told(
            wanted,
            sum(status is not None and is_success(status) for status in statuses),
            sum(status == 404 for status in statuses),
        )

    def _headers(
        self, facts: ContainerFacts, trans_id: str, even_if_deleted: bool
    ) -> list[tuple[str, str]]:
        headers = [
            ("X-Put-Timestamp", stamped(facts.put_timestamp, self._host.clock.wall())),
            ("X-Delete-Timestamp", facts.delete_timestamp),
            ("X-Object-Count", str(facts.object_count)),
            ("X-Bytes-Used", str(facts.bytes_used)),
            ("X-Backend-Storage-Policy-Index", str(facts.storage_policy_index)),
            ("X-Trans-Id", trans_id),
            ("User-Agent", self._agent),
        ]
        if even_if_deleted:
            headers.append(("X-Account-Override-Deleted", "yes"))
        return headers

    def _status(
        self, facts: ContainerFacts, target: Target, outcome: Outcome, since: float
    ) -> int | None:
        """What a node answered; None, after a line in the log, for one that did not."""
        where = f"/{facts.account}/{facts.container} to {target.device}"
        if isinstance(outcome, Answer):
            status = outcome.status
            self._silence.heard(target.address)
            try:
                outcome.read_all(_ANSWER_BYTES)
            except PeerFault as fault:
                self._log.warning(f"reporting {where}: {fault}")
                return None
            if not is_success(status) and status != 404:
                self._log.warning(f"reporting {where}: answered {status}; it is told again later")
            return status
        self._silence.missed(target.address, since)
        self._log.warning(f"reporting {where}: {outcome}; it is told again later")
        return None


@dataclass(slots=True)
class _Noted:
    broker: ContainerBroker
    tries: int = 0


class AccountReporter:
    """Tells accounts of the containers that were noted, each at most once an interval.

    One task does it, started by the first note, in the process that serves requests. Bounded:
    beyond so many noted containers further ones are left to their next change or to the updater.
    """

    def __init__(
        self,
        host: Host,
        teller: AccountTeller,
        ring: Callable[[], Ring],
        *,
        interval: float,
        log: ReportLog,
    ) -> None:
        self._tasks = host.tasks
        self._teller = teller
        self._ring = ring
        self._interval = interval
        self._log = log
        self._noted: dict[str, _Noted] = {}
        self._running = False

    def stop(self) -> None:
        """Note nothing more; what is not reported yet is found in the databases later."""
        self._interval = 0.0
        self._noted = {}

    def note(self, broker: ContainerBroker) -> None:
        """The container has changed, or was found to have; costs next to nothing."""
        if self._interval <= 0:
            return
        path = broker.place.path
        if path not in self._noted and len(self._noted) < _NOTED_MOST:
            self._noted[path] = _Noted(broker)
        if not self._running:
            self._running = True
            self._tasks.spawn(self._run)

    def _run(self) -> None:
        try:
            while self._noted:
                self._tasks.sleep(self._interval)
                self.report_noted()
        finally:
            self._running = False

    def report_noted(self) -> None:
        """Report all that is noted now; what fails is noted again, a few times."""
        due = list(self._noted.values())
        self._noted = {}
        for start in range(0, len(due), _TOGETHER):
            running = [
                self._tasks.spawn(self._report, noted) for noted in due[start : start + _TOGETHER]
            ]
            for task in running:
                task.wait()

    def _report(self, noted: _Noted) -> None:
        noted.tries += 1
        try:
            done = self.report(noted.broker)
        except Exception as error:
            # The loop's edge: one container must not end the task for all.
            self._log.warning(f"reporting {noted.broker.place.path}: {error}")
            done = False
        if not done and noted.tries < _TRIES and self._interval > 0:
            self._noted.setdefault(noted.broker.place.path, noted)

    def report(self, broker: ContainerBroker) -> bool:
        """Tell the account, and remember that it was told; whether there is nothing left to do."""
        try:
            facts = broker.facts()
        except DatabaseError:
            return True  # gone, or for others to find
        if facts.is_reported:
            return True
        partition, primaries = self._ring().nodes(facts.account)
        targets = [
            Target(device.replication_address, device.device, str(partition))
            for device in primaries
        ]
        told = self._teller.tell(facts, targets)
        if told.successes >= replicated_quorum(len(targets)):
            broker.reported(facts)
            return True
        return told.nobody_knows_the_account
