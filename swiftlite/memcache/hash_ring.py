"""Which memcached server holds a key: the choice that every Swift proxy of the cluster makes.

Fifty points a server on a circle of MD5s; the first server tried is that of the point *after*
the usual successor. Source: the wire facts of a shared memcached, doc/formats/memcache.md.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from hashlib import md5

POINTS_PER_SERVER = 50


class ServerCircle:
    """Servers by their text (`127.0.0.1:11211`); immutable."""

    def __init__(self, servers: Sequence[str]) -> None:
        pairs = {
            _hex_of(f"{server}-{point}"): server
            for server in servers
            for point in range(POINTS_PER_SERVER)
        }
        self.servers = tuple(dict.fromkeys(servers))
        self._points = sorted(pairs)
        self._owners = [pairs[point] for point in self._points]

    def servers_for(self, cache_key: bytes) -> Iterator[str]:
        """Each server once, in the order in which they are tried for a (hashed) key."""
        if not self._points:
            return
        if len(self.servers) == 1:
            yield self.servers[0]
            return
        position = bisect_right(self._points, cache_key.decode("ascii"))
        count = len(self._points)
        seen: set[str] = set()
        for step in range(1, count + 1):
            server = self._owners[(position + step) % count]
            if server not in seen:
                seen.add(server)
                yield server
                if len(seen) == len(self.servers):
                    return


def _hex_of(text: str) -> str:
    return md5(text.encode("utf-8"), usedforsecurity=False).hexdigest()
