"""What can go wrong with a database, by who must act; nothing of SQLite leaves the room.

A caller turns these into answers in one table: missing 404, exists 202, busy 503, no room or no
device 507, refused metadata 400. Damage has been dealt with (quarantine) when it is raised.
"""

from __future__ import annotations

from swiftlite.vocab.errors import SwiftliteError


class DatabaseError(SwiftliteError):
    """The root; path is the database's file or directory."""

    def __init__(self, path: str, detail: str = "") -> None:
        super().__init__(f"{path}: {detail}" if detail else path)
        self.path = path
        self.detail = detail


class DatabaseMissing(DatabaseError):
    """There is no database of this name on this device."""


class DatabaseExists(DatabaseError):
    """Somebody else made the database first."""


class DatabaseBusy(DatabaseError):
    """Others held the database for longer than its broker may wait."""


class DatabaseReplaced(DatabaseError):
    """The file changed under the connection: what was written went nowhere. Try again."""


class DeviceUnusable(DatabaseError):
    """The device is not mounted, is read-only, or fails: an operator must look at it."""


class DeviceFull(DatabaseError):
    """No room on the device, or none above its reserve."""


class DatabaseDamaged(DatabaseError):
    """The file is not a sound database; detail says why. Its directory is in quarantine, if
    that could be done, and the replicas are to give it back."""


class MetadataRefused(DatabaseError):
    """The client's metadata does not fit beside what is stored; detail is a sentence for it."""
