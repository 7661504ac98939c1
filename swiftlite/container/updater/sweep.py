"""The updater's pass: one sweep after another over this node's container databases.

The container server itself reports a second after a change; what it could not tell (its account's
servers were away, or it was killed) is found here. A step looks at a few databases: those that
have not changed since they were last seen to be reported cost a few stat calls and are not opened.
"""

from __future__ import annotations

from collections import Counter, deque

from swiftlite.container.account_update import AccountTeller, Target
from swiftlite.container.updater.options import UpdaterOptions
from swiftlite.dbstore import CONTAINER_KIND, ContainerBroker
from swiftlite.dbstore.errors import DatabaseError, DatabaseMissing
from swiftlite.dbstore.facts import ContainerFacts
from swiftlite.dbstore.options import DatabaseOptions
from swiftlite.dbstore.quarantine import quarantine
from swiftlite.dbsync.databases import engine_for
from swiftlite.dbsync.memory import Look, Memory
from swiftlite.dbsync.rounds import Round
from swiftlite.peers.pool import Pool
from swiftlite.service.pace import Pace
from swiftlite.service.passes import Busy, DaemonContext, Idle
from swiftlite.vocab.quorum import replicated_quorum
from swiftlite.vocab.timestamp import Timestamp

RECON_FILE = "container.recon"
LOOKED_AT = 64
"""Databases looked at in one disk job."""
ORPHANED_AFTER_S = 604_800.0
_COUNTED = ("successes", "failures", "no_changes", "errors")


class UpdaterPass:
    """service.passes.Pass."""

    def __init__(self, context: DaemonContext, options: UpdaterOptions) -> None:
        host = context.host
        self._context = context
        self._options = options
        self._engine = engine_for(CONTAINER_KIND, context, context.table(DatabaseOptions))
        self._memory = Memory(self._engine, host.clock)
        self._pool = Pool(
            host, conn_timeout=options.conn_timeout, read_timeout=options.node_timeout
        )
        self._teller = AccountTeller(
            host,
            self._pool,
            conn_timeout=options.conn_timeout,
            node_timeout=options.node_timeout,
            log=context.log,
            agent="container-updater",
        )
        self._pace = Pace(host.clock, options.containers_per_second)
        self._silent: dict[str, float] = {}  # account -> until when it is sent nothing
        self._round: Round | None = None
        self._counts: Counter[str] = Counter()
        self._began = 0.0

    def step(self) -> Busy | Idle:
        if self._round is None:
            self._round = self._begin()
        found = self._round.look(LOOKED_AT, self._memory.look)
        if found is None:
            return self._end()
        self._sweep(found[1])
        return Busy()

    def close(self) -> None:
        self._pool.close()
        self._engine.close()

    def _begin(self) -> Round:
        now = self._began = self._context.host.clock.monotonic()
        self._counts.clear()
        self._silent = {name: until for name, until in self._silent.items() if until > now}
        found = Round(self._context, self._engine, self._fail)
        found.add_all()
        return found

    def _sweep(self, looks: list[Look]) -> None:
        self._memory.keep(one for one in looks if one.glimpse is not None)
        todo = deque(one for one in looks if not _is_reported(one))
        self._count("no_changes", len(looks) - len(todo))
        self._report_all(todo)

    def _report_all(self, todo: deque[Look]) -> None:
        def work() -> None:
            while todo and not self._context.stopping():
                look = todo.popleft()
                self._pace.spend()
                self._context.sleep(self._pace.due())
                self._process(look)

        tasks = self._context.host.tasks
        running = [tasks.spawn(work) for _ in range(min(self._options.concurrency, len(todo)))]
        for task in running:
            task.wait()

    def _process(self, look: Look) -> None:
        """Report one container if it has anything to tell; whatever is wrong with it ends here."""
        try:
            if look.glimpse is None:  # in use, so that it could not be read in passing
                look = self._memory.open(look)
                self._memory.keep([look])
            if _is_reported(look):
                self._count("no_changes")
            else:
                broker = ContainerBroker(self._engine, look.place)
                self._report(broker, broker.facts())
        except DatabaseMissing:
            return  # it went while we looked
        except DatabaseError as error:
            self._fail(look.place.directory, error)
        except Exception:
            # The loop's edge: no database may keep the others from being reported.
            self._count("errors")
            self._context.log.exception(f"{look.place.directory} could not be reported")

    def _report(self, broker: ContainerBroker, facts: ContainerFacts) -> None:
        if not Timestamp.from_text(facts.put_timestamp or "0"):
            return  # made by a row that came before its container: it does not know itself yet
        clock = self._context.host.clock
        if self._silent.get(facts.account, 0.0) > clock.monotonic():
            return
        began = clock.monotonic()
        partition, primaries = self._context.rings.account.current().nodes(facts.account)
        targets = [
            Target(device.replication_address, device.device, str(partition))
            for device in primaries
        ]
        # A quorum is enough; one server that is silent must not hold up each container.
        told = self._teller.tell(facts, targets, even_if_deleted=True, in_hurry=True)
        if told.successes >= replicated_quorum(len(targets)):
            broker.reported(facts)
            self._count("successes")
        else:
            self._count("failures")
            until = clock.monotonic() + self._options.account_suppression_time
            self._silent[facts.account] = until
            if told.nobody_knows_the_account:
                self._set_aside_if_old(broker, facts)
        self._context.statsd.timing("timing", clock.monotonic() - began)

    def _set_aside_if_old(self, broker: ContainerBroker, facts: ContainerFacts) -> None:
        """No replica of the account exists: it was deleted, and reclaimed, without this container.

        A container that has changed lately may be of an account whose replicas are about to come
        back, so it is left alone.
        """
        newest = max(facts.put_timestamp, facts.delete_timestamp, facts.status_changed_at)
        age = self._context.host.clock.wall() - Timestamp.from_text(newest).seconds
        if age < ORPHANED_AFTER_S:
            return
        place, engine = broker.place, self._engine

        def move() -> str:
            token = engine.entropy.uuid_hex()
            return quarantine(engine.disk, place.directory, place.kind, place.device_path, token)

        aside = engine.exclusively(place, move)
        self._context.log.error(
            f"Quarantined {place.directory} to {aside}: no replica of its account exists"
        )

    def _fail(self, what: str, error: Exception) -> None:
        self._count("errors")
        self._context.log.error(f"{what}: {error}")

    def _count(self, name: str, number: int = 1) -> None:
        if number:
            self._counts[name] += number
            self._context.statsd.count(name, number)

    def _end(self) -> Idle:
        elapsed = self._context.host.clock.monotonic() - self._began
        counts = self._counts
        if counts["successes"] or counts["failures"] or counts["errors"]:
            told = ", ".join(f"{counts[name]} {name}" for name in _COUNTED)
            self._context.log.info(f"Sweep of all containers took {elapsed:.2f} s: {told}")
        self._context.recon.dump(RECON_FILE, {"container_updater_sweep": elapsed})
        self._round = None
        self._engine.close()  # a device at rest can be unmounted
        return Idle(max(0.0, self._options.interval - elapsed))


def _is_reported(look: Look) -> bool:
    """Or gone, which is as good."""
    return look.found is None or (look.glimpse is not None and look.glimpse.is_reported)
