"""What a background pass is, and what it is given.

A pass offers one bounded unit of work at a time and says when it wants to be called again; loops,
pauses, signals and processes are the runner's. It never sleeps to pace itself: it hands the pause
back as Idle, or waits by DaemonContext.sleep, which ends when the daemon is told to stop.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from swiftlite.cluster.conf import ClusterConf
from swiftlite.cluster.local_devices import local_devices
from swiftlite.cluster.rings import Rings
from swiftlite.config.load import options
from swiftlite.host.bundle import Host
from swiftlite.host.disk import Disk
from swiftlite.host.net import DeadlinePassed
from swiftlite.host.tasks import Event
from swiftlite.observe import recon
from swiftlite.observe.log import Log
from swiftlite.observe.statsd import Statsd
from swiftlite.ring import Device, Ring
from swiftlite.service.progress import Progress

Table = TypeVar("Table")


@dataclass(frozen=True, slots=True)
class Busy:
    """There is more to do now."""


@dataclass(frozen=True, slots=True)
class Idle:
    """Nothing to do for so many seconds."""

    seconds: float


class Pass(Protocol):
    """A daemon's work."""

    def step(self) -> Busy | Idle:
        """One bounded unit of work: a partition, a database, a batch of files. What it raises is
        logged, and it is called again after a pause."""
        ...

    def close(self) -> None:
        """Called once, when no step is running any more."""
        ...


class Lines(Protocol):
    def warning(self, message: str, /) -> None: ...


class Recon:
    """The recon caches of this node. Never raises: nothing depends on them."""

    def __init__(self, disk: Disk, directory: str, log: Lines) -> None:
        self._disk = disk
        self._directory = directory
        self._log = log
        self._fault = ""

    def dump(self, file: str, updates: Mapping[str, object]) -> None:
        """Put updates into `object.recon`, `container.recon` or `account.recon`."""
        try:
            recon.dump(self._disk, f"{self._directory}/{file}", updates)
            self._fault = ""
        except OSError as error:
            fault = str(error)
            if fault != self._fault:  # the same every few seconds helps nobody
                self._log.warning(f"{self._directory}/{file} cannot be written: {fault}")
            self._fault = fault

    def load(self, file: str) -> dict[str, object]:
        """What is in a cache; nothing when it cannot be read."""
        try:
            return recon.load(self._disk, f"{self._directory}/{file}")
        except OSError:
            return {}


@dataclass(frozen=True, slots=True)
class DaemonContext:
    """What build() of a daemon gets.

    devices, partitions, policies: what the command line restricts the work to; empty means all.
    conf: the daemon's section, [DEFAULT] included; node_conf: the same over the section of the
    server in the same file. worker: this process is number `worker` of `workers` (from 0, of 1)
    that share the work.
    """

    host: Host
    cluster: ClusterConf
    rings: Rings
    log: Log
    statsd: Statsd
    recon: Recon
    once: bool
    devices: frozenset[str]
    partitions: frozenset[int]
    policies: frozenset[int]
    conf: Mapping[str, str]
    node_conf: Mapping[str, str]
    conf_path: str
    where: str  # file and section, for messages
    bind_ip: str
    bind_port: int | None
    told_to_stop: Event[Any]
    worker: int = 0
    workers: int = 1
    sections: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    flags: Mapping[str, Any] = field(default_factory=dict)
    progress: Progress = field(default_factory=Progress)

    def stopping(self) -> bool:
        return self.told_to_stop.is_set

    def sleep(self, seconds: float) -> None:
        """Returns early when the daemon is told to stop."""
        if seconds <= 0 or self.stopping():
            return
        with contextlib.suppress(DeadlinePassed):
            self.told_to_stop.wait(self.host.clock.monotonic() + seconds)

    def table(self, table: type[Table]) -> Table:
        """Options that daemon and server of a node have in common (how its devices are used), as
        the daemon's section, else the server's, else [DEFAULT] has them. Raises ConfError."""
        return options(table, self.node_conf, where=self.where)

    def share(self, names: Iterable[str]) -> list[str]:
        """Devices that are this process's to look after, in order."""
        wanted = sorted(name for name in names if not self.devices or name in self.devices)
        return wanted[self.worker :: self.workers]

    def local(self, ring: Ring) -> Iterator[Device]:
        """Devices of a ring that are on this node, and this process's to look after."""
        here = {
            device.device: device
            for device in local_devices(ring, bind_ip=self.bind_ip, port=self.bind_port)
        }
        for name in self.share(here):
            yield here[name]


@dataclass(frozen=True, slots=True)
class Flag:
    """An option of one daemon's command line, with a value; parse raises ValueError.

    names: `-z`, `--zero-byte-fps`, other spellings; the first long one makes the key.
    """

    names: tuple[str, ...]
    help: str
    metavar: str
    parse: Callable[[str], Any] = str

    @property
    def key(self) -> str:
        long = next(name for name in self.names if name.startswith("--"))
        return long.removeprefix("--").replace("-", "_")


@dataclass(frozen=True, slots=True)
class DaemonSpec:
    """One daemon.

    name: `object-replicator`: section of its conf, and of its unit `swiftlite-object-replicator`.
    tables: its option tables; the first has SECTION = name and CONF, and build gets one of it.
    workers: how many processes share the work by device, from the same options; below 2: none
    beside the daemon itself.
    flags: what its command line takes beside what every daemon's does.
    """

    name: str
    tables: tuple[type, ...]
    build: Callable[[DaemonContext, Any], Pass]
    workers: Callable[[Any], int] | None = None
    flags: tuple[Flag, ...] = ()

    @property
    def title(self) -> str:
        return f"swiftlite-{self.name}"

    @property
    def kind(self) -> str:
        """object, container or account."""
        return self.name.partition("-")[0]
