"""The processes of one server, found by its pid files; files that lie are removed on the way."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from swiftlite.cli.init.telling import Telling
from swiftlite.cli.processes import is_running
from swiftlite.service.servers import Place


@dataclass(frozen=True, slots=True)
class Places:
    """Where this node keeps confs and pid files. number: only the N-th conf, from 1; 0: all."""

    swift_dir: str
    run_dir: str
    number: int = 0
    verbose: bool = False

    def confs(self, server: Place) -> list[Path]:
        found = server.conf_files(self.swift_dir)
        if not self.number:
            return found
        return found[self.number - 1 : self.number]

    def pid_files(self, server: Place) -> list[Path]:
        found = server.pid_files(self.run_dir)
        if not self.number:
            return found
        wanted = {
            server.pid_file(conf, self.swift_dir, self.run_dir) for conf in self.confs(server)
        }
        return [path for path in found if path in wanted]


@dataclass(frozen=True, slots=True)
class Running:
    """One process that a pid file truly names."""

    server: Place
    pid: int
    pid_file: Path
    conf: Path

    @property
    def alive(self) -> bool:
        reap(self.pid)
        return is_running(self.pid, self.server.command)


def reap(pid: int) -> None:
    """If it is a child of ours that has ended, let it go from the process list."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def running(server: Place, places: Places, tell: Telling) -> list[Running]:
    return list(_running(server, places, tell))


def _running(server: Place, places: Places, tell: Telling) -> Iterator[Running]:
    for path in places.pid_files(server):
        try:
            text = path.read_text().strip()
        except OSError:
            continue
        if not text.isdigit() or int(text) == 0:
            tell(f"Removing pid file {path} with invalid pid", "removed", pid_file=path)
            path.unlink(missing_ok=True)
            continue
        found = Running(
            server, int(text), path, server.conf_of(path, places.swift_dir, places.run_dir)
        )
        if found.alive:
            yield found
            continue
        if places.verbose:
            tell(f"Removing stale pid file {path}", "removed", pid_file=path)
        path.unlink(missing_ok=True)


def send(found: Running, number: signal.Signals, tell: Telling) -> bool:
    """False when it has gone, or is another user's."""
    tell_signal(found, number, tell)
    try:
        os.kill(found.pid, number)
    except ProcessLookupError:
        return False
    except PermissionError:
        tell(
            f"No permission to signal PID {found.pid}",
            "refused",
            server=found.server.name,
            pid=found.pid,
        )
        return False
    return True


def tell_signal(found: Running, number: signal.Signals, tell: Telling) -> None:
    tell(
        f"Signal {found.server.name}  pid: {found.pid}  signal: {number.value}",
        "signalled",
        server=found.server.name,
        pid=found.pid,
        signal=number.name,
    )
