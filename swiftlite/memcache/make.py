"""The one cache of a process, as its options want it."""

from __future__ import annotations

from swiftlite.host.bundle import Host
from swiftlite.memcache.client import Log, MemcacheClient
from swiftlite.memcache.generations import Generations, open_shared
from swiftlite.memcache.memory import MemoryCache
from swiftlite.memcache.options import MemcacheOptions


def make_cache(options: MemcacheOptions, host: Host, log: Log) -> MemcacheClient | MemoryCache:
    """memcached where servers are named, else a table of this process.

    Raises ValueError for a server that cannot be one, OSError for a generations_path that cannot
    be opened.
    """
    generations: Generations | None = None
    if options.generations_path:
        start = int.from_bytes(host.entropy.bytes(5), "big")
        generations = open_shared(options.generations_path, host.disk, start=start)
    if options.memcache_servers:
        return MemcacheClient(host, options, log, generations=generations)
    return MemoryCache(host.clock, generations=generations, new_event=host.tasks.event)
