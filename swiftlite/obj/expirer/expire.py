"""The expirer's pass: deletes what is due through a proxy of its own, then drops the tasks.

A delete says when it believes the object to expire (X-If-Delete-At) and bears that time, so that
what is written later is never hit, and repeating it does nothing. Where the object was written
anew before that, or given another time, the proxy and the object servers refuse it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

from swiftlite.config.load import ConfError
from swiftlite.formats.expirer_task import ACCOUNT
from swiftlite.obj.expirer.delays import read_delays
from swiftlite.obj.expirer.options import ExpirerOptions
from swiftlite.obj.expirer.queue import Due, Queue, Share, in_turns
from swiftlite.obj.server.rows import Row, RowSender, Target
from swiftlite.peers.pool import Pool
from swiftlite.service.internal_client import InternalClient, UnexpectedAnswer
from swiftlite.service.pace import Pace
from swiftlite.service.passes import Busy, DaemonContext, Idle
from swiftlite.vocab.timestamp import Timestamp

BATCH = 500
RECON_FILE = "object.recon"
_NOT_FOUND, _CONFLICT, _PRECONDITION_FAILED = 404, 409, 412


class ExpirerPass:
    """service.passes.Pass."""

    def __init__(
        self,
        context: DaemonContext,
        options: ExpirerOptions,
        client: InternalClient | None = None,
    ) -> None:
        options = _with_flags(context, options)
        host = context.host
        self._context = context
        self._options = options
        has_own_conf = "expirer" in context.conf_path
        self._works = options.dequeue_from_legacy or has_own_conf
        self._client = client or self._load_client(has_own_conf)
        self._delays = read_delays(context.conf, where=context.where)
        self._pace = Pace(host.clock, options.tasks_per_second)
        self._pool = Pool(
            host, conn_timeout=options.conn_timeout, read_timeout=options.node_timeout
        )
        self._rows = RowSender(
            host,
            self._pool,
            context.log,
            node_timeout=options.node_timeout,
            patience=options.node_timeout,
        )
        self._tasks: Iterator[Due] | None = None
        self._began = self._reported = 0.0
        self._expired = 0

    def _load_client(self, has_own_conf: bool) -> InternalClient:
        path = self._options.internal_client_conf_path
        if has_own_conf and "internal_client_conf_path" not in self._context.conf:
            path = self._context.conf_path
        return InternalClient.load(
            path,
            "Swift Object Expirer",
            tries=self._options.request_tries,
            pause=self._context.sleep,
            defaults={"swift_dir": self._context.cluster.swift_dir},
            replication_network=True,
        )

    def step(self) -> Busy | Idle:
        if not self._works:
            self._context.log.info(
                "This node does not work off the queue of expiring objects; at least one node "
                "must have dequeue_from_legacy = true."
            )
            return Idle(self._options.interval)
        if self._tasks is None:
            self._begin()
        assert self._tasks is not None
        batch = list(islice(self._tasks, BATCH))
        if not batch:
            return self._end()
        self._carry_out(batch)
        self._report_now_and_then()
        return Busy()

    def close(self) -> None:
        self._pool.close()

    def _begin(self) -> None:
        context, clock = self._context, self._context.host.clock
        self._began = self._reported = clock.monotonic()
        self._expired = 0
        queue = Queue(
            self._client,
            Share(self._options.process, self._options.processes),
            self._delays,
            context.log,
            divisor=self._options.expiring_objects_container_divisor,
            now=clock.wall,
            count=context.statsd.increment,
        )
        self._tasks = in_turns(queue.due(), self._options.round_robin_task_cache_size)

    def _carry_out(self, batch: list[Due]) -> None:
        waiting = iter(batch)

        def work() -> None:
            for due in waiting:
                self._pace.spend()
                self._context.sleep(self._pace.due())
                if self._context.stopping():
                    return
                self._expire(due)

        tasks = self._context.host.tasks
        running = [tasks.spawn(work) for _ in range(min(self._options.concurrency, len(batch)))]
        for task in running:
            task.wait()

    def _expire(self, due: Due) -> None:
        context = self._context
        began = context.host.clock.monotonic()
        try:
            if self._delete(due):
                self._drop(due)
                self._expired += 1
                context.statsd.increment("objects")
            else:
                context.statsd.increment("errors")
        except Exception:
            # The loop's edge: no object may keep the others from expiring.
            context.statsd.increment("errors")
            context.log.exception(f"{ACCOUNT}/{due.container}/{due.name} could not be carried out")
        context.statsd.timing("timing", context.host.clock.monotonic() - began)

    def _delete(self, due: Due) -> bool:
        """Whether the task is done with: the object has gone, or is another by now."""
        task = due.task
        moment = task.delete_at.normal
        headers = {"X-Timestamp": moment}
        done = {_CONFLICT}
        if due.is_async:
            done.add(_NOT_FOUND)
        else:
            headers["X-If-Delete-At"] = moment
            headers["X-Backend-Clean-Expiring-Object-Queue"] = "no"
        try:
            self._client.request(
                "DELETE",
                task.account,
                task.container,
                task.obj,
                headers=headers,
                allowed=lambda status: status // 100 == 2 or status in done,
            )
        except UnexpectedAnswer as error:
            # A node that has the object may be away, or the object not yet where it belongs; but
            # not for longer than it takes to forget tombstones.
            age = self._context.host.clock.wall() - task.delete_at.seconds
            if (
                error.status in (_NOT_FOUND, _PRECONDITION_FAILED)
                and age > self._options.reclaim_age
            ):
                return True
            self._context.log.error(f"{ACCOUNT}/{due.container}/{due.name}: {error}")
            return False
        return True

    def _drop(self, due: Due) -> None:
        """Take the task out of the queue; where that fails, the next pass finds it done."""
        ring = self._context.rings.container.current()
        partition, devices = ring.nodes(ACCOUNT, due.container)
        now = Timestamp.from_seconds(self._context.host.clock.wall())
        headers = {
            "X-Timestamp": now.internal,
            "User-Agent": f"object-expirer {self._context.host.process.pid}",
        }
        row = Row("DELETE", ACCOUNT, due.container, due.name, headers)
        targets = [Target(one.replication_address, one.device, partition) for one in devices]
        self._rows.send(row, targets)

    def _report_now_and_then(self) -> None:
        now = self._context.host.clock.monotonic()
        if now - self._reported >= self._options.report_interval:
            self._reported = now
            took = now - self._began
            self._context.log.info(f"Pass so far {took:.0f} s, {self._expired} objects expired")

    def _end(self) -> Idle:
        elapsed = self._context.host.clock.monotonic() - self._began
        if self._expired:
            self._context.log.info(f"Pass took {elapsed:.2f} s, {self._expired} objects expired")
        self._context.recon.dump(
            RECON_FILE,
            {"object_expiration_pass": elapsed, "expired_last_pass": self._expired},
        )
        self._tasks = None
        return Idle(max(0.0, self._options.interval - elapsed))


def _with_flags(context: DaemonContext, options: ExpirerOptions) -> ExpirerOptions:
    """The command line comes before the conf."""
    flags = context.flags
    try:
        return replace(
            options,
            processes=flags.get("processes", options.processes),
            process=flags.get("process", options.process),
        )
    except ValueError as error:
        raise ConfError(f"{context.where}: {error}.") from None
