"""A store over a folder of the real file system, and a few shortcuts for its tests."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from swiftlite.host.bundle import Host
from swiftlite.host.plain import make_host
from swiftlite.objectstore.api import Describe, Metadata, StoreSettings, Written
from swiftlite.objectstore.diskfile import DiskFile, OpenObject
from swiftlite.objectstore.manager import Manager
from swiftlite.vocab.hashing import HashPath
from swiftlite.vocab.timestamp import Timestamp

NOW = Timestamp(170_000_000_000_000)
HASH_PATH = HashPath(b"", b"changeme")


class StillClock:
    """A second after NOW, for ever."""

    def wall(self) -> float:
        return NOW.seconds + 1

    def monotonic(self) -> float:
        return 0.0


class ListLog:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def warning(self, message: str) -> None:
        self.lines.append(message)

    error = warning


class Store:
    """One device, `sda1`, and one partition, 7."""

    def __init__(
        self, root: Path | str, *, host: Host | None = None, mount_check: bool = False,
        **options: Any,  # noqa: ANN401  # settings by name
    ) -> None:  # fmt: skip
        self.host = host or dataclasses.replace(make_host(), clock=StillClock())
        self.log = ListLog()
        self.settings = dataclasses.replace(
            StoreSettings(devices=str(root), mount_check=mount_check),
            **options,
        )
        self.root = Path(root)
        if not self.host.disk.exists(f"{root}/sda1"):
            self.host.disk.makedirs(f"{root}/sda1")
        self.counted: list[str] = []
        self.manager = Manager(self.host, self.settings, HASH_PATH, self.log, self.counted.append)

    def diskfile(self, obj: str = "o", partition: int = 7) -> DiskFile:
        return self.manager.diskfile("sda1", partition, "a", "c", obj)

    def put(self, body: bytes, at: Timestamp = NOW, obj: str = "o", **more: str) -> Metadata:
        diskfile = self.diskfile(obj)
        writer = diskfile.writer(len(body))
        try:
            at_once = memoryview(body)
            while len(at_once) > 1 << 20:
                writer.write(at_once[: 1 << 20])
                at_once = at_once[1 << 20 :]
            return writer.finish(at_once, at, describe(diskfile, at, **more))
        finally:
            writer.close()

    def open(self, obj: str = "o", now: Timestamp = NOW, **how: bool) -> OpenObject:
        found = self.diskfile(obj).open(now, **how)
        assert isinstance(found, OpenObject), found
        return found

    def read(self, obj: str = "o") -> bytes:
        found = self.open(obj)
        body = found.body(whole=True)
        try:
            return b"".join(body.part(0, body.length))
        finally:
            body.close()

    def files(self, obj: str = "o") -> list[str]:
        """Names in the hash dir; empty when there is none."""
        try:
            return sorted(self.host.disk.listdir(self.diskfile(obj).place.path))
        except FileNotFoundError:
            return []

    def data_path(self, obj: str = "o") -> Path:
        place = Path(self.diskfile(obj).place.path)
        (path,) = place.glob("*.data")
        return path

    def quarantined(self) -> list[str]:
        try:
            return sorted(os.listdir(self.root / "sda1/quarantined/objects"))
        except FileNotFoundError:
            return []


def describe(diskfile: DiskFile, at: Timestamp, **more: str) -> Describe:
    def metadata(written: Written) -> Metadata:
        return {
            "name": diskfile.name,
            "X-Timestamp": at.internal,
            "Content-Type": "text/plain",
            "Content-Length": str(written.size),
            "ETag": written.etag,
            **{key.replace("_", "-"): value for key, value in more.items()},
        }

    return metadata


def flip(path: Path, offset: int) -> None:
    """Turn one bit of a stored file over."""
    with open(path, "r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 0x10]))


def every_name(root: Path) -> Iterator[str]:
    for directory, _, names in os.walk(root):
        for name in names:
            yield os.path.relpath(os.path.join(directory, name), root)
