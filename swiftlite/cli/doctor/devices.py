"""Checks of this node's devices: there, mounted, now and at the next start, the servers' own."""

from __future__ import annotations

import difflib
import errno
import os
import pwd
import shlex
from collections.abc import Iterator
from contextlib import suppress
from stat import S_ISDIR

from swiftlite.cli.doctor import editing
from swiftlite.cli.doctor.finding import Finding
from swiftlite.cli.doctor.machine import group_of, mount_unit, uid_of, user_name
from swiftlite.cli.doctor.node import Node
from swiftlite.cli.doctor.server import Held, Server
from swiftlite.cli.doctor.services import send
from swiftlite.config.load import DEFAULT

USUAL_ROOT = "/srv/node"
REPLACE = "operations/tasks/replace-a-disk.md"
_GONE = "What it holds is short of a copy, and what is written goes to other nodes meanwhile."


def present(node: Node) -> Iterator[Finding]:
    """Devices that the rings give to this node."""
    for held in _each_once(node):
        try:
            is_directory = S_ISDIR(node.disk.stat(held.path).st_mode)
        except OSError as error:
            yield (
                _missing(node, held)
                if error.errno == errno.ENOENT
                else Finding(
                    "device-broken",
                    held.path,
                    f"it cannot be looked at: {error.strerror}",
                    _GONE,
                    f"umount -l {held.path}",
                    page=REPLACE,
                )
            )
            continue
        if held.server.mount_check and is_directory and not is_mount(node, held.path):
            inside = names_in(node, held.path)
            more = f", and there are files in it: {', '.join(inside[:3])}" if inside else ""
            mend, page = _mounting(node, held.path)
            what = f"it is not mounted{more}"
            yield Finding("device-unmounted", held.path, what, _GONE, mend, page=page)


def _missing(node: Node, held: Held) -> Finding:
    elsewhere = _root_with(node, held.device.device)
    if elsewhere is not None and elsewhere != held.server.devices_root:
        server = held.server
        edit = editing.set_option(server.path, server.place_of("devices"), "devices", elsewhere)
        names = node.running_with(held.server)
        return Finding(
            "devices-elsewhere",
            str(held.server.path),
            f"devices = {held.server.devices_root}, and {held.device.device} is in {elsewhere}",
            _GONE,
            f"{edit} && {node.services.restart(*names, conf=held.server.path)}",
        )
    if held.server.mount_check:
        mend, page = _mounting(node, held.path)
    else:
        user = node.user_of(held.server) or "root"
        mend, page = f"install -d -o {user} -g {group_of(user)} {held.path}", ""
    more = "" if page or mend.startswith("install") else f"mkdir -p {held.path} && "
    what = "there is no such directory"
    return Finding("device-missing", held.path, what, _GONE, more + mend, page=page)


def _root_with(node: Node, device: str) -> str | None:
    for root in (USUAL_ROOT, *node.roots):
        if is_mount(node, f"{root}/{device}"):
            return root
    return None


def _mounting(node: Node, path: str) -> tuple[str, str]:
    """A command; and a page, where the disk itself is not to be seen."""
    known = node.machine.fstab.get(path)
    if known is not None and not known.source.startswith("/dev/"):
        return f"mount {path}", ""  # by a label, say
    if known is None and node.machine.mounts_itself(path):
        return f"systemctl start {shlex.quote(mount_unit(path))}", ""
    name = os.path.basename(path)
    sources = [known.source] if known else [f"/dev/disk/by-label/{name}", f"/dev/{name}"]
    for source in sources:
        if node.disk.exists(source):
            return f"mount {path}" if known else f"mount {source} {path}", ""
    return "lsblk --fs", REPLACE


def _each_once(node: Node) -> list[Held]:
    """A device may be in several rings."""
    return list({held.path: held for held in node.held}.values())


def is_mount(node: Node, path: str) -> bool:
    try:
        return node.disk.is_mount(path)
    except OSError:
        return False


def names_in(node: Node, path: str) -> list[str]:
    try:
        return sorted(node.disk.listdir(path))
    except OSError:
        return []


def usable(node: Node) -> Iterator[tuple[str, Server]]:
    for path, server in node.present:
        if not server.mount_check or is_mount(node, path):
            yield path, server


def next_start(node: Node) -> Iterator[Finding]:
    """A device that was mounted by hand is missing after a reboot."""
    for held in _each_once(node):
        mount = node.machine.mounts.get(held.path)
        if mount is None or node.machine.mounts_itself(held.path):
            continue
        line = f"{mount.source} {held.path} {mount.kind} noatime,nofail 0 0"
        yield Finding(
            "not-in-fstab",
            held.path,
            "it is mounted, and nothing mounts it when the machine starts",
            "After the next reboot the node serves without it.",
            f"echo '{line}' >>/etc/fstab && systemctl daemon-reload"
            if node.machine.has_systemd
            else f"echo '{line}' >>/etc/fstab",
            "warning",
        )


def unchecked(node: Node) -> Iterator[Finding]:
    """Devices that are mounts, and a server that would not notice if they were not."""
    for server in node.storage:
        ours = [held.path for held in node.held if held.server is server]
        if server.mount_check or not any(path in node.machine.mounts for path in ours):
            continue
        edit = editing.set_option(
            server.path, server.place_of("mount_check"), "mount_check", "true"
        )
        names = node.running_with(server)
        yield Finding(
            "mounts-unchecked",
            str(server.path),
            "mount_check = false, and its devices are mounted disks",
            "When one drops out, what is written to it fills the root file system instead.",
            f"{edit} && {node.services.renew(*names, conf=server.path)}",
            "warning",
        )


def users(node: Node) -> Iterator[Finding]:
    for server in node.servers:
        if (user := server.option("user", "")) and uid_of(user) is None:
            yield _no_such_user(node, server, user)


def owners(node: Node) -> Iterator[Finding]:
    """The servers' user must be able to write."""
    for path, server in usable(node):
        user = node.user_of(server)
        wanted = uid_of(user)
        inside = [f"{path}/{name}" for name in names_in(node, path) if name != "lost+found"]
        for place in (path, *inside):
            with suppress(OSError):
                owner = node.disk.stat(place).st_uid
                if wanted is not None and owner != wanted:
                    yield Finding(
                        "wrong-owner",
                        place,
                        f"it belongs to {user_name(owner)}, and the servers are {user}",
                        "They cannot write there: requests for it are answered 507 or 500.",
                        f"chown -R {user}: {path}",
                    )
                    break


def _no_such_user(node: Node, server: Server, user: str) -> Finding:
    known = [entry.pw_name for entry in pwd.getpwall()]
    meant = difflib.get_close_matches(user, known, n=1)
    if meant:
        edit = editing.set_option(server.path, DEFAULT, "user", meant[0])
        mend = f"{edit} && {node.services.restart(server.name, conf=server.path)}"
    else:
        mend = f"useradd --system --home-dir /var/lib/swift --shell /usr/sbin/nologin {user}"
    return Finding(
        "no-such-user",
        str(server.path),
        f"user = {user}, and this machine has no such user",
        "The server cannot start.",
        mend,
    )


def of_nobody(node: Node) -> Iterator[Finding]:
    """Mounted below a root, and in no ring: usually a disk that was never added."""
    known = {held.path: held for held in node.held}
    for path, server in node.present if known else ():
        if not server.mount_check or path in known or not is_mount(node, path):
            continue
        yield Finding(
            "device-in-no-ring",
            path,
            "it is mounted, and no ring names it",
            "Its room is not used; what may be left on it is not served.",
            _adding(node, path, server) or f"umount {path} && rmdir {path}",
            "warning",
        )


def _adding(node: Node, path: str, server: Server) -> str | None:
    """As its neighbours stand in the ring. None away from the builders."""
    builder = f"{node.swift_dir}/{server.kind}.builder"
    like = next((held.device for held in node.held if held.server is server), None)
    if like is None or not os.path.exists(builder):
        return None
    where = f"r{like.region}z{like.zone}-{like.ip}:{like.port}/{os.path.basename(path)}"
    ring = f"{node.swift_dir}/{server.kind}.ring.gz"
    made = (
        f"swiftlite-ring-builder {builder} add {where} {like.weight:g}; "
        f"swiftlite-ring-builder {builder} rebalance"
    )
    return f"{made}; {send(node.peers, ring)}" if node.peers else made


CHECKS = (present, next_start, unchecked, users, owners, of_nobody)
