"""The client against a real memcached, where there is one."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Iterator

import pytest

from swiftlite.host import green
from swiftlite.host.bundle import Host
from swiftlite.host.net import ConnectFailed
from swiftlite.memcache import MemcacheClient, MemcacheOptions
from tests.memcache.fakes import Lines

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(shutil.which("memcached") is None, reason="memcached is not installed"),
]


@pytest.fixture(scope="module")
def host() -> Host:
    return green.make_host()


@pytest.fixture(scope="module")
def address(host: Host) -> Iterator[str]:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    command = ["memcached", "-l", "127.0.0.1", "-p", str(port), "-U", "0", "-u", "nobody"]
    server = subprocess.Popen(command)
    try:
        end = host.clock.monotonic() + 20
        while True:
            try:
                host.net.connect(("127.0.0.1", port), 1.0).close()
                break
            except ConnectFailed:
                assert host.clock.monotonic() < end
                host.tasks.sleep(0.02)
        yield f"127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


@pytest.fixture
def client(host: Host, address: str) -> Iterator[MemcacheClient]:
    log = Lines()
    made = MemcacheClient(host, MemcacheOptions(memcache_servers=(address,)), log)
    yield made
    made.close()
    assert log.lines == []


def test_values_counters_and_deletion(client: MemcacheClient) -> None:
    client.set("a", {"x": ["ü", None, 1.5]}, time=60)
    assert client.get("a") == {"x": ["ü", None, 1.5]}
    assert client.get("nothing") is None
    assert [client.incr("n", 3, time=9), client.incr("n"), client.decr("n", 9)] == [3, 4, 0]
    client.delete("a")
    client.delete("a")
    assert client.get("a") is None


def test_many_at_once(client: MemcacheClient) -> None:
    client.set_multi({f"k{n}": n for n in range(50)}, "place", time=60)
    assert client.get_multi([f"k{n}" for n in range(51)], "place") == [*range(50), None]


def test_big_values_in_many_pieces(client: MemcacheClient) -> None:
    value = "x" * 900_000
    client.set("big", value)
    assert client.get("big") == value


def test_tasks_at_the_same_time(host: Host, client: MemcacheClient) -> None:
    def work(number: int) -> list[object]:
        client.set(f"t{number}", number)
        return [client.get(f"t{number}") for _ in range(20)]

    tasks = [host.tasks.spawn(work, number) for number in range(20)]
    assert [task.wait() for task in tasks] == [[number] * 20 for number in range(20)]
