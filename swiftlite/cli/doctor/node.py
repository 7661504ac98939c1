"""This node as the doctor sees it: its confs, rings, devices and processes, gathered once."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

from swiftlite.cli.doctor.machine import Machine
from swiftlite.cli.doctor.server import STORAGE, Held, Server, read_server
from swiftlite.cli.doctor.services import Services
from swiftlite.cli.orphans import pids_in
from swiftlite.cli.processes import Process, running
from swiftlite.cluster import conf as cluster_conf
from swiftlite.cluster.conf import ClusterConf
from swiftlite.cluster.local_devices import is_own_address, is_wildcard
from swiftlite.config.load import ConfError
from swiftlite.host.disk import Disk
from swiftlite.host.os_clock import wall
from swiftlite.host.os_disk import OsDisk
from swiftlite.observe import recon
from swiftlite.ring import Device, Ring, RingFileError
from swiftlite.ring.load import load_contents
from swiftlite.service.servers import MAIN, RUN_DIR, Place


class Node:
    """Everything is looked at when it is first asked for, and kept."""

    def __init__(
        self,
        swift_dir: str,
        *,
        disk: Disk | None = None,
        processes: Callable[[], list[Process]] = running,
        now: Callable[[], float] = wall,
        root: str = "/",
    ) -> None:
        self.swift_dir = os.path.abspath(swift_dir)  # as processes are found by theirs
        self.disk: Disk = disk or OsDisk()
        self.now = now
        self.machine = Machine(root)
        self._processes = processes

    @cached_property
    def servers(self) -> list[Server]:
        return [
            read_server(name.partition("-")[0], path)
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

    def process_of(self, server: Server, name: str = "") -> Process | None:
        """Of a server or of a daemon of the same conf."""
        command = f"swiftlite-{name or server.name}"
        for process in self.processes:
            if process.words[0] == command and server.is_read_by(process):
                return process
        return None

    def running_with(self, server: Server) -> list[str]:
        """Names of all servers and daemons that have read this conf; the server first."""
        names = [
            process.words[0].removeprefix("swiftlite-")
            for process in self.processes
            if server.is_read_by(process)
        ]
        return [server.name, *dict.fromkeys(name for name in names if name != server.name)]

    def user_of(self, server: Server) -> str:
        """As whom it runs, or would; '' where nobody says."""
        if named := server.option("user", ""):
            return named
        if (process := self.process_of(server)) is not None:
            return self.machine.user_of_process(process.pid)
        return self.machine.user_of_unit(f"{self.services.unit(server.name, server.path)}.service")

    @cached_property
    def services(self) -> Services:
        """A node uses one of them: the one that has started what runs, else systemd where it has
        our units."""
        if any(process.unit for process in self.processes):
            by_systemd = True
        elif {process.pid for process in self.processes} & pids_in(Path(RUN_DIR)):
            by_systemd = False
        else:
            own = self.servers[0].name if self.servers else "proxy-server"
            by_systemd = self.machine.has_systemd and (
                not self.servers or self.machine.has_unit(f"swiftlite-{own}.service")
            )
        return Services(by_systemd, self.swift_dir)

    @cached_property
    def peers(self) -> list[str]:
        """Addresses of the other nodes of all rings that can be read, without swift.conf, too."""
        found: dict[str, None] = {}
        for path in sorted(Path(self.swift_dir).glob("*.ring.gz")):
            try:
                devices = load_contents(str(path)).devices
            except RingFileError:
                continue
            found.update((device.ip, None) for device in devices if device is not None)
        return [ip for ip in found if not is_own_address(ip)]

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

    def drive_errors(self, server: Server) -> dict[str, int]:
        """Complaints of the kernel by mount, as drive-audit counted them."""
        try:
            told = recon.load(self.disk, f"{server.recon_cache}/drive.recon")
        except (OSError, ValueError):
            return {}
        return {
            mount: count
            for mount, count in told.items()
            if mount.startswith("/") and isinstance(count, int) and count
        }

    def source_of(self, path: str) -> str:
        """The block device that is mounted there."""
        found = self.machine.mounts.get(path) or self.machine.fstab.get(path)
        return found.source if found else f"/dev/{os.path.basename(path)}"
