"""The words of the object store: its settings, what a look can find, and what can go wrong.

Every operation here is blocking style over a host; those that may stall on a disk run as one job
on the device's threads (`host.tasks.offload`), so that callers on an event loop need not know.
A blameless outcome is a value (`Absent`); an error says by its type who must act.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from swiftlite.config.units import Reserve
from swiftlite.vocab.errors import SwiftliteError
from swiftlite.vocab.timestamp import ZERO, Timestamp

Metadata = dict[str, str]
"""Header names in Title-Case to values, as text; `name` is the path `/a/c/o`."""

BLOCK_BYTES = 1 << 20
"""How much of a body is moved at a time. A body that fits in one block costs one disk job."""
SMALL_BYTES = 1 << 16
"""Bodies up to this are read and verified whole, and travel with the head of the answer."""


class StoreError(SwiftliteError):
    """What every error of this room derives from."""


class DeviceUnavailable(StoreError):
    """The device is not mounted, or fails on every try; ask another node (507)."""

    def __init__(self, device: str, reason: str = "not mounted") -> None:
        super().__init__(f"device {device}: {reason}")
        self.device = device
        self.reason = reason


class NoSpace(StoreError):
    """The device is full, or has only its reserve left (507)."""


class XattrsUnsupported(StoreError):
    """The file system keeps no extended attributes, or no room for these; an operator's (507)."""


class Collision(StoreError):
    """Another name has the same hash; stored and asked are the two (403)."""

    def __init__(self, stored: str, asked: str) -> None:
        super().__init__(f"the hash dir of {asked!r} holds {stored!r}")
        self.stored = stored
        self.asked = asked


class Superseded(StoreError):
    """Something as new or newer is there already; nothing was written (409)."""

    def __init__(self, timestamp: Timestamp) -> None:
        super().__init__(f"stored already: {timestamp.internal}")
        self.timestamp = timestamp


class Unsettled(StoreError):
    """The files changed under every one of several looks, or a lock was held too long (503)."""


class Garbled(StoreError):
    """What arrived is not what its sender has summed up; nothing was written (422)."""


class Damaged(StoreError):
    """Bytes read are not the bytes that were written. The hash dir has been quarantined."""


class Presence(Enum):
    """Why an object cannot be read."""

    MISSING = "missing"
    DELETED = "deleted"
    EXPIRED = "expired"
    QUARANTINED = "quarantined"


@dataclass(frozen=True, slots=True)
class Absent:
    """No object to read. timestamp is that of the tombstone, or of the expired object."""

    presence: Presence
    timestamp: Timestamp = ZERO
    metadata: Mapping[str, str] | None = None  # of an expired object


class Written(NamedTuple):
    """What a writer has taken in."""

    size: int
    etag: str  # hex MD5


Describe = Callable[[Written], Metadata]
"""Gives the metadata of a finished body. Runs on a disk thread; what it raises ends the write."""


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """Options of Swift's object services that concern the disk; see obj/options for their help."""

    devices: str = "/srv/node"
    mount_check: bool = True
    fallocate_reserve: Reserve = Reserve(percent=1.0)
    disable_fallocate: bool = False
    bytes_per_sync: int = 512 << 20
    keep_cache_size: int = 5 << 20
    metadata_format: str = "msgpack"
    etag_validate_fraction: float = 1.0
    cooperative_period: int = 0
    reclaim_age: float = 604_800.0
    lock_timeout: float = 10.0


FULL_ERRNOS = frozenset((errno.ENOSPC, errno.EDQUOT))
BROKEN_ERRNOS = frozenset((errno.EIO, errno.EROFS, errno.ENODEV, errno.ENXIO, errno.EUCLEAN))
"""What a dying or vanished device answers; one such error makes this node useless for it."""


def translated(error: OSError, device: str) -> StoreError | OSError:
    """The error of this room for one of the disk's; unknown ones come back as they are."""
    if error.errno in FULL_ERRNOS:
        return NoSpace(f"device {device} is full: {error.strerror}")
    if error.errno == errno.ENOENT:
        return DeviceUnavailable(device, "the directory of the device is gone")
    if error.errno in BROKEN_ERRNOS:
        return DeviceUnavailable(device, error.strerror or "broken")
    if error.errno in (errno.ENOTSUP, errno.EOPNOTSUPP):
        return XattrsUnsupported(f"device {device}: {error.strerror}")
    if error.errno == errno.ETIMEDOUT:
        return Unsettled(f"device {device}: a lock was held too long")
    return error
