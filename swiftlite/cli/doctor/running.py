"""Checks of what runs: servers answer at their ports, daemons are there and get through."""

from __future__ import annotations

import http.client
import os
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from swiftlite.cli.doctor.finding import Finding
from swiftlite.cli.doctor.node import Node, Server
from swiftlite.cli.init.manager import find_command
from swiftlite.cli.orphans import orphans, pids_in
from swiftlite.cli.processes import Process
from swiftlite.config.units import parse_list
from swiftlite.observe import recon
from swiftlite.service.servers import GROUPS, MAIN, RUN_DIR, Place

_PATIENCE_S = 2.0
_DESCRIPTORS = 4096
_LOG_FREE_BYTES = 64 << 20


def ports(node: Node) -> Iterator[Finding]:
    for server in node.servers:
        if server.address is None:
            continue
        ip, port = server.address
        running = _process_of(node, server)
        start = (
            f"swiftlite-init {server.name} start   (or: systemctl start swiftlite-{server.name})"
        )
        said = _ask(_reachable(ip), port)
        if said is None:
            where = f"{ip}:{port}"
            if running:
                yield Finding(
                    "not-answering",
                    where,
                    f"the {server.name} runs (pid {running}) and does not answer",
                    "Clients and other nodes wait for it in vain.",
                    f"kill -ABRT {running}; see its log; then: {start}",
                )
            else:
                yield Finding(
                    "not-running",
                    where,
                    f"the {server.name} of {server.path} does not run",
                    "What this node has cannot be read or written, and counts as failed."
                    if server.kind != "proxy"
                    else "Clients cannot reach the cluster through this node.",
                    start,
                )
        elif not running:
            yield Finding(
                "port-taken",
                f"{ip}:{port}",
                f"another program listens where the {server.name} of {server.path} ought to",
                "The server cannot start.",
                f"ss -ltnp 'sport = :{port}'; stop that program, then: {start}",
            )
        elif said == 503 and server.kind == "proxy":
            file = server.section("filter:healthcheck").get("disable_path", "its disable_path")
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


def _process_of(node: Node, server: Server) -> int | None:
    for process in node.processes:
        if process.words[0] == f"swiftlite-{server.name}" and _reads(process, server):
            return process.pid
    return None


def _reads(process: Process, server: Server) -> bool:
    """Whether it was started with this conf, by its whole path or from the directory it is in."""
    path = str(server.path)
    return any(
        word == path or path.endswith("/" + word.removeprefix("./")) for word in process.words[1:]
    )


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
            and not _runs(node, name, server)
            and not _is_embedded(node, server)
        ]
        if lacking:
            more = f" and {len(lacking) - 1} more" if len(lacking) > 1 else ""
            yield Finding(
                "daemon-not-running",
                f"{lacking[0].path} [{name}]{more}",
                f"no {name} runs",
                _PURPOSE.get(name.partition("-")[2], "Its work is not done."),
                f"swiftlite-init {name} start   (or: systemctl start swiftlite-{name})",
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


def _runs(node: Node, name: str, server: Server) -> bool:
    return any(
        process.words[0] == f"swiftlite-{name}" and _reads(process, server)
        for process in node.processes
    )


def _is_embedded(node: Node, server: Server) -> bool:
    """A `swiftlite server DIR` starts what its confs name, some of it only now and then."""
    return any(
        process.words[:2] == ("swiftlite", "server")
        and any(os.path.basename(word) in server.path.parts for word in process.words[2:])
        for process in node.processes
    )


def limits(node: Node) -> Iterator[Finding]:
    for process in node.processes:
        if process.words[0].removeprefix("swiftlite-") not in MAIN:
            continue
        with suppress(OSError, ValueError, IndexError):
            lines = Path(node.proc, str(process.pid), "limits").read_text().splitlines()
            line = next(one for one in lines if one.startswith("Max open files"))
            allowed = int(line.split()[3])
            if allowed < _DESCRIPTORS:
                yield Finding(
                    "few-descriptors",
                    f"{process.words[0]} (pid {process.pid})",
                    f"it may open {allowed} files",
                    "Each connection and each object takes some; beyond that clients wait or fail.",
                    f"systemctl edit {process.words[0]}: LimitNOFILE=65536; or ulimit -n 65536 "
                    "before swiftlite-init; then restart it",
                    "warning",
                )
                return


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


def recon_cache(node: Node) -> Iterator[Finding]:
    for path in dict.fromkeys(server.recon_cache for server in node.storage):
        if not node.disk.exists(path):
            yield Finding(
                "no-recon-cache",
                path,
                "there is no such directory",
                "Daemons cannot leave their figures, and swiftlite-recon has nothing to show.",
                f"install -d -o swift -g swift -m 775 {path}",
                "warning",
            )


def drive_errors(node: Node) -> Iterator[Finding]:
    for path in dict.fromkeys(server.recon_cache for server in node.storage):
        with suppress(OSError, ValueError):
            for mount, count in recon.load(node.disk, f"{path}/drive.recon").items():
                if isinstance(count, int) and count and mount != "drive_audit_errors":
                    yield Finding(
                        "drive-errors",
                        mount,
                        f"the kernel has complained {count} times of this disk",
                        "It will fail, or has.",
                        f"smartctl -a <disk>; to replace it: umount {mount}, change the disk, "
                        f"mkfs.xfs, mount {mount}",
                    )


def logs(node: Node) -> Iterator[Finding]:
    folders: dict[str, Server | None] = {"/var/log": None}
    for server in node.servers:
        path = "" if server.conf is None else server.conf.defaults.get("log_file", "")
        if path:
            folders[os.path.dirname(os.path.abspath(path))] = server
    for folder, user in folders.items():
        try:
            found = node.disk.statvfs(folder)
        except OSError:
            if user is not None:
                yield Finding(
                    "log-directory-missing",
                    folder,
                    f"{user.path} logs there, and there is no such directory",
                    "The server cannot start.",
                    f"install -d -o swift -g swift {folder}",
                )
            continue
        if found.f_blocks and found.f_bavail * found.f_frsize < _LOG_FREE_BYTES:
            yield Finding(
                "log-directory-full",
                folder,
                f"its file system has less than {_LOG_FREE_BYTES >> 20} MiB left",
                "What happens now is not written down; and if it is the root file system, little "
                "else works.",
                "journalctl --vacuum-size=500M; logrotate -f /etc/logrotate.conf",
            )


def memcached(node: Node) -> Iterator[Finding]:
    for server in node.servers:
        if server.kind != "proxy":
            continue
        for address in parse_list(server.section("filter:cache").get("memcache_servers", "")):
            host, _, port = address.rpartition(":")
            try:
                number = int(port)
                with socket.create_connection((host.strip("[]"), number), timeout=_PATIENCE_S):
                    pass
            except (OSError, ValueError) as error:
                yield Finding(
                    "memcached-unreachable",
                    address,
                    f"memcached does not answer ({error})",
                    "Proxies ask the databases for what they had remembered, and tokens and rate "
                    "limits are not shared.",
                    f"systemctl start memcached   (on {host}); or correct memcache_servers in "
                    f"{server.path}",
                    "warning",
                )


CHECKS = (
    ports, daemons, limits, left_over, recon_cache, drive_errors, logs, memcached,
)  # fmt: skip
