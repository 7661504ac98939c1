"""Servers of this host are spoken to beside their port, where one of ours listens there."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from swiftlite.host.bundle import Host
from swiftlite.host.local_socket import local_name
from swiftlite.host.net import Address
from swiftlite.httpd.acceptor import Acceptor
from swiftlite.peers.call import render_head
from swiftlite.peers.errors import PeerUnreachable
from swiftlite.peers.pool import Pool
from tests.peers.conftest import Clock, StderrLog


def who(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Says on what it was asked."""
    start_response("200 OK", [("X-From", environ["REMOTE_ADDR"])])
    way = "local" if environ["REMOTE_PORT"] == "0" else "tcp"
    return [way.encode(), environ["wsgi.input"].read()]


class Both:
    """A server at a port and beside it."""

    def __init__(self, host: Host, ip: str = "127.0.0.1") -> None:
        self.host = host
        listener = host.net.listen((ip, 0))
        assert not isinstance(listener.address, str)
        self.port = listener.address[1]
        self.name = local_name(ip, self.port, os.geteuid())
        self.beside = host.net.listen(self.name)
        self.acceptor = Acceptor(listener, who, host=host, log=StderrLog(), beside=[self.beside])
        self.acceptor.start()

    @property
    def address(self) -> Address:
        return "127.0.0.1", self.port

    def stop(self) -> bool:
        return self.acceptor.drain(self.host.clock.monotonic() + 5)


@pytest.fixture
def both(host: Host) -> Iterator[Callable[..., Both]]:
    made: list[Both] = []

    def make(ip: str = "127.0.0.1") -> Both:
        made.append(Both(host, ip))
        return made[-1]

    yield make
    for one in made:
        one.stop()


@pytest.fixture
def pool(host: Host) -> Iterator[Pool]:
    pool = Pool(host, conn_timeout=5, read_timeout=20, is_own=lambda ip: ip == "127.0.0.1")
    yield pool
    pool.close()


def ask(pool: Pool, address: Address, deadline: float) -> bytes:
    head = render_head("GET", "/a", [], address)
    return pool.open(address, head, deadline=deadline, idempotent=True).answer(deadline).read(99)


@pytest.mark.parametrize("ip", ["127.0.0.1", "0.0.0.0"])
def test_a_server_of_this_host_is_asked_beside_its_port(
    both: Callable[..., Both], pool: Pool, soon: float, ip: str
) -> None:
    server = both(ip)
    head = render_head("PUT", "/a", [], server.address, content_length=300_000)
    exchange = pool.open(server.address, head, body=b"x" * 300_000, deadline=soon)
    answer = exchange.answer(soon)
    assert (answer.headers["x-from"], answer.read_all(400_000)) == (
        "127.0.0.1",
        b"local" + b"x" * 300_000,
    )
    assert exchange.address == server.address
    assert pool.idle_count(server.address) == 1


def test_all_at_once_each_goes_its_way(
    both: Callable[..., Both], server: Callable[..., Acceptor], pool: Pool, soon: float
) -> None:
    ours, theirs = both(), server(who)
    ways = []
    calls = [
        (address, render_head("GET", "/a", [], address), b"")
        for address in (ours.address, theirs.address, ours.address)
    ]
    for exchange in pool.open_all(calls, deadline=soon):
        assert not isinstance(exchange, Exception)
        ways.append(exchange.answer(soon).read(99))
    assert ways == [b"local", b"tcp", b"local"]


def test_a_server_that_is_not_ours_is_asked_at_its_port(
    server: Callable[..., Acceptor], pool: Pool, soon: float
) -> None:
    assert ask(pool, server(who).address, soon) == b"tcp"


def test_no_local_socket_stands_for_another_host(
    both: Callable[..., Both], host: Host, soon: float
) -> None:
    asked: list[str] = []

    def is_own(ip: str) -> bool:
        asked.append(ip)
        return False

    pool = Pool(host, is_own=is_own)
    server = both("0.0.0.0")
    assert [ask(pool, server.address, soon) for _ in range(2)] == [b"tcp", b"tcp"]
    assert asked == ["127.0.0.1"]
    pool.close()


def test_an_address_that_moves_to_another_host_is_followed(
    both: Callable[..., Both], host: Host, soon: float
) -> None:
    clock, own = Clock(), True
    pool = Pool(replace(host, clock=clock), read_timeout=None, is_own=lambda ip: own)
    server = both()

    def way() -> bytes:
        head = render_head("GET", "/a", [], server.address)
        answer = pool.open(server.address, head, deadline=None).answer(None)
        said = answer.read(99)
        answer.close()
        pool.close()  # nothing is kept
        return said

    assert way() == b"local"
    own = False
    clock.now += 10
    assert way() == b"local"
    clock.now += 10
    assert way() == b"tcp"


def test_without_being_told_what_is_own_everything_goes_by_tcp(
    both: Callable[..., Both], host: Host, soon: float
) -> None:
    pool = Pool(host)
    assert ask(pool, both().address, soon) == b"tcp"
    pool.close()


def test_when_the_socket_goes_the_port_serves_and_back_again(
    both: Callable[..., Both], host: Host, pool: Pool, soon: float
) -> None:
    server = both()
    assert ask(pool, server.address, soon) == b"local"
    server.beside.close()
    for connection in list(server.acceptor._connections):
        connection.stream.close()  # so that the kept one is dead, as after a restart
    assert ask(pool, server.address, soon) == b"tcp"
    pool.close()
    again = host.net.listen(server.name)
    other = Acceptor(again, who, host=host, log=StderrLog())
    other.start()
    assert ask(pool, server.address, soon) == b"local"
    pool.close()
    assert other.drain(soon)


def test_both_ways_count_among_the_clients_and_end_together(
    both: Callable[..., Both], host: Host, pool: Pool, soon: float
) -> None:
    server = both()
    plain = Pool(host)
    assert {ask(pool, server.address, soon), ask(plain, server.address, soon)} == {b"local", b"tcp"}
    assert server.acceptor.connections == 2
    assert server.stop()
    for one in (pool, plain):
        with pytest.raises(PeerUnreachable):
            ask(one, server.address, soon)
    plain.close()
