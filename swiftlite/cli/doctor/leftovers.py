"""Checks of what lies on devices and waits for somebody: container updates, damaged things."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from swiftlite.cli.doctor.devices import REPLACE, names_in, usable
from swiftlite.cli.doctor.finding import Finding
from swiftlite.cli.doctor.node import Node
from swiftlite.formats.ondisk_names import ASYNC_PENDING, QUARANTINED, parse_policy_dir

_OLD_PENDING_S = 3600.0
_MANY_PENDINGS = 1000


def pendings(node: Node) -> Iterator[Finding]:
    """Updates that container servers have missed."""
    for path, server in usable(node):
        if server.kind != "object":
            continue
        for name in names_in(node, path):
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
                    node.services.restart("object-updater", conf=server.path),
                    "warning",
                )


def _count(node: Node, folder: str) -> tuple[int, float]:
    count, oldest = 0, node.now()
    for suffix in names_in(node, folder):
        for name in names_in(node, f"{folder}/{suffix}"):
            count += 1
            with suppress(OSError):
                oldest = min(oldest, node.disk.stat(f"{folder}/{suffix}/{name}").st_mtime)
    return count, oldest


def quarantines(node: Node) -> Iterator[Finding]:
    for path, server in usable(node):
        fails = node.drive_errors(server).get(path, 0) > 0
        for kind in names_in(node, f"{path}/{QUARANTINED}"):
            folder = f"{path}/{QUARANTINED}/{kind}"
            if count := len(names_in(node, folder)):
                yield Finding(
                    "quarantined",
                    folder,
                    f"{count} damaged {kind.partition('-')[0]} were set aside",
                    "Other nodes have sound copies and send them; but a disk that damages files "
                    "goes on doing so, and the kernel has complained of this one."
                    if fails
                    else "Other nodes have sound copies and send them. The kernel has not "
                    "complained of the disk; if there are more next time, replace it.",
                    f"smartctl -a {node.source_of(path)}" if fails else f"rm -r {folder}",
                    "warning",
                    REPLACE if fails else "",
                )


CHECKS = (pendings, quarantines)
