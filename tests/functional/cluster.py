"""Clusters of real processes for tests, and a client that speaks plain HTTP to them.

`Embedded` is what a person starts: one command, servers that die are started again. `Separate` runs
each server by its own command, so that a test decides which are down and for how long.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from swiftlite.cli.embedded.confs import Front
from swiftlite.cli.embedded.create import create, new_marker, write_confs
from swiftlite.cli.embedded.layout import HOST, Layout, ServerName, storage_ports
from swiftlite.cli.embedded.marker import read_marker, write_marker
from swiftlite.cluster import conf as cluster_conf
from swiftlite.host import plain
from swiftlite.ring import Ring
from swiftlite.service.port import port_fault
from tools.faults.lanes import switch_off

REPOSITORY = Path(__file__).resolve().parents[2]
LANES_OFF = os.environ.get("SWIFTLITE_TEST_LANES") == "off"
_WENT_WELL = re.compile(r'" [234]\d\d |HTTP/1.1 [234]\d\d ')
PATIENCE_S = 60.0
"""How long a lost machine may take; nothing is measured by it."""


def wait_for(claim: Callable[[], object], what: str, within: float = PATIENCE_S) -> None:
    until = time.monotonic() + within
    while not claim():
        assert time.monotonic() < until, f"did not happen: {what}"
        time.sleep(0.02)


def free_port() -> int:
    """A port below those that outgoing connections take."""
    while True:
        port = random.randrange(10_000, 32_000)
        if port_fault(HOST, port) is None:
            return port


def free_block(nodes: int) -> int:
    while True:
        first = random.randrange(10_000, 31_000, 100)
        if all(port_fault(HOST, port) is None for port in storage_ports(first, nodes)):
            return first


@dataclass(frozen=True)
class Answer:
    """headers: by lower-case name."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def lines(self) -> list[str]:
        return self.body.decode().splitlines()


class Client:
    """One user of the object API. Paths are text below the account and are quoted here."""

    def __init__(self, port: int, user: str = "test:tester", key: str = "testing") -> None:
        self.port = port
        self.user, self.key = user, key
        self._connection: http.client.HTTPConnection | None = None
        self.token = ""
        self.account_path = ""

    def log_in(self) -> Client:
        answer = self.send(
            "GET", "/auth/v1.0", headers={"X-Auth-User": self.user, "X-Auth-Key": self.key}
        )
        assert answer.status in (200, 204), answer
        self.token = answer.headers["x-auth-token"]
        self.account_path = urllib.parse.urlsplit(answer.headers["x-storage-url"]).path
        return self

    def send(
        self,
        method: str,
        target: str,
        body: bytes | Iterable[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """A request as it is: target is quoted already, and nothing is added."""
        connection = self._connection or http.client.HTTPConnection(HOST, self.port, timeout=90)
        self._connection = connection
        try:
            connection.request(method, target, body=body, headers=dict(headers or {}))
            answer = connection.getresponse()
            found = Answer(
                answer.status,
                {name.lower(): value for name, value in answer.getheaders()},
                answer.read(),
            )
        except BaseException:
            self.close()
            raise
        if answer.will_close:
            self.close()
        return found

    def request(
        self,
        method: str,
        path: str = "",
        body: bytes | Iterable[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        query: str = "",
    ) -> Answer:
        """path: `/container/object`, text."""
        return self.send(method, self.target(path, query), body, self.with_token(headers))

    def target(self, path: str, query: str = "") -> str:
        return self.account_path + urllib.parse.quote(path) + (f"?{query}" if query else "")

    def with_token(self, headers: Mapping[str, str] | None = None) -> dict[str, str]:
        return {"X-Auth-Token": self.token, **(headers or {})}

    def get(self, path: str = "", query: str = "", **headers: str) -> Answer:
        return self.request("GET", path, query=query, headers=_spelled(headers))

    def head(self, path: str = "", **headers: str) -> Answer:
        return self.request("HEAD", path, headers=_spelled(headers))

    def put(self, path: str, body: bytes | Iterable[bytes] = b"", **headers: str) -> Answer:
        return self.request("PUT", path, body, _spelled(headers))

    def post(self, path: str = "", **headers: str) -> Answer:
        return self.request("POST", path, headers=_spelled(headers))

    def delete(self, path: str, **headers: str) -> Answer:
        return self.request("DELETE", path, headers=_spelled(headers))

    def open(self, method: str, path: str, **headers: str) -> http.client.HTTPConnection:
        """A connection of its own with a request's head sent; body and answer are the caller's."""
        connection = http.client.HTTPConnection(HOST, self.port, timeout=90)
        connection.putrequest(method, self.target(path))
        for name, value in self.with_token(_spelled(headers)).items():
            connection.putheader(name, value)
        connection.endheaders()
        return connection

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _spelled(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


class Cluster:
    """What both kinds have: a folder, ports, rings and clients."""

    def __init__(self, root: Path, nodes: int = 4, replicas: int = 3) -> None:
        self.layout = Layout(root, nodes, free_block(nodes))
        self.port = free_port()
        self.replicas = replicas

    def client(self, user: str = "test:tester", key: str = "testing") -> Client:
        return Client(self.port, user, key).log_in()

    def ring(self, kind: str) -> Ring:
        return Ring.load(
            str(self.layout.ring(kind)), cluster_conf.load(str(self.layout.etc)).hash_path
        )

    def nodes_of(self, kind: str, *names: str) -> list[int]:
        """The nodes that hold an account, container or object: primaries, in order."""
        _, devices = self.ring(kind).nodes(*names)
        return [device.zone for device in devices]

    def pid(self, server: ServerName) -> int:
        raise AssertionError("each kind knows its own")

    def pids(self) -> dict[ServerName, int]:
        return {server: self.pid(server) for server in self.layout.servers}

    def lose_device(self, node: int) -> None:
        """As if a disk had been unmounted: its place is gone, and answers are 507."""
        device = self.layout.device(node)
        device.rename(device.with_name("gone"))

    def return_device(self, node: int) -> None:
        device = self.layout.device(node)
        device.with_name("gone").rename(device)

    def files(self, node: int, pattern: str) -> list[Path]:
        """Files below a node's device."""
        return [path for path in self.layout.device(node).glob(pattern) if path.is_file()]

    def logs(self) -> str:
        """What logs say beside requests that went well, for a test that fails."""
        told = []
        for path in sorted(self.layout.logs.glob("*.log")):
            lines = path.read_text(errors="replace").splitlines()
            lines = [line for line in lines if not _WENT_WELL.search(line)]
            told += [f"--- {path.name}", *(line[:1500] for line in lines[-10:])]
        return "\n".join(told)


class Embedded(Cluster):
    """`swiftlite server` in a process of its own."""

    def __init__(self, root: Path, nodes: int = 4, replicas: int = 3, workers: int = 1) -> None:
        super().__init__(root, nodes, replicas)
        self.workers = workers
        self.process: subprocess.Popen[str] | None = None
        self.banner = ""

    def start(self, *options: str) -> Embedded:
        arguments = ["--port", str(self.port), "--workers", str(self.workers), "--test-users"]
        if LANES_OFF and read_marker(self.layout.root) is None:
            made_beforehand(self.layout, self.replicas, self.port, self.workers)
        if read_marker(self.layout.root) is None:
            arguments += ["--storage-port", str(self.layout.first_port)]
            arguments += ["--devices", str(self.layout.nodes), "--replicas", str(self.replicas)]
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "swiftlite.cli.main", "server", str(self.layout.root)),
                *arguments,
                *options,
            ],
            cwd=REPOSITORY,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.banner = self._read_banner()
        return self

    def _read_banner(self) -> str:
        assert self.process is not None
        assert self.process.stdout is not None
        lines = []
        for line in self.process.stdout:
            lines.append(line)
            if line.startswith("Ctrl-C"):
                return "".join(lines)
        raise AssertionError(f"the cluster ended with {self.process.wait()}:\n{self.logs()}")

    def pid(self, server: ServerName) -> int:
        return int(self.layout.pid_file(server).read_text())

    def stop(self) -> int:
        """As Ctrl-C does; the exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        return self._gone()

    def kill(self) -> None:
        """Every process at once, without a last word."""
        assert self.process is not None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self._gone()

    def _gone(self) -> int:
        assert self.process is not None
        self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode


class Separate(Cluster):
    """Each server a process of its own, none started again unless the test does."""

    def __init__(self, root: Path, nodes: int = 4, replicas: int = 3) -> None:
        super().__init__(root, nodes, replicas)
        self._pids: dict[ServerName, int] = {}
        made_beforehand(self.layout, replicas, self.port, 0)
        self._stem = subprocess.Popen(
            [sys.executable, "-m", "tests.functional.stem"],
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start(self, *servers: ServerName) -> Separate:
        """Start servers, or all; returns once they answer."""
        chosen = servers or tuple(self.layout.servers)
        assert self._stem.stdin is not None
        assert self._stem.stdout is not None
        for server in chosen:
            order = [server.kind, str(self.layout.conf(server)), str(self.layout.log(server))]
            self._stem.stdin.write(json.dumps(order) + "\n")
            self._stem.stdin.flush()
            self._pids[server] = int(self._stem.stdout.readline())
        for server in chosen:
            wait_for(partial(self.is_up, server), f"{server.label} answers")
        return self

    def is_up(self, server: ServerName) -> bool:
        assert not is_gone(self._pids[server]), f"{server.label} ended:\n{self.logs()}"
        port = self.port if server.kind == "proxy" else self.layout.port(server)
        connection = http.client.HTTPConnection(HOST, port, timeout=10)
        with contextlib.closing(connection):
            try:
                connection.request("GET", "/healthcheck")
                return connection.getresponse().status == 200
            except (OSError, http.client.HTTPException):
                return False

    @property
    def alive(self) -> set[ServerName]:
        return set(self._pids)

    def pid(self, server: ServerName) -> int:
        return self._pids[server]

    def kill(self, *servers: ServerName) -> None:
        """SIGKILL for these."""
        for server in servers:
            pid = self._pids.pop(server)
            os.kill(pid, signal.SIGKILL)
            wait_for(partial(is_gone, pid), f"{server.label} has ended")

    def daemon(self, module: str, node: int, *words: str) -> subprocess.Popen[bytes]:
        """An object daemon of a node: `obj.updater`."""
        code = f"import sys; from swiftlite.{module}.daemon import main; sys.exit(main())"
        conf = str(self.layout.conf(ServerName("object", node)))
        return subprocess.Popen([sys.executable, "-c", code, conf, *words], cwd=REPOSITORY)

    def run_once(self, module: str, node: int, *words: str) -> None:
        assert self.daemon(module, node, "--once", *words).wait(PATIENCE_S) == 0

    def close(self) -> None:
        """Everything ends with the process that started it."""
        self._stem.kill()
        self._stem.communicate()
        for server, pid in self._pids.items():
            wait_for(partial(is_gone, pid), f"{server.label} has ended")


def made_beforehand(layout: Layout, replicas: int, port: int, workers: int) -> None:
    """The folder of a cluster that has not run yet."""
    layout.root.mkdir(parents=True, exist_ok=True)
    marker = new_marker(layout.nodes, replicas, layout.first_port)
    write_marker(layout.root, marker)
    marker = create(layout, marker, plain.make_host())
    write_confs(layout, marker, Front(HOST, port, workers, True, marker.owner_key))
    if LANES_OFF:
        switch_off(layout)


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def open_descriptors(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


@contextlib.contextmanager
def abrupt(connection: http.client.HTTPConnection) -> Iterator[None]:
    """Afterwards the connection is cut with a reset, as by a client that crashes."""
    yield
    if connection.sock is not None:
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        connection.sock.close()
