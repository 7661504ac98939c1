"""Options of the object auditor; names and defaults are Swift's, but where the help says so."""

from __future__ import annotations

from dataclasses import dataclass

from swiftlite.config.option import Seconds, opt
from swiftlite.config.units import parse_auto_int, parse_list


def _sizes(text: str) -> tuple[int, ...]:
    try:
        return tuple(sorted(int(size) for size in parse_list(text)))
    except ValueError:
        raise ValueError("must be numbers of bytes, with commas between them") from None


@dataclass(frozen=True, slots=True)
class AuditorOptions:
    SECTION = "object-auditor"
    CONF = ("object-server.conf",)

    interval: Seconds = opt(30.0, "Pause between two passes of either kind.", minimum=0)
    concurrency: int = opt(1, "Processes that share the devices.", minimum=1, maximum=256)
    files_per_second: float = opt(
        20.0, "Objects that a full pass looks at in a second; 0: as fast as it goes.", minimum=0
    )
    bytes_per_second: float = opt(
        10_000_000.0, "Bytes of bodies that it reads in a second; 0: no limit.", minimum=0
    )
    zero_byte_files_per_second: float = opt(
        50.0,
        "Objects that the pass over metadata looks at in a second, beside the full one; 0: no such "
        "pass.",
        minimum=0,
    )
    md5_every: int = opt(
        4,
        "Every full pass holds bodies against their block checksums; of so many passes, one "
        "against the MD5 instead, a share of the partitions in each. 1: every pass. Objects "
        "without block checksums (Swift wrote them) have their MD5 checked each time. Not an "
        "option of Swift.",
        minimum=1,
    )
    log_time: Seconds = opt(3600.0, "How often a long pass tells how far it is.", minimum=1)
    object_size_stats: tuple[int, ...] = opt(
        (),
        "Sizes in bytes: the log then tells after each pass how many objects were up to each of "
        "them.",
        parse=_sizes,
    )
    rsync_tempfile_timeout: int | None = opt(
        None,
        "Age in seconds at which a temporary file of rsync is removed. auto: 900 more than the "
        "rsync_timeout of [object-replicator], or a day where there is none.",
        parse=parse_auto_int,
        shown="auto",
    )
    watchers: tuple[str, ...] = opt(
        (),
        "Entry points of swiftlite.audit_watcher that are shown every object; dark_data comes "
        "along. Options of one go into [object-auditor:watcher:NAME].",
    )
    disk_chunk_size: int = opt(
        65_536, "Accepted because Swift has it; bodies are read 4 MiB at a time here.", minimum=1
    )
