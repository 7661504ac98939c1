"""Where one database is: the value that names it to everything else in the room."""

from __future__ import annotations

from swiftlite.formats.db_files import db_name, hash_dir, pending_name


class Place:
    """A database by device, partition and hash. Made for every request, so made plainly.

    device_path is the device's mount point; kind is "accounts" or "containers"; path is the
    database's file while it has no epoch, and what queues and pools call it by.
    """

    __slots__ = ("device", "device_path", "digest", "directory", "kind", "partition", "path")

    def __init__(
        self, device: str, device_path: str, kind: str, partition: str, digest: str
    ) -> None:
        self.device = device
        self.device_path = device_path
        self.kind = kind
        self.partition = partition
        self.digest = digest
        self.directory = f"{device_path}/{hash_dir(kind, partition, digest)}"
        self.path = f"{self.directory}/{db_name(digest)}"

    @property
    def pending_path(self) -> str:
        return f"{self.directory}/{pending_name(self.digest)}"

    def __repr__(self) -> str:
        return f"Place({self.path})"
