"""Servers of this node that systemd runs: they have no pid file, and are systemctl's to command."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from swiftlite.cli.init.pids import Places
from swiftlite.cli.processes import Process, running
from swiftlite.service.servers import Place


@dataclass(frozen=True, slots=True)
class InUnit:
    """The first process of a unit; the server's workers are its children."""

    server: Place
    pid: int
    unit: str
    conf: Path


def in_units(server: Place, places: Places) -> list[InUnit]:
    confs = {str(conf): conf for conf in places.confs(server)}
    if not confs:
        return []
    found = [one for one in running() if one.unit and one.words[0] == server.command]
    pids = {one.pid for one in found}
    return [
        InUnit(server, one.pid, str(one.unit), confs[conf])
        for one in found
        if one.parent not in pids and (conf := _conf_of(one)) in confs
    ]


def _conf_of(process: Process) -> str:
    return next((word for word in process.words[1:] if word.startswith("/")), "")
