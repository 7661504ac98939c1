"""A device filled with objects, or a container with rows, through the engines themselves.

Without HTTP, and objects without syncs. The servers must be stopped meanwhile.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from swiftlite.cluster import conf as cluster_conf
from swiftlite.config.units import Reserve
from swiftlite.dbstore import CONTAINER_KIND, ContainerBroker, Devices, Engine
from swiftlite.dbstore import StoreSettings as DatabaseSettings
from swiftlite.dbstore.rows import object_row_from_json
from swiftlite.host import plain
from swiftlite.host.os_disk import OsDisk
from swiftlite.objectstore.api import StoreSettings, Written
from swiftlite.objectstore.manager import Manager
from swiftlite.observe.log import Log
from swiftlite.observe.sinks import NullSink
from swiftlite.ring import Ring
from swiftlite.vocab.timestamp import Timestamp
from tools.bench.rows import row_of

_TELL_EVERY = 100_000
_BATCH_ROWS = 20_000


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
    tell: Callable[[int], None],
    *,
    size: int,
) -> None:
    """Objects `o<number>` of a container (account, container) on the only device of its ring.

    devices: the folder with that device. The container does not list them: rows are not written.
    """
    cluster = cluster_conf.load(swift_dir)
    ring = Ring.load(f"{swift_dir}/object.ring.gz", cluster.hash_path)
    device = _only_device(ring)
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


def fill_rows(
    swift_dir: str,
    devices: Path,
    container: tuple[str, str],
    numbers: range,
    tell: Callable[[int], None],
) -> None:
    """Rows of these numbers in a container that is there, on the only device of its ring."""
    cluster = cluster_conf.load(swift_dir)
    ring = Ring.load(f"{swift_dir}/container.ring.gz", cluster.hash_path)
    host = plain.make_host()
    on_disk = Devices(host.disk, str(devices), False, Reserve())
    log = Log("fill", sink=NullSink())
    engine = Engine(CONTAINER_KIND, on_disk, host, DatabaseSettings(cluster.hash_path), log)
    digest = cluster.hash_path.hex(*container)
    place = engine.place(_only_device(ring), str(ring.partition(*container)), digest)
    broker = ContainerBroker(engine, place)
    for first in range(0, len(numbers), _BATCH_ROWS):
        now = Timestamp.from_seconds(host.clock.wall()).internal
        batch = numbers[first : first + _BATCH_ROWS]
        broker.merge_rows([object_row_from_json(row_of(number, now)) for number in batch])
        if (first + len(batch)) % _TELL_EVERY == 0:
            tell(first + len(batch))
    engine.close()


def _only_device(ring: Ring) -> str:
    (device,) = [device.device for device in ring.devices if device is not None]
    return device
