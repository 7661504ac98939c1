"""Puts the cache at every request's hand as `swift.cache`: memcached, or a table in this process.

Servers come from this filter's section, else from `memcache.conf` in the swift directory, as in
Swift. Without any the process keeps a cache of its own, so that a small cluster needs none.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

from swiftlite.config.load import Conf, read_conf
from swiftlite.config.load import options as read_options
from swiftlite.host.bundle import Host
from swiftlite.memcache import MemcacheClient, MemcacheOptions, MemoryCache, open_shared
from swiftlite.middleware.factory import Filter, FilterConf
from swiftlite.observe.log import Log
from swiftlite.web.wsgi import Environ, StartResponse, WsgiApp

CONF_FILE = "memcache.conf"
CONF_SECTION = "memcache"


class CacheFilter:
    """WSGI filter: one assignment a request."""

    def __init__(self, app: WsgiApp, cache: Any) -> None:  # noqa: ANN401  # either kind of cache
        self.app = app
        self.cache = cache

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        environ["swift.cache"] = self.cache
        return self.app(environ, start_response)


def layered(own: Mapping[str, str], shared: Conf | None) -> dict[str, str]:
    """The keys of the shared memcache.conf, overridden by those of the filter's own section."""
    if shared is None:
        return dict(own)
    section = shared.sections.get(CONF_SECTION, shared.defaults)
    return {**section, **own}


def make_cache(options: MemcacheOptions, host: Host, log: Log) -> MemcacheClient | MemoryCache:
    """One cache for a process, of the kind that the options ask for."""
    generations = None
    if options.generations_path:
        start = int.from_bytes(host.entropy.bytes(4), "big")
        generations = open_shared(options.generations_path, host.disk, start=start)
    if options.memcache_servers:
        return MemcacheClient(host, options, log, generations=generations)
    return MemoryCache(host.clock, generations=generations)


def filter_factory(global_conf: dict[str, str], **local_conf: str) -> Filter:
    conf = FilterConf(MemcacheOptions.SECTION, global_conf, local_conf)
    conf.options(MemcacheOptions)  # what is wrong in the section itself is told with its place
    path = os.path.join(conf.swift_dir, CONF_FILE)
    shared = read_conf(path) if conf.host.disk.exists(path) else None
    values = layered(conf.values, shared)
    options = read_options(MemcacheOptions, values, where=f"{conf.where} with {path}")
    cache = make_cache(options, conf.host, conf.log())
    return lambda app: CacheFilter(app, cache)
