"""The options of the cache; its filter reads them, from its section or from memcache.conf."""

from __future__ import annotations

from dataclasses import dataclass

from swiftlite.config.option import Bytes, Seconds, opt


@dataclass(frozen=True, slots=True)
class MemcacheOptions:
    SECTION = "filter:cache"

    memcache_servers: tuple[str, ...] = opt(
        (), "Servers as host:port, comma-separated; none: each process keeps a cache of its own."
    )
    memcache_max_connections: int = opt(
        2, "Connections kept open to each server by each process.", minimum=1
    )
    connect_timeout: Seconds = opt(0.3, "Patience with a new connection.", minimum=0.001)
    io_timeout: Seconds = opt(2.0, "Patience with a reply.", minimum=0.001)
    memcache_tries: int = opt(3, "Servers tried for one call.", minimum=1, aliases=("tries",))
    error_suppression_interval: Seconds = opt(
        60.0,
        "Faults are counted over this time, and a server with too many is left alone as long;"
        " 0 never leaves one alone.",
        minimum=0,
    )
    error_suppression_limit: int = opt(10, "Faults that are still forgiven.", minimum=0)
    item_size_warning_threshold: Bytes = opt(
        -1, "Items of at least this many bytes are told to the log; -1: none.", minimum=-1
    )
    generations_path: str = opt(
        "",
        "A file, best on a tmpfs, in which the workers of one host tell each other which cached"
        " entries are outdated. Lets several workers do without memcached.",
    )
