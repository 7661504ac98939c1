"""A server of this node by its conf, and a device that is its own to serve."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from swiftlite.cli.processes import Process
from swiftlite.config.load import DEFAULT, Conf, ConfError, options, read_conf
from swiftlite.ring import Device
from swiftlite.service.options import PortOptions, ServerOptions

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

    def place_of(self, name: str) -> str:
        """The section in which such an option stands, or may stand."""
        if self.conf is None:
            return DEFAULT
        inside = self.section(f"app:{self.name}").get(name)
        return DEFAULT if inside == self.conf.defaults.get(name) else f"app:{self.name}"

    def section(self, name: str) -> dict[str, str]:
        return {} if self.conf is None else self.conf.sections.get(name, {})

    def is_read_by(self, process: Process) -> bool:
        """Whether it was started with this conf, by its whole path or from the directory it is
        in."""
        path = str(self.path)
        return any(
            word == path or path.endswith("/" + word.removeprefix("./"))
            for word in process.words[1:]
        )

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


def read_server(kind: str, path: Path) -> Server:
    try:
        return Server(kind, path, read_conf(str(path)))
    except ConfError as error:
        return Server(kind, path, None, str(error))
