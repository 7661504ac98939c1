"""Which servers a cluster has: by its rings, and no more of them than their devices.

swift.conf is looked at for the policies' numbers alone, and read as a whole only where a policy is
asked for by name: checking every option of it would cost as much as half a reconnaissance.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Any

from swiftlite.formats.ring_parts import RingFileUnreadable, devices
from swiftlite.vocab.errors import SwiftliteError

_POLICY = re.compile(r"^\[storage-policy:(\d+)\]", re.MULTILINE)


class NoSuchPlace(SwiftliteError):
    """A sentence for the operator: which file, and what is wrong with it."""


def servers(
    kind: str, swift_dir: str, *, policy: str | None, region: int | None, zone: int | None
) -> list[tuple[str, int]]:
    """Addresses of the servers of a kind that are asked for, each once. Raises SwiftliteError."""
    found = {
        (str(device["ip"]), int(device["port"]))
        for name in _ring_names(kind, swift_dir, policy)
        for device in _devices(os.path.join(swift_dir, f"{name}.ring.gz"))
        if region in (None, device.get("region", 1)) and zone in (None, device["zone"])
    }
    return sorted(found)


def _ring_names(kind: str, swift_dir: str, policy: str | None) -> list[str]:
    if kind != "object":
        return [kind]
    if policy:
        return [_ring_of(policy, swift_dir)]
    path = os.path.join(swift_dir, "swift.conf")
    numbers = {int(number) for number in _POLICY.findall(_content(path).decode("latin-1"))}
    return [f"object-{number}" if number else "object" for number in sorted(numbers or {0})]


def _ring_of(policy: str, swift_dir: str) -> str:
    from swiftlite.cluster import conf as cluster_conf

    policies = cluster_conf.load(swift_dir).policies
    found = policies.get(int(policy)) if policy.isdigit() else None
    found = found or policies.by_name(policy)
    if found is None:
        raise NoSuchPlace(f"no storage policy is called {policy}.")
    return found.ring_name


def _devices(path: str) -> Iterator[dict[str, Any]]:
    try:
        found = devices(_content(path))
    except RingFileUnreadable as error:
        raise NoSuchPlace(f"{path}: {error}.") from None
    return (device for device in found if device is not None)


def _content(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise NoSuchPlace(f"{path} cannot be read: {error.strerror}.") from None
