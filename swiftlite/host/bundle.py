"""The host as one value, and the one that this process installed."""

from __future__ import annotations

from dataclasses import dataclass

from swiftlite.host.clock import Clock
from swiftlite.host.disk import Disk
from swiftlite.host.entropy import Entropy
from swiftlite.host.net import Net
from swiftlite.host.process import Process
from swiftlite.host.tasks import Tasks


@dataclass(frozen=True, slots=True)
class Host:
    clock: Clock
    disk: Disk
    net: Net
    tasks: Tasks
    entropy: Entropy
    process: Process


class _Installed:
    host: Host | None = None


def install(host: Host) -> Host:
    """Once per process, by whoever starts it; paste factories read it, libraries never do."""
    _Installed.host = host
    return host


def installed() -> Host:
    assert _Installed.host is not None, "no host was installed in this process"
    return _Installed.host
