"""Options of the container server. Names and defaults are Swift's, save where the help says so."""

from __future__ import annotations

from dataclasses import dataclass

from swiftlite.config.option import Seconds, opt
from swiftlite.dbstore.options import DatabaseOptions


@dataclass(frozen=True, slots=True)
class ContainerServerOptions(DatabaseOptions):
    SECTION = "app:container-server"

    swift_dir: str = opt("/etc/swift", "Where swift.conf and the account ring are.")
    log_requests: bool = opt(True, "Write a line for each request.")
    node_timeout: Seconds = opt(3.0, "Longest wait for an account server's answer.", minimum=0)
    conn_timeout: Seconds = opt(0.5, "Longest wait for a connection to it.", minimum=0)
    allow_versions: bool = opt(
        False, "Keep X-Versions-Location. Deprecated: use the versioned_writes filter."
    )
    allowed_sync_hosts: tuple[str, ...] = opt(
        ("127.0.0.1",), "Hosts that a container may name in X-Container-Sync-To."
    )
    account_report_interval: Seconds = opt(
        1.0,
        "How long changed counts are gathered before the account is told; not an option of Swift, "
        "whose container-updater does this. 0: leave it to the updater.",
        minimum=0,
    )
    replication_server: bool = opt(True, "Answer the verbs of replication.")
