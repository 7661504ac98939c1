"""Options of the account server. Names and defaults are Swift's, save where the help says so."""

from __future__ import annotations

from dataclasses import dataclass

from swiftlite.config.option import opt
from swiftlite.dbstore.options import DatabaseOptions


@dataclass(frozen=True, slots=True)
class AccountServerOptions(DatabaseOptions):
    SECTION = "app:account-server"

    swift_dir: str = opt("/etc/swift", "Where swift.conf is.")
    log_requests: bool = opt(True, "Write a line for each request.")
    replication_server: bool = opt(True, "Answer the verbs of replication.")
