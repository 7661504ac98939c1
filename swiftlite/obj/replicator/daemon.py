"""`swiftlite-object-replicator CONF`."""

from __future__ import annotations

from collections.abc import Sequence

from swiftlite.obj.replicator.options import ReplicatorOptions
from swiftlite.obj.replicator.sweep import ReplicatorPass
from swiftlite.service.daemon_main import run_daemon
from swiftlite.service.passes import DaemonSpec


def _workers(options: ReplicatorOptions) -> int:
    return options.replicator_workers


SPEC = DaemonSpec("object-replicator", (ReplicatorOptions,), ReplicatorPass, _workers)


def main(arguments: Sequence[str] | None = None) -> int:
    return run_daemon(SPEC, arguments)
