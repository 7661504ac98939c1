"""Options of the object server. Names and defaults are Swift's, save where the help says so."""

from __future__ import annotations

from dataclasses import dataclass

from swiftlite.config.option import Seconds, opt
from swiftlite.config.units import Reserve, parse_list, parse_reserve
from swiftlite.formats.expirer_task import CONTAINER_DIVISOR
from swiftlite.formats.metadata import FORMATS, MSGPACK
from swiftlite.objectstore.api import StoreSettings
from swiftlite.vocab.headers import ALLOWED_OBJECT_HEADERS, title_case

_OF_EVERY_PUT = frozenset(("Content-Length", "Deleted", "ETag"))


def _allowed_headers(text: str) -> tuple[str, ...]:
    named = (title_case(name) for name in parse_list(text))
    return tuple(name for name in named if name not in _OF_EVERY_PUT)


def _percent(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise ValueError("must be a number from 0 to 100") from None
    if not 0 <= value <= 100:
        raise ValueError("must be between 0 and 100")
    return value


@dataclass(frozen=True, slots=True)
class ObjectServerOptions:
    SECTION = "app:object-server"

    swift_dir: str = opt("/etc/swift", "Where swift.conf is.")
    devices: str = opt("/srv/node", "The directory under which the devices are mounted.")
    mount_check: bool = opt(
        True, "Refuse (507) a device that is not a mount point, so as not to fill the root disk."
    )
    disable_fallocate: bool = opt(False, "Do not reserve the blocks of a large body beforehand.")
    fallocate_reserve: Reserve = opt(
        Reserve(percent=1.0),
        "Room to be left free on each device, in bytes or as a share (1%). PUTs that would use it "
        "get 507; deletions may.",
        parse=parse_reserve,
    )
    metadata_format: str = opt(
        MSGPACK,
        "How metadata is written: msgpack, or swift while OpenStack Swift nodes share the rings. "
        "Either is read. The same on every node.",
        choices=FORMATS,
    )
    node_timeout: Seconds = opt(3.0, "Longest wait for a container server's answer.", minimum=0)
    conn_timeout: Seconds = opt(0.5, "Longest wait for a connection to it.", minimum=0)
    container_update_timeout: Seconds = opt(
        1.0,
        "Longest time that a client waits for the container to be told. The update is then kept "
        "on disk, and the client is answered.",
        minimum=0,
    )
    max_upload_time: Seconds = opt(86_400.0, "Longest time that one PUT may take.", minimum=0)
    slow: Seconds = opt(
        0.0, "Shortest time that a PUT or DELETE takes, to spare other work; 0: none.", minimum=0
    )
    log_requests: bool = opt(True, "Write a line for each request.")
    keep_cache_size: int = opt(
        5_242_880, "Larger bodies are dropped from the page cache once read or written.", minimum=0
    )
    keep_cache_private: bool = opt(
        False, "Keep bodies in the page cache that were asked for with a token."
    )
    keep_cache_slo_manifest: bool = opt(
        False, "Keep manifests of static large objects in the page cache."
    )
    send_rows_together: bool = opt(
        True, "Tell a container server of many objects in one call, where it takes that."
    )
    lend_files: bool = opt(
        True,
        "Let proxies on this host, run by the same user, read and write files of large objects"
        " themselves.",
    )
    mb_per_sync: int = opt(
        512, "Sync a body that comes in after so many MiB; 0: only at its end.", minimum=0
    )
    allowed_headers: tuple[str, ...] = opt(
        ALLOWED_OBJECT_HEADERS,
        "Headers that are kept with an object, beside its metadata.",
        parse=_allowed_headers,
    )
    replication_server: bool = opt(True, "Answer the verbs of replication.")
    replication_concurrency: int = opt(
        4, "SSYNC conversations that one worker has at once; 0: any number.", minimum=0
    )
    replication_concurrency_per_device: int = opt(
        1, "SSYNC conversations about one device at once, of all workers; 0: any number.",
        minimum=0,
    )  # fmt: skip
    replication_lock_timeout: Seconds = opt(
        15.0, "Longest wait of an SSYNC conversation for its partition and device.", minimum=0
    )
    replication_failure_threshold: int = opt(
        100, "Changes of an SSYNC conversation that may fail before it is given up.", minimum=0
    )
    replication_failure_ratio: float = opt(
        1.0, "It is not given up while failures are at most so many times the successes.",
        minimum=0,
    )  # fmt: skip
    reclaim_age: Seconds = opt(
        604_800.0, "Age at which a tombstone is dropped; the same on every node.", minimum=0
    )
    etag_validate_pct: float = opt(
        100.0,
        "Of full reads of objects that have no block checksums (Swift wrote them), the share in "
        "percent that is held against its MD5. Objects with checksums are always verified.",
        parse=_percent,
    )
    cooperative_period: int = opt(
        0, "Let other requests run after so many MiB of a body; 0: when the client is slow.",
        minimum=0,
    )  # fmt: skip
    slow_delete_log_threshold_seconds: Seconds = opt(
        120.0, "A DELETE that takes longer is logged with a warning; 0: none.", minimum=0
    )
    lock_timeout: Seconds = opt(
        10.0, "Longest wait for the lock of a partition; not an option of Swift.", minimum=0
    )
    expiring_objects_container_divisor: int = opt(
        CONTAINER_DIVISOR, "Seconds that one container of the expirer's queue covers.", minimum=1
    )
    disk_chunk_size: int = opt(
        65_536, "Accepted because Swift has it; blocks are 1 MiB here.", minimum=1
    )
    network_chunk_size: int = opt(
        65_536, "Accepted because Swift has it; blocks are 1 MiB here.", minimum=1
    )
    splice: bool = opt(
        False, "Accepted because Swift has it; bodies are sent by sendfile in any case."
    )

    def store_settings(self) -> StoreSettings:
        """The part that the object store works by."""
        return StoreSettings(
            devices=self.devices.rstrip("/") or "/",
            mount_check=self.mount_check,
            fallocate_reserve=self.fallocate_reserve,
            disable_fallocate=self.disable_fallocate,
            bytes_per_sync=(self.mb_per_sync << 20) or 1 << 62,
            keep_cache_size=self.keep_cache_size,
            metadata_format=self.metadata_format,
            etag_validate_fraction=self.etag_validate_pct / 100,
            cooperative_period=self.cooperative_period,
            reclaim_age=self.reclaim_age,
            lock_timeout=self.lock_timeout,
        )
