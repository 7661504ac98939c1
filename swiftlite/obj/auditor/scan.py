"""One kind of pass over this process's devices, a burst of work at a time.

A burst runs as one job on the device's thread, and examines hash dirs until it has done what a
second's pace allows, or a fifth of a second has gone by. A device that fails is left for the next
pass; its status file says where to go on.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

from swiftlite.obj.auditor.judge import Judge, Seen
from swiftlite.obj.auditor.options import AuditorOptions
from swiftlite.obj.auditor.tally import Counts, Tally
from swiftlite.obj.auditor.watchers import Watched
from swiftlite.objectstore.api import DeviceUnavailable, StoreError
from swiftlite.objectstore.audit_walk import AuditWalk, PartitionDir, Unlistable
from swiftlite.objectstore.examine import ALL_READ, Depth, Examiner
from swiftlite.objectstore.glance import AT_ONCE, Glancer, Glimpse
from swiftlite.objectstore.hash_dir import HashDir
from swiftlite.objectstore.manager import Manager
from swiftlite.objectstore.quiet_read import READ_BYTES
from swiftlite.service.pace import Pace
from swiftlite.service.passes import DaemonContext

ALL, ZBF = "ALL", "ZBF"
RECON_FILE = "object.recon"
_BURST_S = 0.2
_BURST_FILES = 512

T = TypeVar("T")
Work = Generator[int | Seen | Glimpse, None, None]
"""Goes on on the device's thread. A number: so many bytes were read of a body. What is doubtful in
a glimpse follows."""


@dataclass(frozen=True, slots=True)
class Burst:
    """What one job has met. files: all that was looked at, seen: what there is to tell of.
    ended: there is nothing behind it."""

    seen: Sequence[Seen]
    files: int
    byte_count: int
    seconds: float
    ended: bool


class Scan:
    """step() does a burst; due() says how many seconds to wait before. kind: ALL or ZBF."""

    def __init__(
        self,
        context: DaemonContext,
        options: AuditorOptions,
        manager: Manager,
        kind: str,
        files_per_second: float,
        tempfile_timeout: float,
        watchers: Sequence[Watched],
    ) -> None:
        self.kind = kind
        self.passes = 0  # that have come to their end
        self._context = context
        self._host = context.host
        self._options = options
        self._manager = manager
        self._watchers = watchers
        self._judge = Judge(manager, context.log, watchers, tempfile_timeout, reclaims=kind == ALL)
        self._helper = self._host.tasks.helper()
        self._examiner = Examiner(
            self._host.disk, manager.hash_path, self._host.clock.wall, self._helper
        )
        # Neither watchers nor sizes are served by a glance.
        self._glances = kind == ZBF and not watchers and not options.object_size_stats
        byte_rate = options.bytes_per_second if kind == ALL else 0.0
        self._files = Pace(self._host.clock, files_per_second)
        self._bytes = Pace(self._host.clock, byte_rate)
        self._files_most = max(1, int(min(files_per_second or _BURST_FILES, _BURST_FILES)))
        at_once = min(AT_ONCE, self._files_most)
        self._glancer = Glancer(self._host.disk, manager.hash_path, at_once)
        self._bytes_most = max(int(byte_rate), READ_BYTES) if byte_rate else 1 << 62
        # Which partitions have their MD5s checked in the first pass is left to chance, so that a
        # daemon that is often started again gets to all of them.
        self._round = int(self._host.entropy.random() * options.md5_every)
        self._rest_until = 0.0
        self._pass: Generator[None, None, None] | None = None
        self._tally = Tally.begun(0.0, ())
        self._reported_at = 0.0

    def due(self) -> float:
        rest = self._rest_until - self._host.clock.monotonic()
        return max(rest, self._files.due(), self._bytes.due(), 0.0)

    def step(self) -> None:
        if self._pass is None:
            self._pass = self._whole_pass()
        if next(self._pass, self) is self:
            self._pass = None
            self.passes += 1
            self._round += 1
            self._rest_until = self._host.clock.monotonic() + self._options.interval

    def close(self) -> None:
        """Leave word where to go on."""
        if self._pass is not None:
            self._pass.close()
            self._pass = None
        self._helper.close()

    def _whole_pass(self) -> Generator[None, None, None]:
        clock = self._host.clock
        devices = self._context.share(self._manager.devices_here())
        self._host.entropy.shuffle(devices)
        self._tally = Tally.begun(clock.wall(), self._options.object_size_stats)
        self._reported_at = clock.monotonic()
        for watcher in self._watchers:
            watcher.start(self.kind)
        done: list[AuditWalk] = []
        for number, device in enumerate(devices, start=1):
            try:
                for walk in self._walks(device):
                    yield from self._walked(walk, f"{device}, {number} of {len(devices)} devices")
                    done.append(walk)
            except StoreError as error:
                self._tally.failed()
                self._context.statsd.increment("errors")
                self._context.log.error(f"Audit of {device} stopped: {error}")
        for walk in done:
            with suppress(StoreError):
                self._offload(walk, walk.forget)
        for watcher in self._watchers:
            watcher.end()
        self._tell_end()

    def _walks(self, device: str) -> Generator[AuditWalk, None, None]:
        """One for each policy; none for a device that is not there."""
        try:
            self._manager.check_device(device)
        except DeviceUnavailable as error:
            self._context.log.debug(f"Not audited: {error}")
            return
        policies, partitions = self._context.policies, self._context.partitions
        for policy in self._context.cluster.policies:
            if policy.erasure is None and (not policies or policy.index in policies):
                yield AuditWalk(
                    self._host.disk,
                    self._manager.settings.devices,
                    device,
                    policy.index,
                    self.kind,
                    self._host.clock.monotonic,
                    partitions,
                )

    def _walked(self, walk: AuditWalk, where: str) -> Generator[None, None, None]:
        """Raises StoreError when the device is of no use any more."""
        work = self._examined(walk)
        self._judge.begin_device()
        judged = False
        try:
            while True:
                self._manager.check_device(walk.device)
                judged = False
                burst = self._offload(walk, self._burst, work)
                self._files.spend(burst.files)
                self._bytes.spend(burst.byte_count)
                self._tally.looked_at(burst.files, burst.byte_count, burst.seconds)
                self._time(burst)
                for seen in burst.seen:
                    self._judge.judge(seen, self._tally)
                judged = True
                if burst.ended:
                    return
                if walk.save_is_due:
                    self._offload(walk, walk.save)
                self._tell_progress(walk, where)
                yield
        finally:
            with suppress(StoreError):
                self._offload(walk, self._left_off, work, walk if judged else None)

    def _time(self, burst: Burst) -> None:
        """One timing for each object, as Swift has it; here they share what a burst took."""
        statsd = self._context.statsd
        for _ in range(burst.files if statsd.enabled else 0):
            statsd.timing("timing", burst.seconds / burst.files)

    def _tell_progress(self, walk: AuditWalk, where: str) -> None:
        clock = self._host.clock
        if clock.monotonic() - self._reported_at < self._options.log_time:
            return
        self._reported_at = clock.monotonic()
        now = clock.wall()
        recent = self._tally.reported(now)
        left = f"{len(walk.left)} of {walk.total} partitions left of {where}"
        self._context.log.info(f"Object audit ({self.kind}): {recent.sentence(now)}; {left}")
        self._dump(recent)

    def _tell_end(self) -> None:
        now = self._host.clock.wall()
        tally, log = self._tally, self._context.log
        log.info(f"Object audit ({self.kind}) completed: {tally.whole.sentence(now)}")
        if tally.sizes:
            counts = ", ".join(f"{bound}: {count}" for bound, count in tally.sizes.items())
            log.info(f"Object audit ({self.kind}): objects up to bytes: {counts}")
        self._dump(tally.reported(now))

    def _dump(self, counts: Counts) -> None:
        """As Swift: an auditor of some devices only reports under their names."""
        entry = counts.recon()
        context = self._context
        if context.devices or context.workers > 1:
            entry = {"".join(sorted(context.share(self._manager.devices_here()))): entry}
        context.recon.dump(RECON_FILE, {f"object_auditor_stats_{self.kind}": entry})

    def _offload(self, walk: AuditWalk, fn: Callable[..., T], *args: object) -> T:
        return self._manager.context.offload(walk.device, fn, *args)

    # On the device's thread.

    def _examined(self, walk: AuditWalk) -> Work:
        """One thing after the other; but while a helper has the end of one body to hash, and there
        is nothing more to read of it, the next one is begun."""
        behind: Work | None = None
        for work in self._works(walk):
            for item in work:
                yield item
                if behind is not None:
                    yield from behind
                    behind = None
                if item == ALL_READ:
                    behind = work
                    break
        if behind is not None:
            yield from behind

    def _works(self, walk: AuditWalk) -> Iterator[Work]:
        for met in walk.partitions():
            if isinstance(met, Unlistable):
                yield _told(met)
            elif self._glances:
                yield from self._glanced(walk, met)
            else:
                for suffix in met.suffixes:
                    yield from self._suffix(walk, met, suffix)

    def _glanced(self, walk: AuditWalk, met: PartitionDir) -> Iterator[Work]:
        glimpses = self._glancer.glance(met.path, met.suffixes)
        while True:
            try:
                glimpse = next(glimpses, None)
            except FileNotFoundError:
                return  # it has gone to another device
            except OSError as error:
                yield _told(Unlistable(met.path, error))
                return
            if glimpse is None:
                return
            yield _told(glimpse)
            for suffix, name in glimpse.doubtful:
                if name is None:
                    yield from self._suffix(walk, met, suffix)
                else:
                    yield self._properly(walk, met, suffix, name)

    def _suffix(self, walk: AuditWalk, met: PartitionDir, suffix: str) -> Iterator[Work]:
        names = walk.listed(f"{met.path}/{suffix}")
        if isinstance(names, Unlistable):
            yield _told(names)
            return
        for name in names:
            yield self._properly(walk, met, suffix, name)

    def _properly(self, walk: AuditWalk, met: PartitionDir, suffix: str, name: str) -> Work:
        place = walk.place(met.partition, suffix, name)
        if isinstance(place, HashDir):
            yield (yield from self._examiner.examine(place, self._depth(place)))
        elif place is not None:
            yield place

    def _depth(self, place: HashDir) -> Depth:
        if self.kind == ZBF:
            return Depth.METADATA
        turn = (place.partition + self._round) % self._options.md5_every
        return Depth.BLOCKS if turn else Depth.DIGEST

    def _burst(self, work: Work) -> Burst:
        monotonic = self._host.clock.monotonic
        start = monotonic()
        seen: list[Seen] = []
        plain = byte_count = 0
        for item in work:
            if isinstance(item, Glimpse):
                plain += item.sound
            elif isinstance(item, int):
                byte_count += item
            else:
                seen.append(item)
            took = monotonic() - start
            files = plain + len(seen)
            if files >= self._files_most or byte_count >= self._bytes_most or took >= _BURST_S:
                return Burst(seen, files, byte_count, took, ended=False)
        return Burst(seen, plain + len(seen), byte_count, monotonic() - start, ended=True)

    def _left_off(self, work: Work, walk: AuditWalk | None) -> None:
        work.close()  # and with it the file in hand
        if walk is not None:
            walk.save()


def _told(item: Seen | Glimpse) -> Work:
    yield item
