"""A whole server in processes of its own, from its conf to its end."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import MappingProxyType

import pytest

from swiftlite.cluster import conf as cluster_conf
from swiftlite.ring import RingBuilder
from swiftlite.service.crew import CannotStart
from swiftlite.service.wsgi_main import (
    ServerKind,
    http_limits,
    plan,
    refuse_what_cannot_be_kept,
)
from swiftlite.vocab.limits import Limits
from tests.service.test_crew import is_gone, wait_for

HERE = Path(__file__).parent
APP = "call:tests.service.paste_parts:slow_app_factory"


class Server:
    def __init__(
        self,
        folder: Path,
        options: dict[str, object],
        name: str,
        environ: Mapping[str, str],
    ) -> None:
        (folder / "swift.conf").write_text("[swift-hash]\nswift_hash_path_suffix = x\n")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        settings = {"bind_port": self.port, "swift_dir": folder, "bind_timeout": 0, **options}
        lines = "".join(f"{key} = {value}\n" for key, value in settings.items())
        self.gate = folder / "gate"
        os.mkfifo(self.gate)
        self.conf = folder / "test-server.conf"
        self.conf.write_text(f"[DEFAULT]\n{lines}[app:main]\nuse = {APP}\ngate = {self.gate}\n")
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "run_server.py"), str(self.conf), name],
            env={**os.environ, **environ, "PYTHONPATH": str(HERE.parents[1])},
            stderr=subprocess.PIPE,
            text=True,
        )

    def change(self, old: str, new: str) -> None:
        text = self.conf.read_text()
        assert old in text
        self.conf.write_text(text.replace(old, new))

    def connect(self, port: int | None = None) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=20)

    def get(self, path: str = "/", port: int | None = None) -> tuple[int, bytes]:
        connection = self.connect(port)
        connection.request("GET", path)
        answer = connection.getresponse()
        found = answer.status, answer.read()
        connection.close()
        return found

    def is_up(self) -> bool:
        assert self.process.poll() is None, self.process.communicate()[1]
        try:
            return self.get() == (200, b"done")
        except OSError:
            return False

    def finish(self) -> tuple[int, str]:
        _, complaint = self.process.communicate(timeout=20)
        return self.process.returncode, complaint


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    running: list[Server] = []

    def starter(
        name: str = "test-server",
        environ: Mapping[str, str] = MappingProxyType({}),
        **options: object,
    ) -> Server:
        running.append(Server(tmp_path, options, name, environ))
        return running[-1]

    yield starter
    for server in running:
        if server.process.poll() is None:
            server.process.kill()
        server.process.communicate()


@pytest.mark.parametrize("workers", [0, 2])
def test_a_server_serves_and_stops_on_sigterm(start: Callable[..., Server], workers: int) -> None:
    server = start(workers=workers)
    wait_for(server.is_up)
    server.process.send_signal(signal.SIGTERM)
    assert server.finish()[0] == 0
    with pytest.raises(OSError):  # noqa: PT011  # refused, whatever the errno
        server.get()


def test_requests_under_way_are_finished_and_no_new_ones_taken(
    start: Callable[..., Server],
) -> None:
    server = start(workers=0)
    wait_for(server.is_up)
    connection = server.connect()
    connection.request("GET", "/wait")
    # The app opens the gate for reading when the request has reached it.
    writing = os.open(server.gate, os.O_WRONLY)
    server.process.send_signal(signal.SIGTERM)
    wait_for(lambda: not accepts(server.port))
    os.write(writing, b"go\n")
    os.close(writing)
    answer = connection.getresponse()
    assert (answer.status, answer.read()) == (200, b"waited")
    assert server.finish()[0] == 0


def test_a_request_that_takes_too_long_does_not_stop_the_stop(
    start: Callable[..., Server],
) -> None:
    server = start(workers=0, stop_timeout=0.2)
    wait_for(server.is_up)
    connection = server.connect()
    connection.request("GET", "/wait")
    writing = os.open(server.gate, os.O_WRONLY)
    server.process.send_signal(signal.SIGTERM)
    code, log = server.finish()
    os.close(writing)
    assert code == 0
    assert "took too long" in log


def accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_a_worker_that_is_killed_is_replaced(start: Callable[..., Server]) -> None:
    server = start(workers=1)
    wait_for(server.is_up)
    worker = int(server.get("/pid")[1])
    os.kill(worker, signal.SIGKILL)

    def replaced() -> bool:
        try:
            return int(server.get("/pid")[1]) != worker
        except OSError:
            return False

    wait_for(replaced)


def test_a_hangup_ends_the_server_and_lets_requests_finish_alone(
    start: Callable[..., Server],
) -> None:
    server = start(workers=1, stop_timeout=0.1)
    wait_for(server.is_up)
    worker = int(server.get("/pid")[1])
    connection = server.connect()
    connection.request("GET", "/wait")
    writing = os.open(server.gate, os.O_WRONLY)
    server.process.send_signal(signal.SIGHUP)
    assert server.process.wait(20) == 0
    wait_for(lambda: not accepts(server.port))
    os.write(writing, b"go\n")
    os.close(writing)
    answer = connection.getresponse()
    assert (answer.status, answer.read()) == (200, b"waited")
    wait_for(lambda: is_gone(worker))


def test_a_reload_takes_a_new_conf_and_keeps_pid_and_port(start: Callable[..., Server]) -> None:
    server = start(workers=1)
    wait_for(server.is_up)
    worker = int(server.get("/pid")[1])
    server.change("workers = 1", "workers = 2")
    server.process.send_signal(signal.SIGUSR1)
    wait_for(lambda: is_gone(worker))
    assert server.process.poll() is None
    wait_for(lambda: len({server.get("/pid")[1] for _ in range(8)}) == 2)
    server.process.send_signal(signal.SIGTERM)
    assert server.finish()[0] == 0


def test_a_reload_with_a_bad_conf_changes_nothing_and_says_why(
    start: Callable[..., Server],
) -> None:
    server = start(workers=1)
    wait_for(server.is_up)
    worker = server.get("/pid")[1]
    server.change("workers = 1", "workers = many")
    server.process.send_signal(signal.SIGUSR1)
    assert server.process.stderr is not None
    line = next(line for line in server.process.stderr if "not reloaded" in line)
    assert "workers" in line
    assert server.get("/pid")[1] == worker


def test_a_server_of_one_process_says_that_it_cannot_reload(
    start: Callable[..., Server],
) -> None:
    """By default the signal would end it."""
    server = start(workers=0)
    wait_for(server.is_up)
    server.process.send_signal(signal.SIGUSR1)
    assert server.process.stderr is not None
    assert any("needs workers" in line for line in server.process.stderr)
    assert server.is_up()


@pytest.mark.parametrize("ip", ["localhost", "127.0.0.1"])
def test_a_reload_finds_the_door_whatever_its_name(start: Callable[..., Server], ip: str) -> None:
    """By the address of the socket, `localhost` was not found again, and its port was in use."""
    server = start(workers=1, bind_ip=ip)
    wait_for(server.is_up)
    worker = int(server.get("/pid")[1])
    server.process.send_signal(signal.SIGUSR1)
    wait_for(lambda: is_gone(worker))
    assert server.get() == (200, b"done")


def test_a_reload_to_a_port_that_is_taken_serves_on_at_the_old_one(
    start: Callable[..., Server],
) -> None:
    server = start(workers=1)
    wait_for(server.is_up)
    worker = int(server.get("/pid")[1])
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        server.change(f"bind_port = {server.port}", f"bind_port = {other.getsockname()[1]}")
        server.process.send_signal(signal.SIGUSR1)
        wait_for(lambda: is_gone(worker))
        assert server.get() == (200, b"done")


def test_a_request_under_way_outlasts_a_reload(start: Callable[..., Server]) -> None:
    server = start(workers=1, stop_timeout=0.1)
    wait_for(server.is_up)
    worker = int(server.get("/pid")[1])
    connection = server.connect()
    connection.request("GET", "/wait")
    writing = os.open(server.gate, os.O_WRONLY)
    server.process.send_signal(signal.SIGUSR1)
    wait_for(lambda: int(server.get("/pid")[1]) != worker)
    os.write(writing, b"go\n")
    os.close(writing)
    answer = connection.getresponse()
    assert (answer.status, answer.read()) == (200, b"waited")
    wait_for(lambda: is_gone(worker))


def test_connections_that_come_together_are_spread_over_the_workers(
    start: Callable[..., Server],
) -> None:
    """Without shares.py the first worker that the kernel wakes may take them all."""
    server = start(workers=2)
    wait_for(server.is_up)
    connections = [server.connect() for _ in range(16)]
    for connection in connections:
        connection.connect()
    for connection in connections:
        connection.request("GET", "/pid")
    counts = Counter(connection.getresponse().read() for connection in connections)
    for connection in connections:
        connection.close()
    assert len(counts) == 2
    assert min(counts.values()) >= 3


@pytest.mark.slow
def test_no_request_fails_while_a_server_reloads_under_load(start: Callable[..., Server]) -> None:
    """Half of the clients keep their connection, half make one for each request."""
    server = start(workers=2)
    wait_for(server.is_up)
    stop = threading.Event()
    with ThreadPoolExecutor(4) as pool:
        counts = [pool.submit(ask_until, server, stop, keep) for keep in (True, False) * 2]
        for _ in range(3):
            workers = {int(server.get("/pid")[1]) for _ in range(20)}
            server.process.send_signal(signal.SIGUSR1)
            wait_for(lambda gone=workers: all(is_gone(pid) for pid in gone), within=60)  # type: ignore[misc]  # mypy cannot infer a lambda's default
        stop.set()
        assert all(count.result(20) > 0 for count in counts)


def ask_until(server: Server, stop: threading.Event, keep: bool) -> int:
    """Ask again and again; the first wrong or missing answer raises."""
    count = 0
    connection = server.connect()
    while not stop.is_set():
        connection.request("GET", "/", headers={} if keep else {"Connection": "close"})
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (200, b"done")
        count += 1
    connection.close()
    return count


def test_a_watched_server_says_that_it_is_ready_and_alive(
    start: Callable[..., Server], tmp_path: Path
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(20)
        start(
            workers=1, environ={"NOTIFY_SOCKET": manager.getsockname(), "WATCHDOG_USEC": "200000"}
        )
        heard = {manager.recv(100)}
        while not {b"READY=1", b"WATCHDOG=1"} <= heard:
            heard.add(manager.recv(100))


def test_workers_follow_the_ports_that_the_rings_give(
    start: Callable[..., Server], tmp_path: Path
) -> None:
    ports = free_ports(3)
    write_ring(tmp_path, ports[:2])
    server = start(servers_per_port=1, ring_check_interval=0.1, name="object-server")
    wait_for(lambda: all(accepts(port) for port in ports[:2]))
    pids = {server.get("/pid", port)[1] for port in ports[:2]}
    assert len(pids) == 2
    assert not accepts(server.port)
    write_ring(tmp_path, ports[1:])
    wait_for(lambda: accepts(ports[2]) and not accepts(ports[0]))
    assert server.get("/pid", ports[1])[1] in pids


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as open_until_all_are_known:
        probes = [open_until_all_are_known.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


def write_ring(folder: Path, ports: list[int]) -> None:
    builder = RingBuilder.create(4, 1, 0)
    for number, port in enumerate(ports):
        builder.add_device(zone=1, ip="127.0.0.1", port=port, device=f"d{number}", weight=1)
    builder.rebalance(1, seed="1")
    builder.write_ring(str(folder / "object.ring.gz"))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"bind_port": "x"}, "bind_port"),
        ({"bind_ip": "192.0.2.1"}, "192.0.2.1"),
        ({"workers": -1}, "workers"),
        ({"user": "no-such-user-here"}, "no-such-user-here"),
        ({"swift_dir": "/nonexistent"}, "/nonexistent/swift.conf"),
    ],
)
def test_what_is_wrong_with_a_conf_is_one_sentence(
    start: Callable[..., Server], options: dict[str, object], words: str
) -> None:
    code, complaint = start(**options).finish()
    assert code == 1
    assert words in complaint
    assert "Traceback" not in complaint


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_a_port_in_use_is_told(start: Callable[..., Server], workers: int) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        code, complaint = start(bind_port=port, workers=workers).finish()
    assert code == 1
    assert f"127.0.0.1:{port}" in complaint


def test_an_erasure_coded_policy_is_refused_by_what_would_have_to_keep_it(tmp_path: Path) -> None:
    (tmp_path / "swift.conf").write_text(
        "[swift-hash]\nswift_hash_path_suffix = x\n[storage-policy:0]\nname = gold\ndefault = yes\n"
        "[storage-policy:3]\nname = thrifty\npolicy_type = erasure_coding\n"
        "ec_type = liberasurecode_rs_vand\nec_num_data_fragments = 4\n"
        "ec_num_parity_fragments = 2\n"
    )
    cluster = cluster_conf.load(str(tmp_path))
    with pytest.raises(CannotStart, match="thrifty"):
        refuse_what_cannot_be_kept(ServerKind("object-server", 1, handles_objects=True), cluster)
    refuse_what_cannot_be_kept(ServerKind("container-server", 1), cluster)


def test_what_a_proxy_takes_fits_a_storage_server(tmp_path: Path) -> None:
    """A client's headers at the limit go on to storage servers with the proxy's own."""
    (tmp_path / "server.conf").write_text("[DEFAULT]\nbind_port = 1\n")
    limits = Limits()
    counts = {
        name: http_limits(plan(ServerKind(name, 1), str(tmp_path / "server.conf")), limits)
        for name in ("proxy-server", "object-server", "container-server", "account-server")
    }
    proxy = counts.pop("proxy-server").head.header_count
    assert proxy == limits.max_header_count
    assert {one.head.header_count for one in counts.values()} == {proxy + 64}
