"""The reaper's pass: deleted accounts on this node's devices, a page of containers a step.

Every replica of an account takes its share of the containers, so that the nodes work side by side.
An account that is not deleted is opened once and then not again until its database changes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from swiftlite.account.reaper.options import ReaperOptions
from swiftlite.account.reaper.reap import Reaper, share_of
from swiftlite.dbstore import ACCOUNT_KIND, AccountBroker
from swiftlite.dbstore.errors import DatabaseError, DeviceUnusable
from swiftlite.dbstore.facts import AccountFacts
from swiftlite.dbstore.footprint import Footprint, footprint
from swiftlite.dbstore.glance import Sql, glance
from swiftlite.dbstore.options import DatabaseOptions
from swiftlite.dbstore.places import Place
from swiftlite.dbsync.databases import engine_for
from swiftlite.dbsync.rounds import Round
from swiftlite.formats.db_schema.common import DELETED_STATUS
from swiftlite.peers.direct import Caller
from swiftlite.peers.pool import Pool
from swiftlite.ring import Device
from swiftlite.service.passes import Busy, DaemonContext, Idle
from swiftlite.vocab.timestamp import Timestamp

LOOKED_AT = 64
CONTAINERS_A_STEP = 1000
_REMEMBERED = 16_384


@dataclass(slots=True)
class _Account:
    """A deleted account in work. share: which replica this node has; marker: how far it is."""

    broker: AccountBroker
    facts: AccountFacts
    partition: int
    nodes: tuple[Device, ...]
    share: int
    began: float
    marker: str = ""


class ReaperPass:
    """service.passes.Pass."""

    def __init__(self, context: DaemonContext, options: ReaperOptions) -> None:
        host = context.host
        self._context = context
        self._options = options
        self._engine = engine_for(ACCOUNT_KIND, context, context.table(DatabaseOptions))
        self._pool = Pool(
            host, conn_timeout=options.conn_timeout, read_timeout=options.node_timeout
        )
        self._reaper = Reaper(
            host,
            context.rings,
            Caller(
                self._pool,
                host.clock,
                timeout=options.node_timeout,
                agent=f"account-reaper {host.process.pid}",
            ),
            context.log,
            context.statsd,
            concurrency=options.concurrency,
            stopping=context.stopping,
        )
        self._alive: dict[str, Footprint] = {}  # accounts that were not deleted when last seen
        self._round: Round | None = None
        self._deleted: deque[Place] = deque()
        self._present: _Account | None = None
        self._began = 0.0

    def step(self) -> Busy | Idle:
        if self._round is None:
            self._round = self._begin()
        if self._present is not None:
            self._reap_more(self._present)
        elif self._deleted:
            self._take_up(self._deleted.popleft())
        elif found := self._round.look(LOOKED_AT, self._may_be_deleted):
            self._deleted.extend(found[1])
        else:
            return self._end()
        return Busy()

    def close(self) -> None:
        self._pool.close()
        self._engine.close()

    def _begin(self) -> Round:
        self._began = self._context.host.clock.monotonic()
        found = Round(self._context, self._engine, self._fail)
        found.add_all()
        return found

    def _fail(self, device: str, error: Exception) -> None:
        """A device that is not mounted is nothing new; one that fails is."""
        self._context.statsd.increment("errors")
        log = self._context.log
        (log.debug if isinstance(error, DeviceUnusable) else log.error)(f"{device}: {error}")

    def _may_be_deleted(self, places: list[Place]) -> list[Place]:
        """Those that are worth opening. Runs in the device's thread."""
        return [place for place in places if self._is_worth_opening(place)]

    def _is_worth_opening(self, place: Place) -> bool:
        disk, wall = self._engine.disk, self._context.host.clock.wall()
        found = footprint(disk, place)
        if found is None or self._alive.get(place.directory) == found:
            return False
        if glance(disk, place, found, wall, _status) not in (None, DELETED_STATUS):
            self._remember(place, found)
            return False
        return True

    def _remember(self, place: Place, found: Footprint) -> None:
        if len(self._alive) >= _REMEMBERED:
            self._alive.pop(next(iter(self._alive)))
        self._alive[place.directory] = found

    def _take_up(self, place: Place) -> None:
        """Begin with an account, if it is deleted for long enough and not empty."""
        context = self._context
        broker = AccountBroker(self._engine, place)
        try:
            before = context.host.tasks.offload(place.device, footprint, self._engine.disk, place)
            facts = broker.state().facts
        except (DatabaseError, OSError) as error:
            context.log.warning(f"{place.directory}: {error}")
            return
        now = context.host.clock.wall()
        if facts.status != DELETED_STATUS:
            if before is not None and before.settled(now):
                self._remember(place, before)
            return
        deleted_for = now - Timestamp.from_text(facts.delete_timestamp).seconds
        if not facts.container_count or deleted_for <= self._options.delay_reaping:
            return
        ring = context.rings.account.current()
        partition, nodes = ring.nodes(facts.account)
        here = {device.id for device in context.local(ring)}
        share = next(
            (n for n, node in enumerate(nodes) if node.id in here and node.device == place.device),
            None,
        )
        if share is None:
            return  # a handoff: the primaries do it
        context.log.info(f"Reaping account {facts.account}, {facts.container_count} containers")
        self._reaper.counts.clear()
        began = context.host.clock.monotonic()
        self._present = _Account(broker, facts, partition, nodes, share, began)

    def _reap_more(self, account: _Account) -> None:
        """One page of containers."""
        replicas = len(account.nodes)
        try:
            names = account.broker.container_names(account.marker, CONTAINERS_A_STEP * replicas)
        except DatabaseError as error:
            self._context.log.error(f"Account {account.facts.account}: {error}")
            names = []
        if not names:
            self._present = None
            self._summarise(account)
            return
        account.marker = names[-1]
        mine = [name for name in names if share_of(name, replicas) == account.share]
        self._reaper.reap(account.facts.account, account.partition, account.nodes, mine)

    def _summarise(self, account: _Account) -> None:
        context, counts = self._context, self._reaper.counts
        took = context.host.clock.monotonic() - account.began
        told = ", ".join(_told(counts)) or "nothing to do"
        context.log.info(f"Account {account.facts.account}: {told}, {took:.2f} s")
        context.statsd.timing("timing", took)
        deleted = Timestamp.from_text(account.facts.delete_timestamp)
        late = context.host.clock.wall() - deleted.seconds - self._options.delay_reaping
        if counts["containers_remaining"] and late >= self._options.reap_warn_after:
            context.log.warning(
                f"Account {account.facts.account} has not been reaped since {deleted.isoformat}"
            )

    def _end(self) -> Idle:
        elapsed = self._context.host.clock.monotonic() - self._began
        self._context.log.debug(f"Pass over all devices took {elapsed:.2f} s")
        self._round = None
        self._engine.close()  # a device at rest can be unmounted
        return Idle(max(0.0, self._options.interval - elapsed))


def _told(counts: dict[str, int]) -> Iterator[str]:
    for state in ("deleted", "possibly_remaining", "remaining"):
        for what in ("containers", "objects"):
            if counts[f"{what}_{state}"]:
                yield f"{counts[f'{what}_{state}']} {what} {state.replace('_', ' ')}"


def _status(sql: Sql, _path: str) -> str:
    found = sql.execute("SELECT status FROM account_stat").fetchone()
    return str(found[0]) if found else ""
