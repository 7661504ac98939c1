#!/usr/bin/env python3
"""Writes etc/systemd from the table of servers: a service for each, a template for numbered confs,
targets for each kind, and timers for what runs now and then.

    tools/render_units.py          write what has changed
    tools/render_units.py --check  write nothing; exit 1 if something is stale
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from swiftlite.service.servers import GROUPS, Place
from tools.render_commands import commands, write_all

FOLDER = Path("etc", "systemd")
KINDS = ("proxy", "account", "container", "object")
HARDENING = """\
# What it never needs. /srv and /var stay as they are: disks are mounted and unmounted below them.
NoNewPrivileges=yes
CapabilityBoundingSet=
ProtectSystem=full
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
"""
SERVICE = """\
[Unit]
Description={description}
Documentation=man:{command}(1)
After=network-online.target local-fs.target time-sync.target
Wants=network-online.target
PartOf={target}
ConditionPathExists={conf}
# However often it fails, it is tried again: a disk may come back at any time.
StartLimitIntervalSec=0

[Service]
Type=notify
User=swift
Group=swift
ExecStart=/usr/bin/{command} {conf}
{reload}KillMode=mixed
Restart=on-failure
RestartSec=2
TimeoutStartSec=120
TimeoutStopSec=60
WatchdogSec=60
LimitNOFILE=65536
UMask=0022
RuntimeDirectory=swift
RuntimeDirectoryPreserve=yes
CacheDirectory=swift
LogsDirectory=swift
{hardening}
[Install]
WantedBy={target}
"""
RELOAD = "ExecReload=/usr/bin/swiftlite-reload $MAINPID\n"
TARGET = """\
[Unit]
Description={description}
{part_of}
[Install]
WantedBy={wanted_by}
"""
NOW_AND_THEN = """\
[Unit]
Description={description}
Documentation=man:{command}(1)
After=local-fs.target
ConditionPathExists={conf}

[Service]
Type=oneshot
User={user}
ExecStart=/usr/bin/{command} {conf}
Nice=10
UMask=0022
"""
TIMER = """\
[Unit]
Description={description}, now and then
{part_of}
[Timer]
OnCalendar={calendar}
RandomizedDelaySec=30
Persistent=no

[Install]
WantedBy={wanted_by}
"""


@dataclass(frozen=True)
class Chore:
    """Something that a timer starts."""

    command: str
    description: str
    conf: str
    user: str
    calendar: str
    wanted_by: str

    @property
    def part_of(self) -> str:
        """Nothing, or a line: what belongs to a target of ours stops with it."""
        return f"PartOf={self.wanted_by}\n" if self.wanted_by.startswith("swiftlite") else ""


CHORES = (
    Chore(
        "swiftlite-drive-audit",
        "swiftlite drive audit: unmounts disks that the kernel complains of",
        "/etc/swift/drive-audit.conf",
        "root",
        "hourly",
        "timers.target",
    ),
    Chore(
        "swiftlite-recon-cron",
        "swiftlite recon cron: counts async pendings",
        "/etc/swift/object-server.conf",
        "swift",
        "*:0/5",
        "swiftlite-object.target",
    ),
)


def services() -> dict[Path, str]:
    """A unit for the server's one conf, and a template for its numbered confs."""
    found = {}
    for name in GROUPS["all"]:
        server = Place(name)
        if server.command not in commands():
            continue
        title = f"swiftlite {name.replace('-', ' ')}"
        for suffix, conf, description in (
            ("", f"/etc/swift/{server.conf_stem}.conf", title),
            ("@", f"/etc/swift/{server.conf_stem}/%i.conf", f"{title}, conf %i"),
        ):
            found[FOLDER / f"{server.command}{suffix}.service"] = SERVICE.format(
                description=description,
                command=server.command,
                conf=conf,
                target=f"swiftlite-{server.kind}.target",
                reload=RELOAD if server.is_main else "",
                hardening=HARDENING,
            )
    return found


def targets() -> dict[Path, str]:
    found = {
        FOLDER / "swiftlite.target": TARGET.format(
            description="Every swiftlite server and daemon of this node",
            part_of="",
            wanted_by="multi-user.target",
        )
    }
    for kind in KINDS:
        daemons = "server" if kind == "proxy" else "servers and daemons"
        found[FOLDER / f"swiftlite-{kind}.target"] = TARGET.format(
            description=f"The swiftlite {kind} {daemons} of this node",
            part_of="PartOf=swiftlite.target\n",
            wanted_by="swiftlite.target",
        )
    return found


def chores() -> dict[Path, str]:
    found = {}
    for chore in CHORES:
        if chore.command not in commands():
            continue
        told = {**vars(chore), "part_of": chore.part_of}
        found[FOLDER / f"{chore.command}.service"] = NOW_AND_THEN.format(**told)
        found[FOLDER / f"{chore.command}.timer"] = TIMER.format(**told)
    return found


def rendered() -> dict[Path, str]:
    """All generated files, by path within the repository."""
    return {**services(), **targets(), **chores()}


if __name__ == "__main__":
    sys.exit(write_all(rendered(), sys.argv[1:]))
