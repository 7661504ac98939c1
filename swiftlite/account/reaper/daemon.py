"""`swiftlite-account-reaper CONF`."""

from __future__ import annotations

from collections.abc import Sequence

from swiftlite.account.reaper.options import ReaperOptions
from swiftlite.account.reaper.sweep import ReaperPass
from swiftlite.service.daemon_main import run_daemon
from swiftlite.service.passes import DaemonSpec

SPEC = DaemonSpec("account-reaper", (ReaperOptions,), ReaperPass)


def main(arguments: Sequence[str] | None = None) -> int:
    return run_daemon(SPEC, arguments)
