"""How far a pass is, for the log; and what it came to, for recon."""

from __future__ import annotations

from swiftlite.cluster.local_devices import local_devices
from swiftlite.obj.replicator.context import Replication
from swiftlite.obj.replicator.options import ReplicatorOptions
from swiftlite.obj.replicator.stats import (
    PER_DISK,
    RECON_FILE,
    Stats,
    recon_of,
    recon_of_workers,
    total,
)
from swiftlite.service.passes import DaemonContext


class Progress:
    """One for all passes."""

    def __init__(
        self, context: DaemonContext, options: ReplicatorOptions, work: Replication
    ) -> None:
        self._context = context
        self._options = options
        self._work = work
        self._partitions = 0
        self._began = self._told = context.host.clock.monotonic()
        self._told_attempts = 0

    def begin(self, partitions: int) -> None:
        self._partitions = partitions
        self._began = self._told = self._context.host.clock.monotonic()
        self._told_attempts = 0
        self._context.log.info(f"Starting object replication pass over {partitions} partitions.")

    def tell_now_and_then(self) -> None:
        now = self._context.host.clock.monotonic()
        if now - self._told >= self._options.stats_interval:
            self._told = now
            self._tell()

    def end(self) -> Stats:
        """What the pass has done, all devices together."""
        self._tell()
        seconds = self._context.host.clock.monotonic() - self._began
        once = " (once)" if self._context.once else ""
        minutes = seconds / 60
        self._context.log.info(f"Object replication complete{once}. ({minutes:.2f} minutes)")
        context = self._context
        if not (context.devices or context.partitions or context.policies):
            self._leave_in_recon(minutes)
        return total(self._work.stats.values())

    def _tell(self) -> None:
        stats = total(self._work.stats.values())
        seconds = max(self._context.host.clock.monotonic() - self._began, 1e-6)
        if stats.attempted == self._told_attempts:
            self._context.log.info(f"Nothing replicated for {seconds:.0f} seconds.")
            return
        self._told_attempts = stats.attempted
        rate = stats.attempted / seconds
        whole = max(self._partitions, 1)
        left = max(self._partitions - stats.attempted, 0) / rate
        say = self._context.log.info
        say(
            f"{stats.attempted}/{self._partitions} ({100 * stats.attempted / whole:.2f}%) "
            f"partitions replicated in {seconds:.2f}s ({rate:.2f}/sec, {left:.0f}s remaining)"
        )
        say(f"{stats.success} successes, {stats.failure} failures")
        self._tell_suffixes(stats)

    def _tell_suffixes(self, stats: Stats) -> None:
        if stats.suffix_count:
            hashed = 100 * stats.suffix_hash / stats.suffix_count
            synced = 100 * stats.suffix_sync / stats.suffix_count
            self._context.log.info(
                f"{stats.suffix_count} suffixes checked - {hashed:.2f}% hashed, "
                f"{synced:.2f}% synced"
            )
        times = sorted(self._work.times)
        if times:
            self._context.log.info(
                f"Partition times: max {times[-1]:.4f}s, min {times[0]:.4f}s, "
                f"med {times[len(times) // 2]:.4f}s"
            )

    def _leave_in_recon(self, minutes: float) -> None:
        context, work = self._context, self._work
        ended = context.host.clock.wall()
        if context.workers == 1:
            context.recon.dump(RECON_FILE, recon_of(total(work.stats.values()), minutes, ended))
            return
        here, own_devices = self._devices()
        own = {name: recon_of(work.stats_of(name), minutes, ended) for name in own_devices}
        context.recon.dump(RECON_FILE, {PER_DISK: own})
        per_disk = context.recon.load(RECON_FILE).get(PER_DISK)
        known = per_disk if isinstance(per_disk, dict) else {}
        gone: dict[str, object] = {name: {} for name in known if name not in here}
        update = recon_of_workers(known, here)
        context.recon.dump(RECON_FILE, {PER_DISK: gone, **update} if gone else update)

    def _devices(self) -> tuple[list[str], list[str]]:
        """Names of all devices of this node, and of this worker's."""
        context = self._context
        names: set[str] = set()
        own: set[str] = set()
        for policy in context.cluster.policies:
            ring = context.rings.object(policy.index).current()
            here = local_devices(ring, bind_ip=context.bind_ip, port=context.bind_port)
            names.update(device.device for device in here)
            own.update(device.device for device in context.local(ring))
        return sorted(names), sorted(own)
