"""`swiftlite-object-auditor CONF`: the full pass and, beside it, the one over metadata."""

from __future__ import annotations

from collections.abc import Sequence

from swiftlite.obj.auditor.options import AuditorOptions
from swiftlite.obj.auditor.scan import ALL, RECON_FILE, ZBF, Scan
from swiftlite.obj.auditor.watchers import make_watchers
from swiftlite.obj.options import ObjectServerOptions
from swiftlite.objectstore.manager import Manager
from swiftlite.service.daemon_main import run_daemon
from swiftlite.service.passes import Busy, DaemonContext, DaemonSpec, Flag, Idle

_RSYNC_GRACE_S = 900.0  # beyond the time that the sender gives its rsync
_NO_REPLICATOR_S = 86_400.0


class AuditorPass:
    """Whichever scan is due first does the next burst."""

    def __init__(self, context: DaemonContext, options: AuditorOptions) -> None:
        self._context = context
        self._options = options
        self._manager = Manager(
            context.host,
            context.table(ObjectServerOptions).store_settings(),
            context.cluster.hash_path,
            context.log,
            context.statsd.increment,
        )
        self._scans = self._planned()
        if context.worker == 0:  # numbers of an earlier life may be nested otherwise
            nothing: dict[str, object] = {}
            context.recon.dump(
                RECON_FILE, {f"object_auditor_stats_{kind}": nothing for kind in (ALL, ZBF)}
            )

    def step(self) -> Busy | Idle:
        left = [scan for scan in self._scans if not (self._context.once and scan.passes)]
        if not left:
            return Idle(0.0)
        scan = min(left, key=Scan.due)
        pause = scan.due()
        if pause <= 0:
            scan.step()
        elif self._context.once:
            self._context.sleep(pause)  # an Idle would be the end
        else:
            return Idle(pause)
        return Busy()

    def close(self) -> None:
        for scan in self._scans:
            scan.close()

    def _planned(self) -> list[Scan]:
        options, only_metadata = self._options, self._context.flags.get("zero_byte_fps")
        if only_metadata:
            return [self._scan(ZBF, only_metadata)]
        scans = [self._scan(ALL, options.files_per_second)]
        if options.zero_byte_files_per_second:
            # Swift has one process of this kind on a node, whatever the number of others.
            rate = options.zero_byte_files_per_second / self._context.workers
            scans.append(self._scan(ZBF, rate))
        return scans

    def _scan(self, kind: str, files_per_second: float) -> Scan:
        context, options = self._context, self._options
        watchers = make_watchers(context, options.watchers)
        timeout = tempfile_timeout(options, context)
        return Scan(context, options, self._manager, kind, files_per_second, timeout, watchers)


def tempfile_timeout(options: AuditorOptions, context: DaemonContext) -> float:
    """Seconds. auto: no rsync of a peer can still be at work then."""
    if options.rsync_tempfile_timeout is not None:
        return float(options.rsync_tempfile_timeout)
    replicator = context.sections.get("object-replicator")
    if replicator is None:
        return _NO_REPLICATOR_S
    try:
        return float(replicator.get("rsync_timeout", "900")) + _RSYNC_GRACE_S
    except ValueError:
        return _NO_REPLICATOR_S


def _concurrency(options: AuditorOptions) -> int:
    return options.concurrency


def _rate(text: str) -> float:
    rate = float(text)
    if rate <= 0:
        raise ValueError("must be above 0")
    return rate


SPEC = DaemonSpec(
    "object-auditor",
    (AuditorOptions,),
    AuditorPass,
    _concurrency,
    flags=(
        Flag(
            ("-z", "--zero-byte-fps", "--zero_byte_fps"),
            "only the pass over metadata, at so many files a second",
            "N",
            _rate,
        ),
    ),
)


def main(arguments: Sequence[str] | None = None) -> int:
    return run_daemon(SPEC, arguments)
