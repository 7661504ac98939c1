"""Checks of this node's devices: there, mounted, writable, not full, able to keep attributes."""

from __future__ import annotations

import errno
import os
import pwd
from collections.abc import Iterator
from contextlib import suppress
from stat import S_ISDIR

from swiftlite.cli.doctor.finding import Finding
from swiftlite.cli.doctor.node import Held, Node, Server
from swiftlite.config.units import Reserve, parse_reserve
from swiftlite.formats.ondisk_names import ASYNC_PENDING, QUARANTINED, parse_policy_dir

FULL_PERCENT = 90
_ATTRIBUTE_BYTES = 6 << 10  # metadata at Swift's limits, with what the servers add
_OLD_PENDING_S = 3600.0
_MANY_PENDINGS = 1000
_NO_ROOM = (errno.ENOSPC, errno.E2BIG, errno.ERANGE)


def present(node: Node) -> Iterator[Finding]:
    """Devices that the rings give to this node."""
    for held in _each_once(node):
        fix = f"mount {held.path}   (see /etc/fstab; for a new disk: mkfs.xfs, then chown)"
        gone = (
            "What it holds is short of a copy, and what is written goes to other nodes meanwhile."
        )
        try:
            is_directory = S_ISDIR(node.disk.stat(held.path).st_mode)
        except OSError as error:
            why = "there is no such directory" if error.errno == errno.ENOENT else str(error)
            yield Finding("device-missing", held.path, why, gone, f"mkdir -p {held.path} && {fix}")
            continue
        if held.server.mount_check and is_directory and not _is_mount(node, held.path):
            inside = _names(node, held.path)
            more = f", and there are files in it: {', '.join(inside[:3])}" if inside else ""
            yield Finding("device-unmounted", held.path, f"it is not mounted{more}", gone, fix)


def _each_once(node: Node) -> list[Held]:
    """A device may be in several rings."""
    return list({held.path: held for held in node.held}.values())


def _is_mount(node: Node, path: str) -> bool:
    try:
        return node.disk.is_mount(path)
    except OSError:
        return False


def _usable(node: Node) -> Iterator[tuple[str, Server]]:
    for path, server in node.present:
        if not server.mount_check or _is_mount(node, path):
            yield path, server


def owners(node: Node) -> Iterator[Finding]:
    """The servers' user must be able to write."""
    for path, server in _usable(node):
        user = server.option("user", "")
        try:
            wanted = pwd.getpwnam(user).pw_uid if user else None
        except KeyError:
            yield Finding(
                "no-such-user",
                str(server.path),
                f"user = {user}, and this machine has no such user",
                "The server cannot start.",
                f"useradd --system --home-dir /var/lib/swift --shell /usr/sbin/nologin {user}",
            )
            return
        for place in (path, *(f"{path}/{name}" for name in _kept_in(node, path))):
            with suppress(OSError):
                owner = node.disk.stat(place).st_uid
                if wanted is not None and owner != wanted:
                    yield Finding(
                        "wrong-owner",
                        place,
                        f"it belongs to {_user_name(owner)}, and the servers are {user}",
                        "They cannot write there: requests for it are answered 507 or 500.",
                        f"chown -R {user}:{user} {place}",
                    )
                    break


def _kept_in(node: Node, path: str) -> list[str]:
    return [name for name in _names(node, path) if name != "lost+found"]


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def read_only(node: Node) -> Iterator[Finding]:
    for path, _ in _usable(node):
        with suppress(OSError):
            if node.disk.statvfs(path).f_flag & os.ST_RDONLY:
                yield Finding(
                    "read-only",
                    path,
                    "it is mounted read-only, as the kernel does after errors",
                    "Nothing can be written, repaired or deleted there.",
                    f"dmesg | grep -i error; then umount {path}, xfs_repair the disk or replace "
                    "it, and mount it again",
                )


def room(node: Node) -> Iterator[Finding]:
    seen = set()
    for path, server in _usable(node):
        try:
            found = node.disk.statvfs(path)
        except OSError:
            continue
        if not found.f_blocks or found.f_fsid in seen:
            continue  # folders of one file system count once
        seen.add(found.f_fsid or path)
        total, free = found.f_blocks * found.f_frsize, found.f_bavail * found.f_frsize
        used = 100 * (1 - free / total)
        reserve = _reserve(server.option("fallocate_reserve", "1%")).of(total)
        if free <= reserve:
            yield Finding(
                "device-full",
                path,
                f"it is full ({used:.0f}%)",
                "New objects for it go to handoffs; container and account updates fail.",
                "add devices, or lower its weight: swiftlite-ring-builder "
                f"{node.swift_dir}/object.builder set_weight {os.path.basename(path)} <less>",
            )
        elif used >= FULL_PERCENT:
            yield Finding(
                "device-filling",
                path,
                f"it is {used:.0f}% full",
                "Once it is full its objects go to handoffs, and replication has no room to work.",
                "add devices, or lower its weight: swiftlite-ring-builder "
                f"{node.swift_dir}/object.builder set_weight {os.path.basename(path)} <less>",
                "warning",
            )
        if found.f_files and found.f_favail < found.f_files // 50:
            yield Finding(
                "inodes-out",
                path,
                "it is out of inodes, nearly",
                "Every object needs some; PUTs fail with 507 though bytes are free.",
                "a file system with more inodes (XFS makes them as needed), or fewer objects",
            )


def _reserve(text: str) -> Reserve:
    try:
        return parse_reserve(text)
    except ValueError:
        return Reserve(percent=1.0)


def attributes(node: Node) -> Iterator[Finding]:
    """Metadata is kept in extended attributes; tried with a file that never gets a name."""
    for path, server in _usable(node):
        if server.kind != "object":
            continue
        try:
            descriptor = node.disk.open_unnamed(path)
        except OSError:
            continue  # read-only, not ours, or full: other checks say so
        try:
            node.disk.setxattr(descriptor, "user.swiftlite.doctor", b"x")
            if server.mount_check:
                node.disk.setxattr(descriptor, "user.swiftlite.doctor", b"x" * _ATTRIBUTE_BYTES)
        except OSError as error:
            if error.errno in _NO_ROOM:
                yield Finding(
                    "attributes-small",
                    path,
                    f"its file system has no room for {_ATTRIBUTE_BYTES >> 10} KiB of attributes",
                    "Objects with as much metadata as the cluster allows are refused (507).",
                    "make it XFS when the disk is next replaced: mkfs.xfs <disk>",
                    "warning",
                )
            else:
                yield Finding(
                    "attributes-none",
                    path,
                    f"its file system keeps no extended attributes: {error.strerror}",
                    "No object can be stored there: metadata has no other place.",
                    "mkfs.xfs <disk>, or mount it with user_xattr",
                )
        finally:
            node.disk.close(descriptor)


def pendings(node: Node) -> Iterator[Finding]:
    """Updates that container servers have missed."""
    for path, server in _usable(node):
        if server.kind != "object":
            continue
        for name in _names(node, path):
            parsed = parse_policy_dir(name)
            if parsed is None or parsed[0] != ASYNC_PENDING:
                continue
            count, oldest = _count(node, f"{path}/{name}")
            age = node.now() - oldest
            if count > _MANY_PENDINGS or (count and age > _OLD_PENDING_S):
                yield Finding(
                    "async-pendings",
                    f"{path}/{name}",
                    f"{count} container updates wait, the oldest for {age / 3600:.1f} h",
                    "Listings and counts lack these objects until they are delivered.",
                    "swiftlite-init object-updater start; see its log, and that the container "
                    "servers answer",
                    "warning",
                )


def _count(node: Node, folder: str) -> tuple[int, float]:
    count, oldest = 0, node.now()
    for suffix in _names(node, folder):
        for name in _names(node, f"{folder}/{suffix}"):
            count += 1
            with suppress(OSError):
                oldest = min(oldest, node.disk.stat(f"{folder}/{suffix}/{name}").st_mtime)
    return count, oldest


def quarantines(node: Node) -> Iterator[Finding]:
    for path, _ in _usable(node):
        for kind in _names(node, f"{path}/{QUARANTINED}"):
            count = len(_names(node, f"{path}/{QUARANTINED}/{kind}"))
            if count:
                yield Finding(
                    "quarantined",
                    f"{path}/{QUARANTINED}/{kind}",
                    f"{count} damaged {kind.partition('-')[0]} were set aside",
                    "Other nodes have sound copies and send them; but a disk that damages files "
                    "will go on doing so.",
                    f"smartctl -a <disk>; replace it if it is failing, else: rm -r "
                    f"{path}/{QUARANTINED}/{kind}",
                    "warning",
                )


def _names(node: Node, path: str) -> list[str]:
    try:
        return sorted(node.disk.listdir(path))
    except OSError:
        return []


def handoffs_of_nobody(node: Node) -> Iterator[Finding]:
    """Mounted below a root, and in no ring: usually a disk that was never added."""
    known = {held.path for held in node.held}
    if not known:
        return
    for path, server in node.present:
        if server.mount_check and path not in known and _is_mount(node, path):
            yield Finding(
                "device-in-no-ring",
                path,
                "it is mounted, and no ring names it",
                "Its room is not used; what may be left on it is not served.",
                f"swiftlite-ring-builder {node.swift_dir}/object.builder add "
                f"r1z1-<address>:<port>/{os.path.basename(path)} <weight>, or umount {path}",
                "warning",
            )


CHECKS = (
    present, owners, read_only, room, attributes, pendings, quarantines, handoffs_of_nobody,
)  # fmt: skip
