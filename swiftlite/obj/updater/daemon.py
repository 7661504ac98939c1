"""`swiftlite-object-updater CONF`."""

from __future__ import annotations

from collections.abc import Sequence

from swiftlite.obj.updater.options import UpdaterOptions
from swiftlite.obj.updater.sweep import UpdaterPass
from swiftlite.service.daemon_main import run_daemon
from swiftlite.service.passes import DaemonSpec


def _workers(options: UpdaterOptions) -> int:
    return options.updater_workers


SPEC = DaemonSpec("object-updater", (UpdaterOptions,), UpdaterPass, _workers)


def main(arguments: Sequence[str] | None = None) -> int:
    return run_daemon(SPEC, arguments)
