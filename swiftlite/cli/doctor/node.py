"""This node as the doctor sees it: its confs, rings, devices and processes, gathered once."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from swiftlite.cli.processes import Process, running
from swiftlite.cluster import conf as cluster_conf
from swiftlite.cluster.conf import ClusterConf
from swiftlite.cluster.local_devices import is_own_address, is_wildcard
from swiftlite.config.load import Conf, ConfError, options, read_conf
from swiftlite.host.disk import Disk
from swiftlite.host.os_clock import wall
from swiftlite.host.os_disk import OsDisk
from swiftlite.observe import recon
from swiftlite.ring import Device, Ring, RingFileError
from swiftlite.service.options import PortOptions, ServerOptions
from swiftlite.service.servers import MAIN, Place

PORTS = {"proxy": 8080, "object": 6200, "container": 6201, "account": 6202}
STORAGE = ("account", "container", "object")


@dataclass(frozen=True, slots=True)
class Server:
    """One conf of one kind of server. conf is None where it cannot be read; fault says why."""

    kind: str
    path: Path
    conf: Conf | None
    fault: str = ""

    @property
    def name(self) -> str:
        return f"{self.kind}-server"

    def option(self, name: str, default: str) -> str:
        """Of the app's section, or of [DEFAULT]."""
        if self.conf is None:
            return default
        section = self.conf.sections.get(f"app:{self.name}", self.conf.defaults)
        return section.get(name, default)

    def section(self, name: str) -> dict[str, str]:
        return {} if self.conf is None else self.conf.sections.get(name, {})

    @property
    def address(self) -> tuple[str, int] | None:
        """None where it cannot be told, or the rings say it."""
        if self.conf is None:
            return None
        try:
            found = options(ServerOptions, self.conf.defaults, where=str(self.path))
            ports = options(PortOptions, self.conf.defaults, where=str(self.path))
        except ConfError:
            return None
        if self.kind == "object" and ports.servers_per_port:
            return None
        return found.bind_ip, found.bind_port or PORTS[self.kind]

    @property
    def devices_root(self) -> str:
        return self.option("devices", "/srv/node")

    @property
    def mount_check(self) -> bool:
        return self.option("mount_check", "true").lower() in ("true", "1", "yes", "on", "t", "y")

    @property
    def recon_cache(self) -> str:
        return self.option("recon_cache_path", "/var/cache/swift")


@dataclass(frozen=True, slots=True)
class Held:
    """A device of a ring that is at this server's address: its own to serve."""

    ring_name: str
    device: Device
    server: Server

    @property
    def path(self) -> str:
        return f"{self.server.devices_root.rstrip('/')}/{self.device.device}"


class Node:
    """Everything is looked at when it is first asked for, and kept."""

    def __init__(
        self,
        swift_dir: str,
        *,
        disk: Disk | None = None,
        processes: Callable[[], list[Process]] = running,
        now: Callable[[], float] = wall,
        proc: str = "/proc",
    ) -> None:
        self.swift_dir = os.path.abspath(swift_dir)  # as processes are found by theirs
        self.disk: Disk = disk or OsDisk()
        self.now = now
        self.proc = proc
        self._processes = processes

    @cached_property
    def servers(self) -> list[Server]:
        return [
            _read(name.partition("-")[0], path)
            for name in MAIN
            for path in Place(name).conf_files(self.swift_dir)
        ]

    @cached_property
    def storage(self) -> list[Server]:
        return [server for server in self.servers if server.kind in STORAGE]

    @cached_property
    def cluster(self) -> ClusterConf | str:
        """swift.conf, or what is wrong with it."""
        try:
            return cluster_conf.load(self.swift_dir)
        except ConfError as error:
            return str(error)

    @cached_property
    def rings(self) -> dict[str, Ring | str]:
        """By name, each with what is wrong where it cannot be used. Those that this node needs."""
        if isinstance(self.cluster, str):
            return {}
        kinds = {server.kind for server in self.servers}
        if "proxy" in kinds:
            kinds |= set(STORAGE)
        elif kinds & {"object", "container"}:
            # Object servers tell containers, and container servers accounts.
            kinds |= {"account", "container"} if "container" in kinds else {"container"}
        names = [str(kind) for kind in ("account", "container") if kind in kinds]
        if "object" in kinds:
            names += [policy.ring_name for policy in self.cluster.policies]
        return {name: self._ring(name, self.cluster) for name in names}

    def _ring(self, name: str, cluster: ClusterConf) -> Ring | str:
        try:
            return Ring.load(os.path.join(self.swift_dir, f"{name}.ring.gz"), cluster.hash_path)
        except RingFileError as error:
            return str(error)

    @cached_property
    def held(self) -> list[Held]:
        """Devices that the rings put at an address of this node's servers."""
        return [
            Held(name, device, server)
            for name, ring in self.rings.items()
            if isinstance(ring, Ring)
            for server in self.storage
            if name.partition("-")[0] == server.kind
            for device in ring.devices
            if device is not None and self.is_at(device, server)
        ]

    def is_at(self, device: Device, server: Server) -> bool:
        """By its address for clients or the one for replication."""
        places = (device.address, device.replication_address)
        if server.address is None:
            return any(is_own_address(ip) for ip, _ in places)
        bind_ip, bind_port = server.address
        return any(
            port == bind_port and (ip == bind_ip or (is_wildcard(bind_ip) and is_own_address(ip)))
            for ip, port in places
        )

    @cached_property
    def roots(self) -> dict[str, Server]:
        """Each directory of devices with one of the servers that use it; an object server, if
        there is one, since that has most to lose there."""
        ordered = sorted(self.storage, key=lambda server: server.kind == "object")
        return {server.devices_root: server for server in ordered}

    @cached_property
    def present(self) -> list[tuple[str, Server]]:
        """Paths of devices that are there, ring or no ring."""
        found = []
        for root, server in self.roots.items():
            try:
                names = sorted(self.disk.listdir(root))
            except OSError:
                continue
            found += [(f"{root.rstrip('/')}/{name}", server) for name in names]
        return found

    @cached_property
    def processes(self) -> list[Process]:
        return self._processes()

    def recon(self, kind: str) -> list[tuple[Server, dict[str, object]]]:
        """The recon caches of a kind, as far as they can be read."""
        found = []
        for server in self.storage:
            if server.kind != kind:
                continue
            try:
                content = recon.load(self.disk, f"{server.recon_cache}/{kind}.recon")
            except (OSError, ValueError):
                continue
            found.append((server, content))
        return found


def _read(kind: str, path: Path) -> Server:
    try:
        return Server(kind, path, read_conf(str(path)))
    except ConfError as error:
        return Server(kind, path, None, str(error))
