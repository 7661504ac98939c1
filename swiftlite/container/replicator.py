"""`swiftlite-container-replicator CONF`: container databases, brought to their replicas."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from swiftlite.container.chores import ContainerChores
from swiftlite.container.misplaced import MisplacedRows
from swiftlite.dbstore import CONTAINER_KIND, ContainerBroker, DatabaseOptions
from swiftlite.dbsync.databases import engine_for
from swiftlite.dbsync.options import ReplicatorOptions
from swiftlite.dbsync.replicator import DatabaseReplicator
from swiftlite.service.daemon_main import run_daemon
from swiftlite.service.passes import DaemonContext, DaemonSpec, Pass


@dataclass(frozen=True, slots=True)
class ContainerReplicatorOptions(ReplicatorOptions):
    SECTION = "container-replicator"
    CONF = ("container-server.conf",)


def build(context: DaemonContext, options: ContainerReplicatorOptions) -> Pass:
    database = context.table(DatabaseOptions)
    host, ring = context.host, context.rings.container
    engine = engine_for(CONTAINER_KIND, context, database)
    misplaced = MisplacedRows(
        engine,
        ring.current,
        lambda: list(context.local(ring.current())),
        clock=host.clock,
        entropy=host.entropy,
    )
    chores = ContainerChores(engine, misplaced, context.log)
    return DatabaseReplicator(context, options, engine, ContainerBroker, ring, chores)


SPEC = DaemonSpec("container-replicator", (ContainerReplicatorOptions,), build)


def main(arguments: Sequence[str] | None = None) -> int:
    return run_daemon(SPEC, arguments)
