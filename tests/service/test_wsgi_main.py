"""A whole server in processes of its own, from its conf to its end."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from swiftlite.cluster import conf as cluster_conf
from swiftlite.service.crew import CannotStart
from swiftlite.service.wsgi_main import (
    ServerKind,
    http_limits,
    plan,
    refuse_what_cannot_be_kept,
)
from swiftlite.vocab.limits import Limits
from tests.service.test_crew import wait_for

HERE = Path(__file__).parent
APP = "call:tests.service.paste_parts:slow_app_factory"


class Server:
    def __init__(self, folder: Path, **options: object) -> None:
        (folder / "swift.conf").write_text("[swift-hash]\nswift_hash_path_suffix = x\n")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        settings = {"bind_port": self.port, "swift_dir": folder, "bind_timeout": 0, **options}
        lines = "".join(f"{key} = {value}\n" for key, value in settings.items())
        self.gate = folder / "gate"
        os.mkfifo(self.gate)
        conf = folder / "test-server.conf"
        conf.write_text(f"[DEFAULT]\n{lines}[app:main]\nuse = {APP}\ngate = {self.gate}\n")
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "run_server.py"), str(conf)],
            env={**os.environ, "PYTHONPATH": str(HERE.parents[1])},
            stderr=subprocess.PIPE,
            text=True,
        )

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)

    def get(self, path: str = "/") -> tuple[int, bytes]:
        connection = self.connect()
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

    def starter(**options: object) -> Server:
        running.append(Server(tmp_path, **options))
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


def test_a_hangup_loads_the_conf_again_without_losing_the_port(
    start: Callable[..., Server], tmp_path: Path
) -> None:
    server = start(workers=1)
    wait_for(server.is_up)
    worker = server.get("/pid")[1]
    server.process.send_signal(signal.SIGHUP)

    def reloaded() -> bool:
        try:
            return server.get("/pid")[1] != worker
        except ConnectionResetError:  # it was waiting to be accepted by the old worker
            return False

    wait_for(reloaded)


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
