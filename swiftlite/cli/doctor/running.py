"""Checks of what runs: servers answer at their ports, daemons are there, now and after a reboot."""

from __future__ import annotations

import http.client
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from swiftlite.cli.doctor.finding import Finding
from swiftlite.cli.doctor.node import Node
from swiftlite.cli.doctor.server import Server
from swiftlite.cli.init.manager import find_command
from swiftlite.cli.orphans import orphans, pids_in
from swiftlite.service.servers import GROUPS, RUN_DIR, Place

_PATIENCE_S = 2.0
_DESCRIPTORS = 4096


def ports(node: Node) -> Iterator[Finding]:
    counts = Counter(server.address for server in node.servers)
    for server in node.servers:
        if server.address is None:
            continue
        ip, port = server.address
        process = node.process_of(server)
        said = _ask(_reachable(ip), port)
        if said is None and process is not None:
            yield Finding(
                "not-answering",
                f"{ip}:{port}",
                f"the {server.name} runs (pid {process.pid}) and does not answer",
                "Clients and other nodes wait for it in vain.",
                node.services.restart(server.name, conf=server.path),
            )
        elif said is None:
            yield Finding(
                "not-running",
                f"{ip}:{port}",
                f"the {server.name} of {server.path} does not run",
                "What this node has cannot be read or written, and counts as failed."
                if server.kind != "proxy"
                else "Clients cannot reach the cluster through this node.",
                node.services.start(server.name, conf=server.path),
            )
        elif process is None and counts[server.address] == 1:
            yield _taken(node, server, port)
        elif said == 503 and server.kind == "proxy":
            yield from _switched_off(server)


def _taken(node: Node, server: Server, port: int) -> Finding:
    start = node.services.start(server.name, conf=server.path)
    found = node.machine.listener(port)
    if found is None:
        who, mend = "another program", f"ss -ltnp 'sport = :{port}'"
    else:
        who = f"{found.title or 'a program'} (pid {found.pid})"
        stop = f"systemctl disable --now {found.unit}" if found.unit else f"kill {found.pid}"
        mend = f"{stop} && {start}"
    return Finding(
        "port-taken",
        f"{(server.address or ('', 0))[0]}:{port}",
        f"{who} listens where the {server.name} of {server.path} ought to",
        "The server cannot start.",
        mend,
        page="" if found else "operations/processes.md",
    )


def _switched_off(server: Server) -> Iterator[Finding]:
    file = server.section("filter:healthcheck").get("disable_path", "")
    if file:
        ip, port = server.address or ("", 0)
        yield Finding(
            "proxy-disabled",
            f"{ip}:{port}",
            f"/healthcheck says 503, because {file} exists",
            "Load balancers send no client here; forgotten after maintenance, perhaps.",
            f"rm {file}",
            "warning",
        )


def _reachable(ip: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(ip, ip)


def _ask(ip: str, port: int) -> int | None:
    """The status of /healthcheck; None when nobody speaks HTTP there."""
    connection = http.client.HTTPConnection(ip, port, timeout=_PATIENCE_S)
    try:
        connection.request("GET", "/healthcheck")
        return connection.getresponse().status
    except TimeoutError:
        return None
    except http.client.HTTPException:
        return 0  # somebody, who speaks something else
    except OSError:
        return None
    finally:
        connection.close()


def daemons(node: Node) -> Iterator[Finding]:
    """A daemon whose section is in a conf ought to run with that conf."""
    for name in GROUPS["rest"]:
        place = Place(name)
        if find_command(place) is None:
            continue
        lacking = [
            server
            for server in node.storage
            if server.kind == place.kind
            and server.conf is not None
            and name in server.conf.sections
            and node.process_of(server, name) is None
            and not _is_embedded(node, server)
        ]
        for server in lacking:
            yield Finding(
                "daemon-not-running",
                f"{server.path} [{name}]",
                f"no {name} runs",
                _PURPOSE.get(name.partition("-")[2], "Its work is not done."),
                node.services.start(name, conf=server.path),
            )


_PURPOSE = {
    "replicator": "Copies that are lost or missed are not made again.",
    "auditor": "Damage on disk stays unnoticed until somebody reads it.",
    "updater": "Listings and counts stay behind.",
    "expirer": "Objects that have expired keep their room.",
    "reaper": "Deleted accounts keep their room.",
    "sync": "Containers are not synchronised with other clusters.",
    "sharder": "Large containers are not divided.",
    "reconstructor": "Fragments that are lost are not made again.",
    "reconciler": "Objects in the wrong policy stay there.",
}


def _is_embedded(node: Node, server: Server) -> bool:
    """A `swiftlite server DIR` starts what its confs name, some of it only now and then."""
    return any(
        process.words[:2] == ("swiftlite", "server")
        and any(os.path.basename(word) in server.path.parts for word in process.words[2:])
        for process in node.processes
    )


def next_start(node: Node) -> Iterator[Finding]:
    """A server that was started by hand is not there after a reboot."""
    for server in node.servers:
        process = node.process_of(server)
        if process is None or not process.unit or node.machine.is_enabled(process.unit):
            continue
        unit = process.unit.removesuffix(".service")
        yield Finding(
            "not-enabled",
            unit,
            f"the {server.name} runs, and nothing starts it with the machine",
            "After the next reboot the node serves without it.",
            f"systemctl enable {unit} swiftlite-{server.kind}.target swiftlite.target",
            "warning",
        )


def limits(node: Node) -> Iterator[Finding]:
    for server in node.servers:
        process = node.process_of(server)
        allowed = None if process is None else _may_open(node, process.pid)
        if process is None or allowed is None or allowed >= _DESCRIPTORS:
            continue
        restart = node.services.restart(server.name, conf=server.path)
        if process.unit:
            folder = f"/etc/systemd/system/{process.unit}.d"
            mend = (
                f"mkdir -p {folder} && printf '[Service]\\nLimitNOFILE=65536\\n' "
                f">{folder}/zz-files.conf && systemctl daemon-reload && {restart}"
            )
        else:
            mend = f"(ulimit -n 65536 && {restart})"
        yield Finding(
            "few-descriptors",
            f"{process.words[0]} (pid {process.pid})",
            f"it may open {allowed} files",
            "Each connection and each object takes some; beyond that clients wait or fail.",
            mend,
            "warning",
        )


def _may_open(node: Node, pid: int) -> int | None:
    with suppress(OSError, ValueError, IndexError, StopIteration):
        lines = Path(node.machine.proc, str(pid), "limits").read_text().splitlines()
        line = next(one for one in lines if one.startswith("Max open files"))
        return int(line.split()[3])
    return None


def left_over(node: Node) -> Iterator[Finding]:
    found = [one for one in orphans(node.processes, pids_in(Path(RUN_DIR))) if one.hours >= 24]
    if found:
        yield Finding(
            "orphans",
            f"{len(found)} processes",
            f"nobody answers for {found[0].title} (pid {found[0].pid}), {found[0].hours} h old",
            "They hold memory, and old code serves old connections or works on the disks.",
            "swiftlite-orphans -a 24 -k TERM",
            "warning",
        )


CHECKS = (ports, daemons, next_start, limits, left_over)
