from __future__ import annotations

import json
from bisect import bisect_right
from hashlib import md5
from pathlib import Path

from swiftlite.memcache.hash_ring import ServerCircle
from swiftlite.protocols.memcached import cache_key

GOLDEN = Path(__file__).parents[1] / "golden" / "memcache" / "server_orders.json"
SERVERS = ["10.0.0.1:11211", "10.0.0.2:11211", "10.0.0.3:11211"]


def test_the_first_server_is_one_past_the_usual_successor() -> None:
    points = sorted(
        (md5(f"{server}-{i}".encode()).hexdigest(), server) for server in SERVERS for i in range(50)
    )
    circle = ServerCircle(SERVERS)
    for number in range(200):
        key = md5(b"%d" % number).hexdigest()
        place = bisect_right([point for point, _ in points], key)
        assert next(circle.servers_for(key.encode())) == points[(place + 1) % 150][1]


def test_every_server_is_tried_once() -> None:
    circle = ServerCircle(SERVERS)
    for number in range(50):
        key = md5(b"%d" % number).hexdigest().encode()
        assert sorted(circle.servers_for(key)) == SERVERS


def test_keys_spread_over_servers() -> None:
    circle = ServerCircle(SERVERS)
    firsts = [next(circle.servers_for(md5(b"%d" % n).hexdigest().encode())) for n in range(3000)]
    for server in SERVERS:
        assert 500 < firsts.count(server) < 1600


def test_no_servers_and_one_server() -> None:
    assert list(ServerCircle([]).servers_for(b"00")) == []
    assert list(ServerCircle(["a:1"]).servers_for(b"00")) == ["a:1"]


def test_swift_chooses_the_same_servers() -> None:
    golden = json.loads(GOLDEN.read_text())
    circle = ServerCircle(golden["servers"])
    for number, (sent, servers) in enumerate(golden["orders"]):
        assert cache_key(f"key{number}").decode() == sent
        assert list(circle.servers_for(sent.encode())) == servers
