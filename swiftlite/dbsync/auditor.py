"""The pass of a database auditor: every database is opened, and now and then read page by page.

One that is not sound goes to quarantine; replication gives back what the other replicas have.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic

from swiftlite.dbstore.broker import Broker
from swiftlite.dbstore.engine import Engine
from swiftlite.dbstore.errors import DatabaseError, DatabaseMissing
from swiftlite.dbstore.merge import Row
from swiftlite.dbstore.places import Place
from swiftlite.dbstore.soundness import check_database
from swiftlite.dbsync.options import AuditorOptions
from swiftlite.dbsync.rounds import Round
from swiftlite.service.pace import Pace
from swiftlite.service.passes import Busy, DaemonContext, Idle

_GROUP = 64
_REPORT_S = 3600.0
_REMEMBERED = 100_000


@dataclass(slots=True)
class _Cycle:
    begun: float
    round: Round


class DatabaseAuditor(Generic[Row]):
    """per_second: databases."""

    def __init__(
        self,
        context: DaemonContext,
        options: AuditorOptions,
        engine: Engine[Row],
        broker_of: Callable[[Engine[Row], Place], Broker[Row]],
        per_second: float,
    ) -> None:
        self._context = context
        self._options = options
        self._engine = engine
        self._broker_of = broker_of
        self._pace = Pace(context.host.clock, per_second)
        self._cycle: _Cycle | None = None
        self._passed = 0
        self._failed = 0
        self._since = context.host.clock.wall()
        self._read_at: dict[str, float] = {}

    def close(self) -> None:
        self._engine.close()

    def step(self) -> Busy | Idle:
        """A group of databases of one device."""
        cycle = self._cycle
        if cycle is None:
            cycle = self._cycle = self._begin()
        found = cycle.round.look(_GROUP, list)
        if found is not None:
            self._audit_all(found[1])
            return Busy()
        self._cycle = None
        self._engine.close()  # a device at rest can be unmounted
        return self._end(cycle)

    def _begin(self) -> _Cycle:
        def fault(device: str, error: Exception) -> None:
            self._context.log.warning(f"passing over {device}: {error}")

        found = Round(self._context, self._engine, fault)
        found.add_all()
        return _Cycle(self._context.host.clock.monotonic(), found)

    def _audit_all(self, places: Sequence[Place]) -> None:
        for place in places:
            if self._context.stopping():
                return
            self._context.sleep(self._pace.due())
            self._pace.spend()
            self._audit(place)
        now = self._context.host.clock.wall()
        if now - self._since >= _REPORT_S:
            self._report(now)

    def _audit(self, place: Place) -> None:
        clock, statsd = self._context.host.clock, self._context.statsd
        begun = clock.monotonic()
        pages = self._reads_pages(place, begun)
        try:
            standing = check_database(self._broker_of(self._engine, place), pages=pages)
        except DatabaseMissing:
            return  # removed since it was listed
        except DatabaseError as error:
            self._failed += 1
            statsd.increment("failures")
            self._context.log.error(f"audit of {place.directory} failed: {error}")
        else:
            if pages:
                self._remember(place, begun)
            if not standing.replica.is_deleted:
                self._passed += 1
                statsd.increment("passes")
        statsd.timing("timing", clock.monotonic() - begun)

    def _reads_pages(self, place: Place, now: float) -> bool:
        """Whether it is this database's turn, which is not that of all the others."""
        before = self._read_at.get(place.directory)
        return before is None or now - before >= self._options.page_check_interval

    def _remember(self, place: Place, now: float) -> None:
        if len(self._read_at) >= _REMEMBERED:
            del self._read_at[next(iter(self._read_at))]
        self._read_at[place.directory] = now

    def _report(self, now: float) -> None:
        kind = self._engine.kind.name
        self._context.recon.dump(
            f"{kind}.recon",
            {
                f"{kind}_audits_since": self._since,
                f"{kind}_audits_passed": self._passed,
                f"{kind}_audits_failed": self._failed,
            },
        )
        self._passed = self._failed = 0
        self._since = now

    def _end(self, cycle: _Cycle) -> Idle:
        context, kind = self._context, self._engine.kind.name
        took = context.host.clock.monotonic() - cycle.begun
        context.log.info(
            f"audit done in {took:.2f} s: {self._passed} passed, {self._failed} failed "
            "since the last report"
        )
        context.recon.dump(f"{kind}.recon", {f"{kind}_auditor_pass_completed": took})
        if context.once:
            self._report(context.host.clock.wall())
        return Idle(max(0.0, self._options.interval - took))
