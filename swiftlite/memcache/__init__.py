"""Caches: memcached shared by the cluster, or a bounded table in this process.

Both have the interface that Swift's middleware expects of `swift.cache`, with these besides:
`shared` (whether other processes see what is set), `coherent` (whether what is cleared is gone
for every process that serves the same clients) and `front` (values of this process alone).
"""

from swiftlite.memcache.client import CacheUnreachable, MemcacheClient
from swiftlite.memcache.front import Front
from swiftlite.memcache.generations import Generations, open_shared
from swiftlite.memcache.make import make_cache
from swiftlite.memcache.memory import MemoryCache
from swiftlite.memcache.options import MemcacheOptions

__all__ = [
    "CacheUnreachable",
    "Front",
    "Generations",
    "MemcacheClient",
    "MemcacheOptions",
    "MemoryCache",
    "make_cache",
    "open_shared",
]
