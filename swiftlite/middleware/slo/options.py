"""The options of static large objects, and what their parts share."""

from __future__ import annotations

from dataclasses import dataclass

from swiftlite.config.option import Bytes, Seconds, opt
from swiftlite.host.bundle import Host
from swiftlite.observe.log import Log
from swiftlite.vocab.hashing import HashPath
from swiftlite.web.wsgi import WsgiApp

SOURCE = "SLO"
SLO_ETAG = "X-Object-Sysmeta-Slo-Etag"
SLO_SIZE = "X-Object-Sysmeta-Slo-Size"


@dataclass(frozen=True, slots=True)
class SloOptions:
    SECTION = "filter:slo"
    max_manifest_segments: int = opt(1000, "Objects that one manifest may name.", minimum=1)
    max_manifest_size: Bytes = opt(8_388_608, "Largest manifest that may be sent.", minimum=1)
    rate_limit_under_size: Bytes = opt(
        1_048_576, "Only segments smaller than this are read slowly.", minimum=0
    )
    rate_limit_after_segment: int = opt(
        10, "Small segments of one GET that are read at full speed.", minimum=0
    )
    rate_limit_segments_per_sec: float = opt(
        1.0, "Small segments a second after those; 0: no limit.", minimum=0
    )
    max_get_time: Seconds = opt(
        86400.0, "Time after which a GET begins no further segment.", minimum=1
    )
    concurrency: int = opt(
        2, "Segments looked at simultaneously when a manifest is sent.", minimum=1
    )
    delete_concurrency: int = opt(
        2, "Segments deleted simultaneously by multipart-manifest=delete.", minimum=1
    )
    yield_frequency: Seconds = opt(
        10.0, "Pause between the blanks that keep a long PUT or DELETE alive.", minimum=0.1
    )
    allow_async_delete: bool = opt(
        True, "Let clients leave the deletion of segments to the object expirer."
    )


@dataclass(frozen=True, slots=True)
class Setting:
    """What putting, reading and deleting share. me: the filter itself, which sees large objects
    as one; app: what comes next, which sees manifests."""

    app: WsgiApp
    me: WsgiApp
    options: SloOptions
    host: Host
    log: Log
    hash_path: HashPath | None
    expirer_divisor: int = 86400
