"""Local sockets of whole servers: there as long as the port is, through reloads, and no longer."""

from __future__ import annotations

import http.client
import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from swiftlite.host.local_socket import local_name
from swiftlite.service.handover import Handover, parse_handover
from tests.service.test_crew import is_gone, wait_for
from tests.service.test_wsgi_main import Server, free_ports, start, write_ring

__all__ = ["start"]  # the fixture


class LocalConnection(http.client.HTTPConnection):
    def __init__(self, port: int, ip: str) -> None:
        super().__init__(ip, port, timeout=20)

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(20)
        self.sock.connect(local_name(self.host, self.port, os.geteuid()))


def ask(port: int, path: str = "/", ip: str = "127.0.0.1") -> bytes | None:
    """The answer over the local socket beside a port; None where there is none."""
    connection = LocalConnection(port, ip)
    try:
        connection.request("GET", path)
        return connection.getresponse().read()
    except ConnectionRefusedError:
        return None
    finally:
        connection.close()


@pytest.mark.parametrize("workers", [0, 2])
def test_a_server_listens_beside_its_port_until_it_ends(
    start: Callable[..., Server], workers: int
) -> None:
    server = start(workers=workers)
    wait_for(server.is_up)
    assert ask(server.port) == b"done"
    server.process.send_signal(signal.SIGTERM)
    assert server.finish()[0] == 0
    assert ask(server.port) is None


def test_a_server_at_all_addresses_has_one_name_for_them(start: Callable[..., Server]) -> None:
    server = start(workers=1, bind_ip="0.0.0.0")
    wait_for(server.is_up)
    assert ask(server.port, ip="0.0.0.0") == b"done"
    assert ask(server.port) is None


@pytest.mark.parametrize(
    ("name", "options"), [("proxy-server", {}), ("test-server", {"local_sockets": "no"})]
)
@pytest.mark.parametrize("workers", [0, 1])
def test_a_proxy_has_none_and_neither_has_who_wants_none(
    start: Callable[..., Server], name: str, options: dict[str, object], workers: int
) -> None:
    server = start(name=name, workers=workers, **options)
    wait_for(server.is_up)
    assert ask(server.port) is None


def test_a_reload_keeps_it_or_takes_it_away_or_brings_it_back(
    start: Callable[..., Server],
) -> None:
    server = start(workers=1, local_sockets="yes")
    wait_for(server.is_up)

    def reload() -> None:
        worker = int(server.get("/pid")[1])
        server.process.send_signal(signal.SIGUSR1)
        wait_for(lambda: is_gone(worker))

    worker = ask(server.port, "/pid")
    reload()
    assert ask(server.port, "/pid") not in (None, worker)
    server.change("local_sockets = yes", "local_sockets = no")
    reload()
    assert ask(server.port) is None
    assert server.is_up()
    server.change("local_sockets = no", "local_sockets = yes")
    reload()
    assert ask(server.port) == b"done"


def test_a_request_that_came_by_it_outlasts_a_reload(start: Callable[..., Server]) -> None:
    server = start(workers=1, stop_timeout=0.1)
    wait_for(server.is_up)
    worker = int(server.get("/pid")[1])
    connection = LocalConnection(server.port, "127.0.0.1")
    connection.request("GET", "/wait")
    with open(server.gate, "wb", buffering=0) as gate:  # opens when the app waits there
        server.process.send_signal(signal.SIGUSR1)
        wait_for(lambda: ask(server.port, "/pid") not in (None, b"%d" % worker))
        gate.write(b"go\n")
    assert connection.getresponse().read() == b"waited"
    connection.close()
    wait_for(lambda: is_gone(worker))


def test_a_killed_server_leaves_nothing_in_the_way_of_the_next(
    start: Callable[..., Server], tmp_path: Path
) -> None:
    server = start(workers=1)
    wait_for(server.is_up)
    worker = int(server.get("/pid")[1])
    os.kill(server.process.pid, signal.SIGKILL)
    server.process.wait()
    wait_for(lambda: is_gone(worker))  # it does not outlive its parent
    os.unlink(server.gate)
    again = start(workers=1, bind_port=server.port, bind_timeout=20)
    again.port = server.port
    wait_for(again.is_up)
    assert ask(server.port) == b"done"


def test_a_name_that_somebody_else_has_taken_is_told_and_done_without(
    start: Callable[..., Server],
) -> None:
    (port,) = free_ports(1)
    with socket.socket(socket.AF_UNIX) as squatter:
        squatter.bind(local_name("127.0.0.1", port, os.geteuid()))
        server = start(workers=1, bind_port=port)
        server.port = port
        wait_for(server.is_up)
        assert server.process.stderr is not None
        line = next(line for line in server.process.stderr if "no local socket" in line)
        assert f"@swiftlite/{os.geteuid()}/127.0.0.1/{port}" in line


def test_with_a_port_for_each_device_each_has_one(
    start: Callable[..., Server], tmp_path: Path
) -> None:
    ports = free_ports(3)
    write_ring(tmp_path, ports[:2])
    start(servers_per_port=1, ring_check_interval=0.1, name="object-server")

    def here() -> list[bool]:
        return [ask(port) == b"done" for port in ports]

    wait_for(lambda: here() == [True, True, False])
    assert ask(ports[0], "/pid") != ask(ports[1], "/pid")
    write_ring(tmp_path, ports[1:])
    wait_for(lambda: here() == [False, True, True])


def test_a_handover_tells_ports_and_local_sockets_apart() -> None:
    handover = Handover({("127.0.0.1", 6200): 3, "\0swiftlite/0/*/6200": 4}, (17,))
    assert parse_handover(handover.render()) == handover
