"""Container updates that could not be delivered: kept on the object's device until they are.

Durable before save() returns, because the client is told of the object's success right after it.
"""

from __future__ import annotations

import contextlib
import os

from swiftlite.formats.async_pending import (
    AsyncPending,
    async_pending_name,
    encode_async_pending,
)
from swiftlite.formats.ondisk_names import ASYNC_PENDING, TMP, policy_dir
from swiftlite.objectstore.commits import Steps
from swiftlite.objectstore.context import Context
from swiftlite.objectstore.publish import ensure_directory, settled
from swiftlite.objectstore.temporary import Temporary
from swiftlite.vocab.timestamp import Timestamp

_LINK_TRIES = 3


def save_pending(
    context: Context,
    device: str,
    policy_index: int,
    name_hash: str,
    timestamp: Timestamp,
    pending: AsyncPending,
) -> None:
    """One disk job. name_hash is of the name in the update; raises StoreError."""
    name = async_pending_name(name_hash, timestamp)
    content = encode_async_pending(pending)
    context.commit(device, _saved(context, device, policy_index, name, content))


def _saved(
    context: Context, device: str, policy_index: int, name: str, content: bytes
) -> Steps[None]:
    disk = context.host.disk
    device_path = f"{context.settings.devices}/{device}"
    path = f"{device_path}/{policy_dir(ASYNC_PENDING, policy_index)}/{name}"
    directory = path.rpartition("/")[0]
    tmp = f"{device_path}/{policy_dir(TMP, policy_index)}"
    in_order = context.keeps_order(device)
    file = Temporary.create(disk, context.host.entropy, device_path, tmp)
    try:
        disk.write(file.fd, content)
        yield from settled(disk, file, in_order=in_order)
        for tries_left in reversed(range(_LINK_TRIES)):
            ensure_directory(disk, directory, device_path, in_order=in_order)
            try:
                file.link(path)
            except FileExistsError:
                _replace(context, tmp, path, content)
            except FileNotFoundError:  # the updater has just removed the empty directory
                if not tries_left:
                    raise
                continue
            break
    finally:
        file.close()
    yield directory


def _replace(context: Context, tmp: str, path: str, content: bytes) -> None:
    """An update of the same moment is there: the later word wins, and it may not be durable yet."""
    disk = context.host.disk
    ensure_directory(disk, tmp, tmp.rpartition("/")[0])
    temporary = f"{tmp}/{context.host.entropy.uuid_hex()}"
    fd = disk.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    try:
        disk.write(fd, content)
        disk.fsync(fd)
    finally:
        disk.close(fd)
    disk.rename(temporary, path)


def drop_pending(
    context: Context, device: str, policy_index: int, name_hash: str, timestamp: Timestamp
) -> None:
    """One disk job: the update was delivered. A file that has gone already is fine."""
    name = async_pending_name(name_hash, timestamp)
    path = f"{context.settings.devices}/{device}/{policy_dir(ASYNC_PENDING, policy_index)}/{name}"
    context.offload(device, _drop, context, path)


def _drop(context: Context, path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        context.host.disk.unlink(path)
