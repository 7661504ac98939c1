"""`swiftlite-account-replicator CONF`: account databases, brought to their replicas."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from swiftlite.dbstore import ACCOUNT_KIND, AccountBroker, DatabaseOptions
from swiftlite.dbstore.rows import ContainerRow
from swiftlite.dbsync.databases import engine_for
from swiftlite.dbsync.options import ReplicatorOptions
from swiftlite.dbsync.replicator import DatabaseReplicator
from swiftlite.dbsync.visit import NoChores
from swiftlite.service.daemon_main import run_daemon
from swiftlite.service.passes import DaemonContext, DaemonSpec, Pass


@dataclass(frozen=True, slots=True)
class AccountReplicatorOptions(ReplicatorOptions):
    SECTION = "account-replicator"
    CONF = ("account-server.conf",)


def build(context: DaemonContext, options: AccountReplicatorOptions) -> Pass:
    database = context.table(DatabaseOptions)
    engine = engine_for(ACCOUNT_KIND, context, database)
    chores: NoChores[ContainerRow] = NoChores()
    return DatabaseReplicator(
        context, options, engine, AccountBroker, context.rings.account, chores
    )


SPEC = DaemonSpec("account-replicator", (AccountReplicatorOptions,), build)


def main(arguments: Sequence[str] | None = None) -> int:
    return run_daemon(SPEC, arguments)
