"""The updater's pass: one sweep after another over the updates on this node's devices.

A step takes a batch of one device, delivers it and removes what was delivered. What a container's
rate does not allow waits until everything else was sent, and then until the sweep's time is over.
"""

from __future__ import annotations

from collections import Counter, deque

from swiftlite.obj.options import ObjectServerOptions
from swiftlite.obj.updater.limits import ContainerLimit, Deferred
from swiftlite.obj.updater.options import UpdaterOptions
from swiftlite.obj.updater.pendings import PendingFiles, Waiting
from swiftlite.obj.updater.send import UpdateSender
from swiftlite.obj.updater.stats import OldestFailures, sentence
from swiftlite.objectstore.api import DeviceUnavailable, StoreError
from swiftlite.objectstore.manager import Manager
from swiftlite.peers.direct import Caller
from swiftlite.peers.pool import Pool
from swiftlite.service.pace import Pace
from swiftlite.service.passes import Busy, DaemonContext, Idle

BATCH = 2000
RECON_FILE = "object.recon"


class UpdaterPass:
    """service.passes.Pass."""

    def __init__(self, context: DaemonContext, options: UpdaterOptions) -> None:
        host, log = context.host, context.log
        self._context = context
        self._options = options
        settings = context.table(ObjectServerOptions).store_settings()
        self._root = settings.devices
        self._manager = Manager(host, settings, context.cluster.hash_path, log)
        self._pool = Pool(
            host, conn_timeout=options.conn_timeout, read_timeout=options.node_timeout
        )
        self._sender = UpdateSender(
            host,
            Caller(
                self._pool,
                host.clock,
                timeout=options.node_timeout,
                agent=f"object-updater {host.process.pid}",
            ),
            log,
            context.statsd,
            concurrency=options.concurrency,
        )
        self._pace = Pace(host.clock, options.objects_per_second)
        limit = ContainerLimit(
            host.clock,
            options.max_objects_per_container_per_second,
            options.per_container_ratelimit_buckets,
        )
        self._deferred = Deferred(limit, options.max_deferred_updates)
        self._oldest = OldestFailures(options.async_tracker_max_entries)
        self._counts: Counter[str] = Counter()
        self._left = 0  # updates that were looked at and stay
        self._places: deque[tuple[str, int]] = deque()  # device, policy index
        self._present: PendingFiles | None = None
        self._began: float | None = None
        self._reported = 0.0

    def step(self) -> Busy | Idle:
        if self._began is None:
            self._begin()
        self._context.sleep(self._pace.due())
        self._report_now_and_then()
        if self._present is None and self._places:
            self._open(*self._places.popleft())
            return Busy()
        if self._present is not None:
            self._send_next(self._present)
            return Busy()
        if self._deferred and self._time_left() > 0:
            self._drain()
            return Busy()
        return self._end()

    def close(self) -> None:
        self._pool.close()

    def _begin(self) -> None:
        self._began = self._reported = self._context.host.clock.monotonic()
        self._counts.clear()
        self._left = 0
        self._oldest.clear()
        policies = self._context.policies
        for device in self._context.share(self._manager.devices_here()):
            for policy in self._context.cluster.policies:
                if not policies or policy.index in policies:
                    self._places.append((device, policy.index))

    def _open(self, device: str, policy_index: int) -> None:
        try:
            self._manager.check_device(device)
        except DeviceUnavailable as error:
            self._context.log.warning(f"Skipped: {error}")
            return
        self._present = PendingFiles(
            self._context.host, self._root, device, policy_index, self._context.log, self._count
        )

    def _send_next(self, files: PendingFiles) -> None:
        try:
            found = self._manager.context.offload(files.device, files.take, BATCH)
        except (StoreError, OSError) as error:
            self._give_up(files, error)
            return
        if not found:
            self._present = None
            return
        now, deferred, skipped = self._deferred.admit(found)
        self._count("deferrals", deferred)
        self._count("skips", skipped)
        self._deliver(now)

    def _drain(self) -> None:
        """Some of those that had to wait for their container's rate."""
        ready, wait = self._deferred.ready(BATCH)
        if ready:
            self._count("drains", len(ready))
            self._deliver(ready)
        else:
            self._context.sleep(min(wait, self._time_left()))

    def _deliver(self, updates: list[Waiting]) -> None:
        if not updates:
            return
        self._pace.spend(len(updates))
        result = self._sender.deliver(updates, self._context.rings.container.current())
        self._count("successes", len(result.delivered))
        self._count("failures", len(result.failed))
        self._left += len(updates) - len(result.delivered)
        self._count("redirects", result.redirects)
        self._oldest.add(result.failed)
        for files in {one.source for one in updates}:
            delivered = [one for one in result.delivered if one.source is files]
            changed = [one for one in result.changed if one.source is files]
            try:
                self._manager.context.offload(files.device, files.settle, delivered, changed)
            except (StoreError, OSError) as error:
                self._give_up(files, error)
            else:
                self._count("unlinks", len(delivered))

    def _give_up(self, files: PendingFiles, error: Exception) -> None:
        """A device that fails is left to the next sweep."""
        self._count("errors")
        self._context.log.error(f"{files.device}: {error}")
        if self._present is files:
            self._present = None

    def _count(self, name: str, number: int = 1) -> None:
        if number:
            self._counts[name] += number
            self._context.statsd.count(name, number)

    def _elapsed(self) -> float:
        assert self._began is not None
        return self._context.host.clock.monotonic() - self._began

    def _time_left(self) -> float:
        return 0.0 if self._context.stopping() else self._options.interval - self._elapsed()

    def _report_now_and_then(self) -> None:
        now = self._context.host.clock.monotonic()
        if now - self._reported >= self._options.report_interval:
            self._reported = now
            self._context.log.info(
                f"Sweep under way for {self._elapsed():.1f} s, {len(self._places)} "
                f"device policies to come: {sentence(self._counts)}"
            )

    def _end(self) -> Idle:
        """Say how the sweep went, to whom it concerns."""
        elapsed, now = self._elapsed(), self._context.host.clock.wall()
        self._count("skips", self._deferred.give_up())
        counts = self._counts
        if any(counts.values()):
            self._context.log.info(f"Sweep of all devices took {elapsed:.2f} s: {sentence(counts)}")
        self._context.statsd.timing("timing", elapsed)
        news: dict[str, object] = {
            "object_updater_sweep": elapsed,
            "object_updater_last": now,
            "object_updater_stats": self._oldest.as_recon(
                now, self._options.async_tracker_dump_count
            ),
        }
        if self._context.workers == 1:  # else nobody here knows how many are left in all
            news |= {"async_pending": self._left + counts["skips"], "async_pending_last": now}
        self._context.recon.dump(RECON_FILE, news)
        self._began = None
        return Idle(max(0.0, self._options.interval - elapsed))
