"""The databases of one kind on this node, as a conf has them, for its server and its daemons."""

from __future__ import annotations

from swiftlite.cluster.conf import ClusterConf
from swiftlite.dbstore import DatabaseOptions, Devices, Engine, store_settings
from swiftlite.dbstore.engine import EngineLog
from swiftlite.dbstore.kind import Kind
from swiftlite.dbstore.merge import Row
from swiftlite.host.bundle import Host


def engine_of(
    kind: Kind[Row], host: Host, conf: ClusterConf, options: DatabaseOptions, log: EngineLog
) -> Engine[Row]:
    """The databases of one kind, as a server's options have them."""
    root = options.devices.rstrip("/")
    devices = Devices(host.disk, root, options.mount_check, options.fallocate_reserve)
    return Engine(kind, devices, host, store_settings(options, conf.hash_path), log)
