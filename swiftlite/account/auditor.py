"""`swiftlite-account-auditor CONF`: account databases, checked for soundness."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from swiftlite.config.option import opt
from swiftlite.dbstore import ACCOUNT_KIND, AccountBroker, DatabaseOptions
from swiftlite.dbsync.auditor import DatabaseAuditor
from swiftlite.dbsync.databases import engine_for
from swiftlite.dbsync.options import AuditorOptions
from swiftlite.service.daemon_main import run_daemon
from swiftlite.service.passes import DaemonContext, DaemonSpec, Pass


@dataclass(frozen=True, slots=True)
class AccountAuditorOptions(AuditorOptions):
    SECTION = "account-auditor"
    CONF = ("account-server.conf",)

    accounts_per_second: float = opt(
        200.0, "Databases checked per second, at most; 0: no limit.", minimum=0
    )


def build(context: DaemonContext, options: AccountAuditorOptions) -> Pass:
    database = context.table(DatabaseOptions)
    engine = engine_for(ACCOUNT_KIND, context, database)
    return DatabaseAuditor(context, options, engine, AccountBroker, options.accounts_per_second)


SPEC = DaemonSpec("account-auditor", (AccountAuditorOptions,), build)


def main(arguments: Sequence[str] | None = None) -> int:
    return run_daemon(SPEC, arguments)
