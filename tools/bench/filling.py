"""A device filled with objects through the object engine itself, without HTTP and without syncs."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from swiftlite.cluster import conf as cluster_conf
from swiftlite.host import plain
from swiftlite.host.os_disk import OsDisk
from swiftlite.objectstore.api import StoreSettings, Written
from swiftlite.objectstore.manager import Manager
from swiftlite.observe.log import Log
from swiftlite.observe.sinks import NullSink
from swiftlite.ring import Ring
from swiftlite.vocab.timestamp import Timestamp

_TELL_EVERY = 20_000


class UnsyncedDisk(OsDisk):
    """What is written is on the medium after one sync of everything, not before."""

    def fsync(self, fd: object) -> None:
        pass

    def fsync_dir(self, path: str) -> None:
        pass

    def write_out(self, fd: int, *, wait: bool = True) -> None:
        pass

    def keeps_order(self, path: str) -> bool:
        return True


def fill_objects(
    swift_dir: str,
    devices: Path,
    container: tuple[str, str],
    numbers: range,
    size: int,
    tell: Callable[[int], None],
) -> None:
    """Objects `o<number>` of a container (account, container) on the only device of its ring.

    Rows are not written: the container does not list them.
    """
    cluster = cluster_conf.load(swift_dir)
    ring = Ring.load(f"{swift_dir}/object.ring.gz", cluster.hash_path)
    (device,) = [device.device for device in ring.devices if device is not None]
    host = replace(plain.make_host(), disk=UnsyncedDisk())
    settings = StoreSettings(devices=str(devices), mount_check=False, reclaim_age=1e9)
    manager = Manager(host, settings, cluster.hash_path, Log("fill", sink=NullSink()))
    now, body = Timestamp.from_seconds(host.clock.wall()), memoryview(os.urandom(size))
    account, name = container
    for done, number in enumerate(numbers, 1):
        path = f"o{number}"

        def describe(written: Written, path: str = path) -> dict[str, str]:
            return {
                "name": f"/{account}/{name}/{path}",
                "X-Timestamp": now.internal,
                "Content-Length": str(written.size),
                "Content-Type": "application/octet-stream",
                "ETag": written.etag,
            }

        partition = ring.partition(account, name, path)
        writer = manager.diskfile(device, partition, account, name, path).writer(size)
        writer.finish(body, now, describe)
        writer.close()
        if done % _TELL_EVERY == 0:
            tell(done)
    os.sync()
