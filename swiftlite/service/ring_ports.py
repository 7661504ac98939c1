"""Which ports this node has in the object rings, for a server with workers of their own for each.

Only what the device lists say is kept; a ring is read again when its file has changed.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from swiftlite.cluster import conf as cluster_conf
from swiftlite.cluster.local_devices import is_own_address, is_wildcard
from swiftlite.ring import Ring, RingFileError
from swiftlite.service.child import CannotStart


class RingPorts:
    """ip: this node's address in the rings; a wildcard means every address of this machine."""

    def __init__(self, swift_dir: str, ip: str, warn: Callable[[str], None]) -> None:
        self._swift_dir = swift_dir
        self._ip = ip
        self._warn = warn
        self._seen: dict[str, tuple[int, int]] = {}
        self._ports: dict[str, frozenset[int]] = {}

    def current(self) -> frozenset[int]:
        """A policy whose ring is missing has none; a ring that cannot be read keeps what it had.

        Raises ConfError when swift.conf cannot be read.
        """
        cluster = cluster_conf.load(self._swift_dir)
        for policy in cluster.policies:
            path = os.path.join(self._swift_dir, f"{policy.ring_name}.ring.gz")
            try:
                status = os.stat(path)
            except OSError:
                continue
            version = (status.st_mtime_ns, status.st_size)
            if self._seen.get(path) == version:
                continue
            self._seen[path] = version
            try:
                self._ports[path] = self._ports_in(Ring.load(path, cluster.hash_path))
            except RingFileError as error:
                self._warn(str(error))
        return frozenset().union(*self._ports.values())

    def _ports_in(self, ring: Ring) -> frozenset[int]:
        return frozenset(
            device.port for device in ring.devices if device is not None and self._mine(device.ip)
        )

    def _mine(self, ip: str) -> bool:
        return is_own_address(ip) if is_wildcard(self._ip) else ip == self._ip


def ports_or_refuse(ports: RingPorts) -> frozenset[int]:
    """For the start: a node without a port in any ring has nothing to serve."""
    found = ports.current()
    if not found:
        raise CannotStart(
            "servers_per_port is set, but no object ring names a device at an address of this node."
        )
    return found
