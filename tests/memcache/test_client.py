from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest

from swiftlite.host.bundle import Host
from swiftlite.memcache import CacheUnreachable, MemcacheClient, MemcacheOptions
from swiftlite.memcache.client import parse_server
from swiftlite.protocols.memcached import cache_key
from tests.memcache.fakes import Lines, Memcached, MemcachedNet, TurnedClock


class Cluster:
    """Some servers and a client of them."""

    def __init__(self, count: int = 1, error_suppression_limit: int = 10) -> None:
        self.clock = TurnedClock()
        names = [f"127.0.0.1:{11211 + number}" for number in range(count)]
        self.servers = {parse_server(name): Memcached(self.clock) for name in names}
        self.log = Lines()
        host = SimpleNamespace(
            clock=self.clock,
            net=MemcachedNet(dict(self.servers)),
            tasks=SimpleNamespace(event=None),
        )
        options = MemcacheOptions(
            memcache_servers=tuple(names), error_suppression_limit=error_suppression_limit
        )
        self.client = MemcacheClient(cast(Host, host), options, self.log)

    def all(self) -> list[Memcached]:
        return list(self.servers.values())


def test_what_is_set_is_got_back_over_one_connection() -> None:
    cluster = Cluster()
    cluster.client.set("token/x", [1700000000.5, "a,b"], time=60)
    assert cluster.client.get("token/x") == [1700000000.5, "a,b"]
    assert cluster.client.get("nothing") is None
    (server,) = cluster.all()
    assert server.values[cache_key("token/x")] == (b"2", b'[1700000000.5,"a,b"]')
    assert server.exptimes == [60]
    assert server.connections == 1
    cluster.client.delete("token/x")
    assert cluster.client.get("token/x") is None


def test_replies_in_pieces_are_put_together() -> None:
    cluster = Cluster()
    cluster.all()[0].one_byte_at_a_time = True
    cluster.client.set_multi({"a": 1, "b": {"c": 2}}, "place", time=5)
    assert cluster.client.get_multi(["b", "nothing", "a"], "place") == [{"c": 2}, None, 1]


def test_counters_begin_at_the_delta_and_stop_at_zero() -> None:
    client = Cluster().client
    assert client.incr("hits", 5, time=10) == 5
    assert client.incr("hits") == 6
    assert client.decr("hits", 10) == 0
    assert client.decr("other", 3) == 0
    assert client.get("hits") == "0"


def test_a_dead_server_is_passed_over() -> None:
    cluster = Cluster(count=3)
    for number in range(20):
        cluster.client.set(f"key{number}", number)
    first = cluster.all()[0]
    first.down = True
    for number in range(20):
        cluster.client.set(f"key{number}", number)
        assert cluster.client.get(f"key{number}") == number


def test_when_no_server_answers_reads_find_nothing_and_counters_say_so() -> None:
    cluster = Cluster()
    cluster.all()[0].down = True
    cluster.client.set("a", 1)
    assert cluster.client.get("a") is None
    with pytest.raises(CacheUnreachable):
        cluster.client.get("a", raise_on_error=True)
    with pytest.raises(CacheUnreachable):
        cluster.client.set("a", 1, raise_on_error=True)
    with pytest.raises(CacheUnreachable):
        cluster.client.incr("a")


def test_a_connection_closed_while_idle_is_replaced() -> None:
    cluster = Cluster()
    (server,) = cluster.all()
    cluster.client.set("a", 1)
    server.down = True
    assert cluster.client.get("a") is None
    server.down = False
    assert cluster.client.get("a") == 1
    assert server.connections == 2


def test_too_many_faults_leave_a_server_alone_for_the_interval() -> None:
    cluster = Cluster(error_suppression_limit=2)
    (server,) = cluster.all()
    server.down = True
    for _ in range(3):
        cluster.client.get("a")
    server.down = False
    assert server.connections == 0
    cluster.client.get("a")
    assert server.connections == 0
    cluster.clock.now += 60.1
    cluster.client.get("a")
    assert server.connections == 1


def test_slow_replies_are_faults_of_the_server() -> None:
    cluster = Cluster(error_suppression_limit=2)
    (server,) = cluster.all()
    server.silent_for = 2.1
    for _ in range(3):
        cluster.client.get("a")
    before = server.connections
    cluster.client.get("a")
    assert server.connections == before


def test_a_process_that_stood_still_does_not_blame_the_server() -> None:
    cluster = Cluster(error_suppression_limit=2)
    (server,) = cluster.all()
    server.silent_for = 20.0
    for _ in range(10):
        assert cluster.client.get("a") is None
    server.silent_for = None
    cluster.client.set("a", 1)
    assert cluster.client.get("a") == 1
    assert any("not its fault" in line for line in cluster.log.lines)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:11211", ("127.0.0.1", 11211)),
        ("cache1", ("cache1", 11211)),
        ("[::1]:5", ("::1", 5)),
        ("[::1]", ("::1", 11211)),
        ("/run/memcached.sock", "/run/memcached.sock"),
    ],
)
def test_servers_are_written_in_these_ways(text: str, address: object) -> None:
    assert parse_server(text) == address


@pytest.mark.parametrize("text", ["", ":1", "a:b", "[::1", "[::1]5", "a:²"])
def test_other_texts_are_no_server(text: str) -> None:
    with pytest.raises(ValueError, match="not a memcached server"):
        parse_server(text)
