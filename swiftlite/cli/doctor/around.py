"""Checks of what servers and daemons lean on: recon caches, logs, memcached."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import suppress

from swiftlite.cli.doctor.devices import REPLACE
from swiftlite.cli.doctor.finding import Finding
from swiftlite.cli.doctor.machine import group_of, user_name
from swiftlite.cli.doctor.node import Node
from swiftlite.cli.doctor.server import Server
from swiftlite.cli.doctor.services import Services, on
from swiftlite.cluster.local_devices import is_own_address
from swiftlite.config.units import parse_list

PATIENCE_S = 2.0
CRON_SILENT_S = 3600.0
_LOG_FREE_BYTES = 64 << 20


def recon_cache(node: Node) -> Iterator[Finding]:
    for path, server in {server.recon_cache: server for server in node.storage}.items():
        user = node.user_of(server)
        if not node.disk.exists(path):
            owner = user or "swift"
            yield Finding(
                "no-recon-cache",
                path,
                "there is no such directory",
                "Daemons cannot leave their figures, and swiftlite-recon has nothing to show.",
                f"install -d -o {owner} -g {group_of(owner)} -m 775 {path}",
                "warning",
            )
            continue
        inside = [f"{path}/{name}" for name in node.disk.listdir(path) if ".recon" in name]
        for place in (path, *sorted(inside)):
            owner = _owner(node, place)
            if user and owner not in ("", user) and user != "root":
                yield Finding(
                    "recon-cache-unwritable",
                    place,
                    f"it belongs to {owner}, and the daemons are {user}",
                    "Figures stay as they are: alerts and this command do not see what happens.",
                    f"chown -R {user}: {path}",
                    "warning",
                )
                break


def _owner(node: Node, path: str) -> str:
    with suppress(OSError):
        return user_name(node.disk.stat(path).st_uid)
    return ""


def recon_cron(node: Node) -> Iterator[Finding]:
    for server, told in node.recon("object"):
        last = told.get("async_pending_last")
        if isinstance(last, int | float) and node.now() - last > CRON_SILENT_S:
            yield Finding(
                "recon-cron-silent",
                f"{server.recon_cache}/object.recon",
                f"async pendings were counted {(node.now() - last) / 3600:.0f} h ago",
                "How many wait now is not known.",
                count_again(node.services, str(server.path)),
                "warning",
            )


def count_again(services: Services, conf: str) -> str:
    if services.by_systemd:
        unit = "swiftlite-recon-cron"
        return f"systemctl enable --now {unit}.timer && systemctl start {unit}.service"
    return f"(crontab -l; echo '*/5 * * * * swiftlite-recon-cron {conf}') | crontab -"


def drive_errors(node: Node) -> Iterator[Finding]:
    for server in {server.recon_cache: server for server in node.storage}.values():
        for mount, count in node.drive_errors(server).items():
            yield Finding(
                "drive-errors",
                mount,
                f"the kernel has complained {count} times of this disk",
                "It will fail, or has.",
                f"smartctl -a {node.source_of(mount)}",
                page=REPLACE,
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
                owner = node.user_of(user) or "swift"
                yield Finding(
                    "log-directory-missing",
                    folder,
                    f"{user.path} logs there, and there is no such directory",
                    "The server cannot start.",
                    f"install -d -o {owner} -g {group_of(owner)} {folder}",
                )
            continue
        if found.f_blocks and found.f_bavail * found.f_frsize < _LOG_FREE_BYTES:
            yield Finding(
                "log-directory-full",
                folder,
                f"its file system has less than {_LOG_FREE_BYTES >> 20} MiB left",
                "What happens now is not written down; and if it is the root file system, little "
                "else works.",
                f"du -xah {folder} | sort -h | tail",
                page="operations/processes.md",
            )


def memcached(node: Node) -> Iterator[Finding]:
    for server in node.servers:
        if server.kind != "proxy":
            continue
        for address in parse_list(server.section("filter:cache").get("memcache_servers", "")):
            host, _, port = address.rpartition(":")
            ip = host.strip("[]")
            try:
                with socket.create_connection((ip, int(port)), timeout=PATIENCE_S):
                    pass
            except (OSError, ValueError) as error:
                start = "systemctl enable --now memcached"
                yield Finding(
                    "memcached-unreachable",
                    address,
                    f"memcached does not answer ({error})",
                    "Proxies ask the databases for what they had remembered, and tokens and rate "
                    "limits are not shared.",
                    start if is_own_address(ip) else on(ip, start),
                    "warning",
                )


CHECKS = (recon_cache, recon_cron, drive_errors, logs, memcached)
