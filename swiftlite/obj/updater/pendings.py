"""The updates that wait on a device: found, read, rewritten, removed. Disk jobs, no network.

Several files of one object: the newest has all that the others have, so those are removed as they
are met. A file that cannot be understood is set aside. Directories that have been empty for a
while are removed, so that a sweep over nothing costs one listing.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Protocol

from swiftlite.formats.async_pending import (
    AsyncPending,
    PendingUnreadable,
    decode_async_pending,
    encode_async_pending,
    parse_async_pending_name,
)
from swiftlite.formats.ondisk_names import ASYNC_PENDING, OBJECTS, QUARANTINED, TMP, policy_dir
from swiftlite.host.bundle import Host
from swiftlite.host.directories import make_below
from swiftlite.vocab.timestamp import Timestamp

EMPTY_FOR_S = 60.0
"""An object server may be about to use a directory that has just become empty."""
_BLOCK_BYTES = 65_536  # nearly all are smaller


class Lines(Protocol):
    def error(self, message: str, /) -> None: ...


@dataclass(slots=True)
class Waiting:
    """One update on disk. told: ids of devices that have the row, as the file or we know it."""

    source: PendingFiles
    path: str
    timestamp: Timestamp
    policy_index: int
    content: bytes
    update: AsyncPending
    told: set[int] = field(default_factory=set)

    @property
    def container(self) -> tuple[str, str]:
        """Where it is to be sent: its container, or a shard of it."""
        if self.update.container_path:
            account, _, container = self.update.container_path.partition("/")
            return account, container
        return self.update.account, self.update.container


class PendingFiles:
    """All waiting updates of one device and policy, each once.

    count: told of "quarantines", "outdated_unlinks" and "errors".
    """

    def __init__(
        self, host: Host, devices: str, device: str, policy_index: int, log: Lines,
        count: Callable[[str], None],
    ) -> None:  # fmt: skip
        self._disk = host.disk
        self._entropy = host.entropy
        self._wall = host.clock.wall
        self._log = log
        self._count = count
        self._policy_index = policy_index
        self.device = device
        self._device_path = f"{devices}/{device}"
        self._root = f"{self._device_path}/{policy_dir(ASYNC_PENDING, policy_index)}"
        self._found = self._walk()

    def take(self, most: int) -> list[Waiting]:
        """The next updates; none at the end. Raises OSError for a broken device."""
        return list(islice(self._found, most))

    def _walk(self) -> Iterator[Waiting]:
        try:
            suffixes = self._disk.listdir(self._root)
        except (FileNotFoundError, NotADirectoryError):
            return
        self._entropy.shuffle(suffixes)  # whatever ends a sweep early does so for others each time
        for suffix in suffixes:
            directory = f"{self._root}/{suffix}"
            try:
                names = sorted(self._disk.listdir(directory), reverse=True)
            except (FileNotFoundError, NotADirectoryError):
                continue
            if not names:
                self._remove_if_old(directory)
            yield from self._newest(directory, names)

    def _newest(self, directory: str, names: list[str]) -> Iterator[Waiting]:
        last_hash = ""
        for name in names:
            path = f"{directory}/{name}"
            try:
                name_hash, timestamp = parse_async_pending_name(name)
            except ValueError as error:
                self._count("errors")
                self._log.error(f"{path} is no update: {error}")
                continue
            if name_hash == last_hash:
                self._count("outdated_unlinks")
                self._unlink(path)
                continue
            last_hash = name_hash
            found = self._read(path, timestamp)
            if found is not None:
                yield found

    def _read(self, path: str, timestamp: Timestamp) -> Waiting | None:
        try:
            content = self._content(path)
        except FileNotFoundError:
            return None  # delivered meanwhile by the object server
        except OSError as error:
            self._count("errors")
            self._log.error(f"{path} cannot be read: {error}")
            return None
        try:
            update = decode_async_pending(content)
        except PendingUnreadable as error:
            self._set_aside(path, error)
            return None
        told = set(update.successes)
        return Waiting(self, path, timestamp, self._policy_index, content, update, told)

    def _content(self, path: str) -> bytes:
        fd = self._disk.open(path)
        try:
            content = block = self._disk.read(fd, _BLOCK_BYTES)
            while len(block) == _BLOCK_BYTES:
                block = self._disk.read(fd, _BLOCK_BYTES)
                content += block
            return content
        finally:
            self._disk.close(fd)

    def _set_aside(self, path: str, reason: PendingUnreadable) -> None:
        self._count("quarantines")
        folder = f"{self._device_path}/{QUARANTINED}/{policy_dir(OBJECTS, self._policy_index)}"
        make_below(self._disk, self._device_path, folder)
        self._disk.rename(path, f"{folder}/{path.rpartition('/')[2]}")
        self._log.error(f"Quarantined {path} in {folder}: {reason}")

    def _remove_if_old(self, directory: str) -> None:
        with suppress(OSError):  # it is used again, or has gone
            if self._wall() - self._disk.stat(directory).st_mtime > EMPTY_FOR_S:
                self._disk.rmdir(directory)

    def _unlink(self, path: str) -> None:
        with suppress(FileNotFoundError):
            self._disk.unlink(path)

    def settle(self, delivered: list[Waiting], changed: list[Waiting]) -> None:
        """Remove what was delivered, which need not survive a power cut: a row may be told twice.
        Note on disk who has been told of the others, and where they go next; a file that the
        object server has removed or written anew meanwhile stays as it is now."""
        for one in delivered:
            self._unlink(one.path)
        for one in changed:
            with suppress(FileNotFoundError):
                if self._content(one.path) == one.content:
                    self._replace(one)

    def _replace(self, one: Waiting) -> None:
        update = replace(one.update, successes=tuple(sorted(one.told)))
        tmp = f"{self._device_path}/{policy_dir(TMP, self._policy_index)}"
        make_below(self._disk, self._device_path, tmp)
        temporary = f"{tmp}/{self._entropy.uuid_hex()}"
        fd = self._disk.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        try:
            self._disk.write(fd, encode_async_pending(update))
            self._disk.fsync(fd)  # or a cut could leave an empty file in the place of a good one
        finally:
            self._disk.close(fd)
        self._disk.rename(temporary, one.path)
