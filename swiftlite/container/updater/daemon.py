"""`swiftlite-container-updater CONF`."""

from __future__ import annotations

from collections.abc import Sequence

from swiftlite.container.updater.options import UpdaterOptions
from swiftlite.container.updater.sweep import UpdaterPass
from swiftlite.service.daemon_main import run_daemon
from swiftlite.service.passes import DaemonSpec

SPEC = DaemonSpec("container-updater", (UpdaterOptions,), UpdaterPass)


def main(arguments: Sequence[str] | None = None) -> int:
    return run_daemon(SPEC, arguments)
