"""The databases of one kind on this node, as a conf has them, for its server and its daemons."""

from __future__ import annotations

from dataclasses import replace

from swiftlite.cluster.conf import ClusterConf
from swiftlite.dbstore import DatabaseOptions, Devices, Engine, store_settings
from swiftlite.dbstore.engine import EngineLog
from swiftlite.dbstore.kind import Kind
from swiftlite.dbstore.merge import Row
from swiftlite.host.bundle import Host
from swiftlite.service.passes import DaemonContext

_CONNECTIONS_OF_A_DAEMON = 16
"""It comes to each database once in a pass: to keep those of hundreds open, as a server does for
the next request, would only take memory (a quarter to a whole MiB each)."""


def engine_of(
    kind: Kind[Row], host: Host, conf: ClusterConf, options: DatabaseOptions, log: EngineLog
) -> Engine[Row]:
    """The databases of one kind, as a server's options have them."""
    root = options.devices.rstrip("/")
    devices = Devices(host.disk, root, options.mount_check, options.fallocate_reserve)
    return Engine(kind, devices, host, store_settings(options, conf.hash_path), log)


def engine_for(kind: Kind[Row], context: DaemonContext, options: DatabaseOptions) -> Engine[Row]:
    """The same for a daemon."""
    few = min(options.db_connections, _CONNECTIONS_OF_A_DAEMON)
    options = replace(options, db_connections=few)
    return engine_of(kind, context.host, context.cluster, options, context.log)
