"""What runs as rsync in the simulated world: it copies between the disks of two nodes."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress

import pytest

from swiftlite.host.bundle import Host
from swiftlite.host.disk import Disk
from swiftlite.obj.replicator import sweep
from swiftlite.peers.rsync import Pushed
from swiftlite.ring import Device
from tests.obj.replicator.nodes import DEVICES, Nodes


class Rsyncs:
    """Stands in for peers.rsync.Rsync of all nodes.

    runs: of each rsync, the device it went to and the partitions it had. ill: partitions that do
    not arrive, and what their rsync comes to. before: called when one begins.
    """

    def __init__(self, nodes: Nodes, monkeypatch: pytest.MonkeyPatch) -> None:
        self.nodes = nodes
        self.runs: list[tuple[str, tuple[int, ...]]] = []
        self.ill: dict[int, Pushed] = {}
        self.before: Callable[[], None] | None = None
        monkeypatch.setattr(sweep, "Rsync", lambda host, *_: _Rsync(self, host))

    def groups(self) -> list[tuple[str, tuple[int, ...]]]:
        return [run for run in self.runs if len(run[1]) > 1]


class _Rsync:
    def __init__(self, rsyncs: Rsyncs, host: Host) -> None:
        self._rsyncs = rsyncs
        self._host = host

    def push(
        self, root: str, names: Sequence[str], to: Device, directory: str, *, far: bool
    ) -> Pushed:
        rsyncs = self._rsyncs
        if rsyncs.before is not None:
            rsyncs.before()
        partitions = tuple(dict.fromkeys(int(name.partition("/")[0]) for name in names))
        rsyncs.runs.append((to.device, partitions))
        ill = [rsyncs.ill[number] for number in partitions if number in rsyncs.ill]
        if Pushed.NOTHING in ill:
            return Pushed.NOTHING
        for name in names:
            if int(name.partition("/")[0]) not in rsyncs.ill:
                self._copy(f"{root}/{name}", to, f"{DEVICES}/{to.device}/{directory}/{name}")
        return Pushed.PART if ill else Pushed.ALL

    def _copy(self, source: str, to: Device, target: str) -> None:
        here = self._host.disk
        there = self._rsyncs.nodes.disk(to.id + 1)
        with suppress(FileNotFoundError):
            for name_hash in here.listdir(source):
                there.makedirs(f"{target}/{name_hash}")
                for name in here.listdir(f"{source}/{name_hash}"):
                    tail = f"{name_hash}/{name}"
                    if not there.exists(f"{target}/{tail}"):
                        _copy_file(here, f"{source}/{tail}", there, f"{target}/{tail}")


def _copy_file(here: Disk, source: str, there: Disk, target: str) -> None:
    fd = here.open(source)
    content = here.read(fd, 1 << 24)
    attributes = {name: here.getxattr(fd, name) for name in here.listxattr(fd)}
    here.close(fd)
    fd = there.open(target, os.O_WRONLY | os.O_CREAT)
    there.write(fd, content)
    for name, value in attributes.items():
        there.setxattr(fd, name, value)
    there.close(fd)
